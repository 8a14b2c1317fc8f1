/**
 * Foreign origins. CORS layers never block: the answer lacks the header that lets a browser's script read it. So the
 * answer is what tells.
 */
import type { ServerResponse } from 'node:http';
import type { SecurityAction } from './counts.ts';
import { headerOf, type Incoming, type RequestState } from './request.ts';
import type { SecurityBlockSettings } from './settings.ts';

export interface OriginViolation {
  readonly pattern: 'request' | 'preflight';
  /** `blocked` where a browser will not send the request, or the answer is 403 or the layer's own error. */
  readonly action: SecurityAction;
}

type OriginSettings = Pick<SecurityBlockSettings, 'allowedOrigins' | 'trustedHops'>;

/**
 * Judges the `Origin` of a request that is answered.
 * @param state what is known of the request
 * @returns undefined when it has none, is the application's own, was let in, or nothing tells who may come
 */
export function judgeOrigin(
  settings: OriginSettings,
  request: Incoming,
  response: ServerResponse,
  state: RequestState | undefined,
): OriginViolation | undefined {
  const origin = headerOf(request, 'origin');
  if (origin === undefined || isOwn(settings, request, origin) || isLetIn(settings, origin, response, state))
    return undefined;
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  const isRefused = isPreflight || state?.corsRefused === true || response.statusCode === 403;
  return { pattern: isPreflight ? 'preflight' : 'request', action: isRefused ? 'blocked' : 'detected' };
}

/** The host's name and port stand in for the scheme, which a proxy in front may have changed. */
function isOwn({ trustedHops }: OriginSettings, request: Incoming, origin: string): boolean {
  // Pages without a referrer send `null` to their own host, too; this header no script can write.
  if (origin === 'null') return /^(?:same-origin|none)$/.test(headerOf(request, 'sec-fetch-site') ?? '');
  const host = URL.parse(origin)?.host;
  if (host === undefined) return false;
  const hosts = [headerOf(request, 'host') ?? headerOf(request, ':authority')];
  // Proxies of our own may have put another host in its place.
  if (trustedHops > 0) hosts.push(headerOf(request, 'x-forwarded-host')?.split(',').at(-1)?.trim());
  return hosts.some((own) => own !== undefined && withoutDefaultPort(own.toLowerCase()) === withoutDefaultPort(host));
}

function withoutDefaultPort(host: string): string {
  return host.replace(/:(?:80|443)$/, '');
}

/** Whoever has an allow-list has said who may come; else a CORS layer must have been there to say so. */
function isLetIn(
  { allowedOrigins }: OriginSettings,
  origin: string,
  response: ServerResponse,
  state: RequestState | undefined,
): boolean {
  if (allowedOrigins !== undefined) return allowedOrigins.includes(origin);
  const allowed = answerHeader(response, 'access-control-allow-origin');
  if (allowed === '*' || allowed === origin) return true;
  const hasLayer = allowed !== undefined || /\borigin\b/i.test(answerHeader(response, 'vary') ?? '');
  return !hasLayer && state?.corsSeen !== true;
}

/**
 * A header of an answer that is sent. `getHeader` knows nothing of those that were given to `writeHead`, as Fastify and
 * Hono's adapter do: then what went out in text is all that there is.
 */
function answerHeader(response: ServerResponse, name: string): string | undefined {
  const set = response.getHeader(name);
  if (set !== undefined) return Array.isArray(set) ? set.join(',') : String(set);
  const { _header: sent } = response as { _header?: unknown };
  if (typeof sent !== 'string') return undefined;
  return new RegExp(`^${name}: *([^\\r\\n]*)`, 'im').exec(sent)?.[1];
}
