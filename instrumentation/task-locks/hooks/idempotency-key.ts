/**
 * The `Idempotency-Key` header of HTTP requests, as draft-ietf-httpapi-idempotency-key-header has it: the status of the
 * answer tells what became of the key. Node tells of every HTTP/1 request and its answer.
 */
import diagnostics_channel from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createBoundedMap } from '../bounded-map.ts';
import { currentKeyedRequest, enterRequest, type KeyedRequest } from '../keyed-requests.ts';
import type { IdempotencyOutcome } from '../telemetry.ts';
import { countRequest, observe, type Watch } from '../watch.ts';

/** Longer ones are not followed: keys are a client's to choose. */
const MAX_KEY_LENGTH = 256;
/** Keys of one process of which it is known that they were admitted. */
const MAX_ADMITTED = 10_000;
/** The draft names no header for a stored answer; these are in use. */
const replayMarkers = [
  'idempotent-replayed',
  'idempotency-replayed',
  'x-idempotent-replayed',
  'x-idempotency-replayed',
];
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

interface RoutedRequest extends IncomingMessage {
  readonly baseUrl?: unknown;
  readonly originalUrl?: unknown;
  readonly route?: { readonly path?: unknown };
}

/** @returns ends the subscriptions */
export function subscribeToIdempotencyKeys(watch: Watch): () => void {
  const admitted = createBoundedMap<string, true>(MAX_ADMITTED);
  const duplicated = createBoundedMap<string, true>(MAX_ADMITTED);
  const keyed = new WeakMap<IncomingMessage, KeyedRequest>();
  const onStart = (message: unknown): void => {
    const { request } = message as { readonly request: IncomingMessage };
    const key = request.headers['idempotency-key'];
    if (
      typeof key === 'string' &&
      key !== '' &&
      key.length <= MAX_KEY_LENGTH &&
      !safeMethods.has(request.method ?? '')
    ) {
      const state = { key, isReported: false };
      keyed.set(request, state);
      enterRequest(state);
    } else if (currentKeyedRequest() !== undefined) {
      // The request before it on the same connection.
      enterRequest(undefined);
    }
  };
  const onFinish = (message: unknown): void => {
    const { request, response } = message as { readonly request: RoutedRequest; readonly response: ServerResponse };
    const state = keyed.get(request);
    if (state === undefined || state.isReported || !watch.enabled) return;
    observe(watch, 'an Idempotency-Key', () => {
      const route = routeOf(request);
      const { task, scope, kind } = watch.names.nameTask(`${request.method} ${route}`, route);
      const key = `http:${task}:${state.key}`;
      const outcome = outcomeOf(response, admitted.has(key));
      if (outcome === undefined || kind === 'ignore') return;
      // A duplicate may be refused before the first request is answered, which is then still to be counted.
      if (outcome === 'executed' || outcome === 'replayed') admitted.set(key, true);
      const isFirst = outcome !== 'executed' && !duplicated.has(key);
      if (isFirst) duplicated.set(key, true);
      countRequest(watch, { key, task, scope }, outcome, isFirst);
    });
  };
  diagnostics_channel.subscribe('http.server.request.start', onStart);
  diagnostics_channel.subscribe('http.server.response.finish', onFinish);
  return () => {
    diagnostics_channel.unsubscribe('http.server.request.start', onStart);
    diagnostics_channel.unsubscribe('http.server.response.finish', onFinish);
  };
}

/** @returns undefined where the answer does not tell: refused or failed, and a repetition that nothing marks as replayed */
function outcomeOf(response: ServerResponse, isKnown: boolean): IdempotencyOutcome | undefined {
  if (response.statusCode === 409) return 'in_flight';
  if (response.statusCode === 422) return 'mismatch';
  if (replayMarkers.some((name) => isMarked(response, name))) return 'replayed';
  return response.statusCode < 400 && !isKnown ? 'executed' : undefined;
}

function isMarked(response: ServerResponse, name: string): boolean {
  const set = response.getHeader(name);
  if (set !== undefined) return String(set).toLowerCase() !== 'false';
  // `getHeader` knows nothing of headers that were given to `writeHead`: then what went out in text tells.
  const { _header: sent } = response as { _header?: unknown };
  if (typeof sent !== 'string') return false;
  return new RegExp(`^${name}: *(?!false\\b)\\S`, 'im').test(sent);
}

/** Express names its route; of others there is the path, from which ids are taken. */
function routeOf(request: RoutedRequest): string {
  const { baseUrl, route, originalUrl, url } = request;
  if (typeof route?.path === 'string') return `${typeof baseUrl === 'string' ? baseUrl : ''}${route.path}`;
  const path = typeof originalUrl === 'string' ? originalUrl : (url ?? '/');
  return path.split('?', 1)[0]!;
}
