/**
 * The examples of the API's documentation: a fixed hour of a shop's telemetry, sent through the real door, and what the
 * real app answers to it. Run as it is, it writes them to where the service reads them from (part of `npm run generate`);
 * a test holds that what is written is what is answered.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type App, createApp } from '../../aggregator/http/app.ts';
import { createGate } from '../../aggregator/http/auth.ts';
import { endpoints } from '../../aggregator/http/endpoints.ts';
import { type ErrorCode, errorTable } from '../../aggregator/http/errors.ts';
import type { Examples, Json } from '../../aggregator/http/examples.ts';
import { MAX_WRONG_KEYS } from '../../aggregator/http/guessing.ts';
import { OPENMETRICS_TEXT, PROMETHEUS_TEXT } from '../../aggregator/http/negotiation.ts';
import { METRICS_PATH, STREAM_PATH } from '../../aggregator/http/paths.ts';
import { EVENT_STREAM } from '../../aggregator/http/stream.ts';
import { openLog } from '../../aggregator/log.ts';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import { openEmbeddedStore } from '../../aggregator/store/embedded/open.ts';
import { type Store, StoreUnavailable } from '../../aggregator/store/port.ts';
import { temporaryDirectory } from './aggregator.ts';
import { documentedSpans, scenarioBodies } from './scenarios.ts';

export const EXAMPLES_FILE = resolve(import.meta.dirname, '../../aggregator/http/examples.json');

const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);
const KEY = 'the-key-of-the-examples';
const CORRELATION_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
/** Lists that are longer, which are series, are shown by their end: an example is read by people. */
const LONGEST_LIST = 12;
const SHOWN_ITEMS = 3;
/** Below the levels that a refused request is told at. */
const log = openLog('fatal');

/** Every example, as the file holds it. */
export async function makeExamples(): Promise<Examples> {
  const directory = temporaryDirectory();
  const metrics = createOwnMetrics();
  const opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log, now: () => NOW_MS });
  const take = (signal: 'metrics' | 'traces', bytes: Buffer): void => {
    const { rejected, message } = opened.receiver.take({ signal, bytes, encoding: 'json', gzip: false });
    if (rejected > 0) throw new Error(message);
  };
  try {
    for (const body of scenarioBodies('documented', NOW_MS)) take('metrics', body);
    take('traces', documentedSpans(NOW_MS));
    return { answers: await makeAnswers(opened.store), errors: await makeErrors(opened.store) };
  } finally {
    opened.close();
    rmSync(directory, { recursive: true });
  }
}

/** What stands in the file. */
export function examplesText(examples: Examples): string {
  return `${JSON.stringify(examples, undefined, 1)}\n`;
}

async function makeAnswers(store: Store): Promise<Examples['answers']> {
  const app = appOver(store);
  const readJson = async (path: string) => shortened((await (await ask(app, path)).json()) as Json);
  const exposed = async (path: string): Promise<Record<string, Json>> => {
    const dialects: Record<string, Json> = {};
    for (const accept of [PROMETHEUS_TEXT, OPENMETRICS_TEXT])
      dialects[accept] = shortenedText(await (await ask(app, path, { accept })).text());
    return dialects;
  };
  const answers: Record<string, Readonly<Record<string, Json>>> = {};
  for (const { path, exposition } of endpoints) {
    const body = await readJson(path.replace('{id}', 'mutation-success'));
    const families = exposition.length === 0 ? {} : await exposed(`${path}?format=prometheus`);
    answers[path] = { 'application/json': body, ...families };
  }
  answers[METRICS_PATH] = await exposed(METRICS_PATH);
  answers[STREAM_PATH] = { [EVENT_STREAM]: await readFirstEvent(app) };
  for (const path of ['/healthz', '/readyz']) answers[path] = { 'application/json': await readJson(path) };
  return answers;
}

interface Question {
  readonly accept?: string;
  readonly method?: string;
  readonly key?: string;
}

async function ask(app: App, path: string, { accept, method, key = KEY }: Question = {}): Promise<Response> {
  const headers = { 'X-Monitoring-API-Key': key, 'X-Correlation-ID': CORRELATION_ID, Accept: accept ?? '*/*' };
  return app.request(path, { method, headers });
}

/** The same answer, of which a long list has only its end. */
function shortened(value: Json): Json {
  if (Array.isArray(value)) return (value.length > LONGEST_LIST ? value.slice(-SHOWN_ITEMS) : value).map(shortened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, shortened(inner ?? null)]));
}

/** The same families, of each of which the first samples stand. */
function shortenedText(text: string): string {
  const families = text.split(/^(?=# HELP )/m);
  return families.map((family) => shortenedFamily(family.split('\n'))).join('');
}

function shortenedFamily(lines: readonly string[]): string {
  const comments = lines.filter((line) => line.startsWith('#'));
  const samples = lines.filter((line) => line !== '' && !line.startsWith('#')).slice(0, SHOWN_ITEMS);
  const [end, start] = [comments.filter((line) => line === '# EOF'), comments.filter((line) => line !== '# EOF')];
  return [...start, ...samples, ...end, ''].join('\n');
}

/** The first event of a stream, as a reader of event streams gives it. */
async function readFirstEvent(app: App): Promise<Json> {
  const { body } = await ask(app, STREAM_PATH);
  const reader = (body as ReadableStream<Uint8Array>).getReader();
  let text = '';
  // The line about retries, the event, and what follows it.
  while (text.split('\n\n').length < 3) text += new TextDecoder().decode((await reader.read()).value);
  await reader.cancel();
  const fields = Object.fromEntries(
    [...text.matchAll(/^(event|id|data): (.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  return { ...fields, data: JSON.stringify(shortened(JSON.parse(fields['data']))) };
}

/** How an error is brought about. */
interface Provocation extends Question {
  readonly path: string;
  /** How many such requests it takes. */
  readonly times?: number;
  /** What every question to the store fails with. */
  readonly failure?: Error;
}

const provocations: Readonly<Record<ErrorCode, Provocation>> = {
  INVALID_WINDOW: { path: '/monitoring/graphql/mutations/?window=0' },
  INVALID_FORMAT: { path: '/monitoring/graphql/mutations/?format=xml' },
  INVALID_PARAMETER: { path: '/monitoring/graphql/mutations/?minutes=5' },
  INVALID_API_KEY: { path: '/monitoring/slo/', key: 'another-key' },
  NOT_FOUND: { path: '/monitoring/slo/unknown/' },
  METHOD_NOT_ALLOWED: { path: '/monitoring/slo/', method: 'DELETE' },
  NOT_ACCEPTABLE: { path: '/monitoring/slo/?format=prometheus' },
  RATE_LIMITED: { path: '/monitoring/slo/', key: 'another-key', times: MAX_WRONG_KEYS + 1 },
  INTERNAL: { path: '/monitoring/slo/', failure: new Error('a mistake of ours') },
  UNAVAILABLE: { path: '/monitoring/slo/', failure: new StoreUnavailable('The store does not answer now.', 5) },
};

async function makeErrors(store: Store): Promise<Examples['errors']> {
  const rows = Object.entries(provocations).map(async ([code, provocation]) => [
    code,
    {
      error: await provoke(store, code as ErrorCode, provocation, 'application/json'),
      problem: await provoke(store, code as ErrorCode, provocation, 'application/problem+json'),
    },
  ]);
  return Object.fromEntries(await Promise.all(rows));
}

async function provoke(store: Store, code: ErrorCode, provocation: Provocation, accept: string): Promise<Json> {
  const { path, times = 1, failure } = provocation;
  const app = appOver(failure === undefined ? store : failing(store, failure));
  let response: Response | undefined;
  for (let i = 0; i < times; i++) response = await ask(app, path, { ...provocation, accept });
  if (response?.status !== errorTable[code].status)
    throw new Error(`${code} did not come about, but ${response?.status}`);
  return (await response.json()) as Json;
}

/** A store that answers nothing. */
function failing(store: Store, error: Error): Store {
  return new Proxy(store, {
    get: (_, question) => (question === 'state' ? () => store.state() : () => Promise.reject(error)),
  });
}

function appOver(store: Store): App {
  return createApp({
    store,
    gate: createGate([KEY], []),
    cacheTtlSeconds: 0,
    prometheusMetricsEnabled: true,
    trustedHops: 0,
    ownMetrics: createOwnMetrics(),
    log,
    isClosing: () => false,
    nowMs: () => NOW_MS,
  });
}

if (import.meta.main) writeFileSync(EXAMPLES_FILE, examplesText(await makeExamples()));
