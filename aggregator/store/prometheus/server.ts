/** A Prometheus-compatible server over HTTP: bounded in time, in number and in size, and asked again where that may help. */
import type { OwnMetrics } from '../../metrics.ts';
import { StoreUnavailable } from '../port.ts';
import { fieldsOf, UnreadableAnswer } from './samples.ts';

export interface ServerOptions {
  /** Below which `/api/v1/…` lies. */
  readonly url: string;
  /** Sent as `X-Scope-OrgID`. */
  readonly tenant?: string;
  /** The whole `Authorization` header. */
  readonly authorization?: string;
  readonly metrics: OwnMetrics;
  /** For one question, the wait for its turn and its repetitions included. */
  readonly timeoutMs?: number;
  /** Questions that are under way at the same time. */
  readonly maxConcurrent?: number;
  /** Before a question is asked again; doubled each time. */
  readonly pauseMs?: number;
}

export interface MetricsServer {
  /** What stands under `data`. @throws StoreUnavailable whose cause tells what the server said */
  get(path: string, fields: Readonly<Record<string, string>>): Promise<unknown>;
}

/** The server understood a question and will not answer it: too much data, too long, or no PromQL of its own. */
export class QueryRefused extends StoreUnavailable {}

const TIMEOUT_MS = 15_000;
const MAX_CONCURRENT = 8;
/** More than all answers of a busy moment ask for. */
const MAX_WAITING = 1000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const TRIES = 3;
const PAUSE_MS = 100;
const RETRY_SECONDS = 5;
/** Statuses of a server, or of what stands before it, that is overloaded or starts: asking changes nothing, so it may be repeated. */
const TRANSIENT: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

const OUTCOMES = ['answered', 'refused', 'timed_out', 'failed'] as const;
type Outcome = (typeof OUTCOMES)[number];

/** Asked again, it may answer. */
class Transient extends Error {
  override readonly name = 'Transient';
}

export function createServer(options: ServerOptions): MetricsServer {
  const { metrics, timeoutMs = TIMEOUT_MS, maxConcurrent = MAX_CONCURRENT, pauseMs = PAUSE_MS } = options;
  const queries = metrics.counter(
    'aggregator_prometheus_queries_total',
    'Questions to Prometheus, by how they ended.',
    {
      outcome: OUTCOMES,
    },
  );
  const retries = metrics.counter('aggregator_prometheus_retries_total', 'Questions asked again.', {});
  const turns = createTurns(maxConcurrent);
  metrics.gauge('aggregator_prometheus_waiting', 'Questions that wait for their turn.', () => turns.waiting());

  async function ask(path: string, fields: Readonly<Record<string, string>>, signal: AbortSignal): Promise<unknown> {
    for (let tries = 1; ; tries++) {
      try {
        return await request(options, path, { ...fields, timeout: `${timeoutMs}ms` }, signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (!(error instanceof Transient) || tries === TRIES) throw error;
        retries.add({});
        await pause(pauseMs * 2 ** (tries - 1), signal);
      }
    }
  }

  return {
    async get(path, fields) {
      // The time spent waiting counts: behind a server that hangs nobody waits longer than once.
      const signal = AbortSignal.timeout(timeoutMs);
      await turns.begin();
      try {
        signal.throwIfAborted();
        const data = await ask(path, fields, signal);
        queries.add({ outcome: 'answered' });
        return data;
      } catch (error) {
        const { outcome, failure } = judge(error, timeoutMs);
        queries.add({ outcome });
        throw failure;
      } finally {
        turns.end();
      }
    },
  };
}

async function request(
  { url, tenant, authorization }: ServerOptions,
  path: string,
  fields: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<unknown> {
  const isQuery = path.startsWith('query');
  // Neither Thanos nor VictoriaMetrics may leave out what it could not reach without saying so.
  const parameters = new URLSearchParams({ ...fields, partial_response: 'false', deny_partial_response: '1' });
  const headers = {
    Accept: 'application/json',
    ...(tenant === undefined ? {} : { 'X-Scope-OrgID': tenant }),
    ...(authorization === undefined ? {} : { Authorization: authorization }),
  };
  const address = `${url.replace(/\/+$/, '')}/api/v1/${path}`;
  let answer: Response;
  try {
    // A long expression does not fit into an address. A redirect could carry the key elsewhere.
    answer = await (isQuery
      ? fetch(address, { method: 'POST', headers, body: parameters, signal, redirect: 'error' })
      : fetch(`${address}?${parameters}`, { headers, signal, redirect: 'error' }));
  } catch (error) {
    throw signal.aborted ? error : new Transient('no connection', { cause: error });
  }
  const text = await readText(answer, signal);
  if (answer.ok) return readData(text);
  const said = `the server answered ${answer.status}: ${text.slice(0, 500)}`;
  if (TRANSIENT.has(answer.status)) throw new Transient(said);
  if (answer.status === 401 || answer.status === 403)
    throw unavailable('The Prometheus server does not accept the credentials of this service.', new Error(said));
  if (answer.status === 400 || answer.status === 422)
    throw new QueryRefused('The Prometheus server refused a query; a shorter window asks for less.', RETRY_SECONDS, {
      cause: new Error(said),
    });
  throw unavailable('There is no Prometheus API at PROMETHEUS_URL.', new Error(said));
}

/** The body, up to the largest one that is taken. */
async function readText(answer: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer.body ?? []) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new QueryRefused(TOO_LARGE, RETRY_SECONDS);
      chunks.push(chunk);
    }
  } catch (error) {
    if (signal.aborted || error instanceof QueryRefused) throw error;
    throw new Transient('the answer broke off', { cause: error });
  }
  return Buffer.concat(chunks).toString();
}

const TOO_LARGE = `The Prometheus server answered with more than ${MAX_ANSWER_BYTES / 1024 / 1024} MiB; a shorter window asks for less.`;

function readData(text: string): unknown {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new UnreadableAnswer('the answer is no JSON', { cause: error });
  }
  const { status, data, isPartial } = fieldsOf(body);
  if (status !== 'success') throw new UnreadableAnswer('the answer says neither success nor why not');
  if (isPartial === true) throw new Transient('the answer is partial');
  return data;
}

function judge(error: unknown, timeoutMs: number): { readonly outcome: Outcome; readonly failure: StoreUnavailable } {
  if (error instanceof QueryRefused) return { outcome: 'refused', failure: error };
  if (error instanceof StoreUnavailable) return { outcome: 'failed', failure: error };
  if (error instanceof Transient)
    return { outcome: 'failed', failure: unavailable('The Prometheus server does not answer.', error) };
  if (error instanceof Error && error.name === 'TimeoutError') {
    const message = `The Prometheus server did not answer within ${timeoutMs / 1000} s.`;
    return { outcome: 'timed_out', failure: unavailable(message, error) };
  }
  return {
    outcome: 'failed',
    failure: unavailable('The Prometheus server gave an answer that cannot be read.', error),
  };
}

function unavailable(message: string, cause: unknown): StoreUnavailable {
  return new StoreUnavailable(message, RETRY_SECONDS, { cause });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

interface Turns {
  /** @throws StoreUnavailable when too many wait already */
  begin(): Promise<void>;
  end(): void;
  waiting(): number;
}

function createTurns(max: number): Turns {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async begin() {
      if (running < max) running++;
      else if (queue.length >= MAX_WAITING)
        throw new StoreUnavailable('Too many questions wait for the Prometheus server.', RETRY_SECONDS);
      // The one who ends hands its place over.
      else await new Promise<void>((resolve) => queue.push(resolve));
    },
    end() {
      const next = queue.shift();
      if (next === undefined) running--;
      else next();
    },
    waiting: () => queue.length,
  };
}
