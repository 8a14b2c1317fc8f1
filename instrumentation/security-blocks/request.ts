/** The HTTP request that a block belongs to, and what is known of it so far. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { IncomingMessage } from 'node:http';

/** What is used of a request, of HTTP/1 and of HTTP/2's compatibility layer. */
export type Incoming = Pick<IncomingMessage, 'headers' | 'socket' | 'url' | 'method'>;

/** What is known of one request while it is answered. */
export interface RequestState {
  /** The categories that were recorded for it, one bit each. */
  recorded: number;
  /** Whether a CORS layer handled it. */
  corsSeen: boolean;
  /** Whether that layer refused it by an error. */
  corsRefused: boolean;
  /** Whether it was told to be a refused GraphQL request, and for which document. */
  toldBlocked: boolean;
  toldDocument: object | undefined;
  /** A block of which only the answer's status will tell whether a GraphQL request was refused as a whole. */
  undecided: boolean;
}

/**
 * On the request itself, under a symbol: a WeakMap whose keys are as short-lived as requests cost 4 µs and more a block in
 * garbage collection, twenty times as much.
 */
const STATE = Symbol.for('vigil.instrumentation.security-blocks.state');
type WithState = Incoming & { [STATE]?: RequestState };

export function stateOf(request: Incoming): RequestState {
  const known = knownStateOf(request);
  if (known !== undefined) return known;
  const state: RequestState = {
    recorded: 0,
    corsSeen: false,
    corsRefused: false,
    toldBlocked: false,
    toldDocument: undefined,
    undecided: false,
  };
  // Fails without a word where the request cannot be changed: nothing is then known of it.
  Reflect.set(request, STATE, state);
  return state;
}

/** The state of a request of which anything was noted. */
export function knownStateOf(request: Incoming): RequestState | undefined {
  return (request as WithState)[STATE];
}

/** Where the request being answered is found, by any code that runs for it; shared by copies of this package. */
const REQUESTS = Symbol.for('vigil.instrumentation.security-blocks.requests');
const shared = globalThis as { [REQUESTS]?: AsyncLocalStorage<Incoming> };
export const requests: AsyncLocalStorage<Incoming> = (shared[REQUESTS] ??= new AsyncLocalStorage<Incoming>());

/**
 * The incoming request behind what frameworks call one.
 * @param given Node's own, Express' (which is Node's), Fastify's, Koa's or Hono's context; anything else is not known
 * @returns the request being answered where `given` tells nothing; undefined outside of any
 */
export function incomingOf(given: unknown): Incoming | undefined {
  return incomingWithin(given) ?? requests.getStore();
}

function incomingWithin(given: unknown): Incoming | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const { raw, req, env } = given as { raw?: unknown; req?: unknown; env?: { incoming?: unknown } };
  // What is within comes first: Fastify's request has headers and a socket, too.
  return [raw, req, env?.incoming, given].find(isIncoming);
}

function isIncoming(value: unknown): value is Incoming {
  return (
    typeof value === 'object' &&
    value !== null &&
    'socket' in value &&
    'headers' in value &&
    typeof value.headers === 'object' &&
    value.headers !== null
  );
}

/** The path as it came in: Express and others rewrite `url` while they route. */
export function pathOf(request: Incoming): string {
  const { originalUrl = request.url ?? '' } = request as { originalUrl?: string };
  const query = originalUrl.indexOf('?');
  return query < 0 ? originalUrl : originalUrl.slice(0, query);
}

/** One header as text; repeated lines are joined by commas. */
export function headerOf(request: Incoming, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}
