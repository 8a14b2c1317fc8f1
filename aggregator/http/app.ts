/** Everything that is read: the endpoints of the table, the scrape, and the health checks. */
import { type Context, Hono } from 'hono';
import { correlationIdOf } from '../correlation.ts';
import type { Log } from '../log.ts';
import type { OwnMetrics } from '../metrics.ts';
import type { ActiveAlert } from '../reports/active-alerts.ts';
import { allParts, type ExpositionPart, exposeParts } from '../reports/exposition.ts';
import type { Policy, Context as ReportContext } from '../reports/report.ts';
import type { Store } from '../store/port.ts';
import { readAnswer } from './answers.ts';
import { type Gate, type KeyHeaders, presentedKeys } from './auth.ts';
import { type AnswerCache, createAnswerCache } from './cache.ts';
import { type Content, contentOf, encodedFor } from './compression.ts';
import { type Endpoint, endpoints } from './endpoints.ts';
import { ApiError, asApiError, errorTable, renderError, retryAfter } from './errors.ts';
import { type Json, readExamples } from './examples.ts';
import { renderFamilies } from './exposition.ts';
import { clientAddress, createGuessLimit } from './guessing.ts';
import { commonHeaders } from './headers.ts';
import { acceptsJson, expositionType, OPENMETRICS_TEXT } from './negotiation.ts';
import { mountPages, sessionOf } from './pages.ts';
import { type Format, parseExpositionQuery, parseReportQuery } from './parameters.ts';
import { METRICS_PATH, STREAM_PATH } from './paths.ts';
import { createStreams, type ListeningServer, STREAM_HEADERS } from './stream.ts';

export interface AppOptions {
  readonly store: Store;
  readonly gate: Gate;
  readonly cacheTtlSeconds: number;
  readonly prometheusMetricsEnabled: boolean;
  readonly trustedHops: number;
  /** Whether clients' addresses may stand in the Prometheus text; they may when absent. */
  readonly exposeAttackers?: boolean;
  /** The path below which everything but the endpoints stands, without its closing slash; '' when absent. */
  readonly pageBase?: string;
  /** This service's own address, where it is known. */
  readonly publicUrl?: string;
  /** A trace viewer's address, with `{trace_id}`. */
  readonly traceUrl?: string;
  readonly ownMetrics: OwnMetrics;
  readonly log: Log;
  /** Objectives and maintenance of now; the built-in ones when absent. */
  readonly policy?: () => Policy;
  /** Alerts of now; none are known when absent. */
  readonly alerts?: () => readonly ActiveAlert[];
  /** Whether the service is about to end. */
  readonly isClosing: () => boolean;
  /** Whether it has ended, where others still ask: what stands in memory is of then. False when absent. */
  readonly isClosed?: () => boolean;
  /** Unix milliseconds. */
  readonly nowMs?: () => number;
  /** Milliseconds on a clock that never goes back. */
  readonly monotonicMs?: () => number;
}

/** What @hono/node-server passes along; absent when a test asks the app directly. */
interface Bindings {
  readonly incoming?: { readonly socket: { readonly remoteAddress?: string; readonly server?: ListeningServer } };
}

interface Environment {
  Bindings: Bindings | undefined;
  Variables: { correlationId: string };
}

export type App = Hono<Environment>;
export type RequestContext = Context<Environment>;

/** The statuses that answers are counted by. */
const STATUSES = [...new Set([200, ...Object.values(errorTable).map(({ status }) => status)]), 'other'].map(String);

const JSON_HEADERS = { 'Content-Type': 'application/json' };

const CLOSING_RETRY_SECONDS = 5;
const CLOSED_HEADERS = { 'Retry-After': retryAfter(CLOSING_RETRY_SECONDS) };

interface Parts {
  readonly options: AppOptions;
  /** Bodies in JSON, but for what each reader has of its own. */
  readonly bodies: AnswerCache<string>;
  readonly expositions: AnswerCache<Content>;
  readonly nowMs: () => number;
  readonly admission: Admission;
}

export function createApp(options: AppOptions): App {
  const { nowMs = Date.now, monotonicMs = () => performance.now(), pageBase: base = '' } = options;
  const app: App = new Hono<Environment>({ strict: false });
  const parts: Parts = {
    options,
    nowMs,
    bodies: createAnswerCache(options.cacheTtlSeconds * 1000, monotonicMs),
    expositions: createAnswerCache(options.cacheTtlSeconds * 1000, monotonicMs),
    admission: createAdmission(options, nowMs, monotonicMs),
  };
  const answers = options.ownMetrics.counter('aggregator_http_answers_total', 'Answers to readers, by HTTP status.', {
    status: STATUSES,
  });
  app.use(async (c, next) => {
    const startedMs = monotonicMs();
    const correlationId = correlationIdOf(c.req.header('traceparent'), c.req.header('x-correlation-id'));
    c.set('correlationId', correlationId);
    await next();
    const { headers } = c.res;
    const common = commonHeaders(correlationId, monotonicMs() - startedMs);
    // A page has a policy of its own, and a file that never changes may be kept.
    for (const [name, value] of Object.entries(common)) if (!headers.has(name)) headers.set(name, value);
    const status = String(c.res.status);
    answers.add({ status: STATUSES.includes(status) ? status : 'other' });
    options.log.debug({ correlation_id: correlationId, status: c.res.status }, 'answered');
  });
  app.use(async (c, next) => {
    if (!options.isClosed?.()) return next();
    // Not for the log: whoever asks goes on asking.
    const closed = new ApiError('UNAVAILABLE', 'The aggregator is closed.', CLOSED_HEADERS);
    return renderError(closed, {
      accept: c.req.header('accept'),
      correlationId: c.get('correlationId'),
      nowMs: nowMs(),
    });
  });
  for (const endpoint of endpoints)
    for (const path of [endpoint.path, ...endpoint.aliases]) serve(app, path, (c) => answerReport(parts, endpoint, c));
  if (options.prometheusMetricsEnabled) serve(app, METRICS_PATH, (c) => answerScrape(parts, c));
  serve(app, `${base}/healthz`, (c) => c.json({ status: 'alive', ...common(c, nowMs()) }));
  serve(app, `${base}/readyz`, (c) => answerReadiness(parts, c));
  const apiDocument = documentOnce(options);
  serve(app, `${base}/openapi.json`, async (c) =>
    answerContent(c, contentOf(JSON.stringify(await apiDocument())), JSON_HEADERS),
  );
  const { publicUrl, traceUrl, ...rest } = options;
  mountPages(app, {
    ...rest,
    base,
    publicUrl,
    traceUrl,
    nowMs,
    ...parts.admission,
    apiDocument,
    context: contextOf(options),
  });
  mountStream(app, parts);
  app.notFound((c) => fail(parts, new ApiError('NOT_FOUND'), c));
  app.onError((error, c) => fail(parts, error, c));
  return app;
}

/** What reports are told beside the window. */
function contextOf({ policy, ownMetrics, alerts }: AppOptions): () => ReportContext {
  return () => ({ policy: policy?.(), ownFamilies: () => ownMetrics.families(), alerts });
}

const OVERVIEW_PATH = '/monitoring/overview/';

/** Server-sent events: the overview, whenever something arrived or is refused, and every minute, as windows move. */
function mountStream(app: App, { options, nowMs, admission }: Parts): void {
  const { store } = options;
  const context = contextOf(options);
  const open = createStreams({
    ...options,
    nowMs,
    generation: () => {
      const { lastArrivalMs = 0, refusing = '' } = store.state();
      return `${lastArrivalMs} ${Math.floor(nowMs() / 60_000)} ${refusing}`;
    },
    snapshot: async (service) => {
      const asking = { nowMs: nowMs(), minutes: 60, service, context: context() };
      const body = await readAnswer(store, OVERVIEW_PATH, asking);
      return JSON.stringify({ timestamp: new Date(nowMs()).toISOString(), ...body });
    },
  });
  serve(app, STREAM_PATH, (c) => {
    admission.admit(c);
    const service = parseExpositionQuery(new URL(c.req.url).searchParams);
    if (c.req.method === 'HEAD') return c.body(null, 200, STREAM_HEADERS);
    return open(service, c.env?.incoming?.socket.server);
  });
}

/** The OpenAPI document is the same as long as the service runs; what makes it is loaded when it is first asked for. */
function documentOnce({ store, prometheusMetricsEnabled, pageBase = '' }: AppOptions): () => Promise<Json> {
  let document: Promise<Json> | undefined;
  const make = async (): Promise<Json> => {
    const { openApiDocument } = await import('./openapi.ts');
    const { retentionMs } = store.state();
    return openApiDocument({ retentionMs, prometheusMetricsEnabled, pageBase, examples: readExamples() });
  };
  return () => (document ??= make());
}

/** GET and HEAD, which hono answers from GET; everything else is refused with what is allowed. */
function serve(app: App, path: string, answer: (c: RequestContext) => Response | Promise<Response>): void {
  // Hono takes the closing slash off a request's path, so a route must not have one.
  const route = path.replace(/\/$/, '').replaceAll(/\{(\w+)\}/g, ':$1');
  app.get(route, answer);
  app.all(route, () => {
    throw new ApiError('METHOD_NOT_ALLOWED', undefined, { Allow: 'GET, HEAD' });
  });
}

/** Who gets in, and how many wrong keys an address may show. */
interface Admission {
  /** @throws ApiError */
  admit(c: RequestContext): void;
  /** Whether a key may read; a wrong one is counted. @throws ApiError when the address has to wait */
  checkKey(c: RequestContext, key: string): boolean;
}

function createAdmission({ gate, trustedHops }: AppOptions, nowMs: () => number, monotonicMs: () => number): Admission {
  const guesses = createGuessLimit(monotonicMs);
  const addressOf = (c: RequestContext): string => {
    const peer = c.env?.incoming?.socket.remoteAddress ?? '';
    const address = clientAddress(peer, c.req.header('x-forwarded-for'), trustedHops);
    const waitSeconds = guesses.waitSeconds(address);
    if (waitSeconds > 0) throw new ApiError('RATE_LIMITED', undefined, { 'Retry-After': retryAfter(waitSeconds) });
    return address;
  };
  return {
    admit(c) {
      const address = addressOf(c);
      const headers: KeyHeaders = {
        apiKey: c.req.header('x-monitoring-api-key'),
        authorization: c.req.header('authorization'),
      };
      if (gate.mayRead(headers)) return;
      if (presentedKeys(headers).length > 0) guesses.wrongKey(address);
      else if (gate.sessions.isGood(sessionOf(c) ?? '', nowMs())) return;
      throw new ApiError('INVALID_API_KEY');
    },
    checkKey(c, key) {
      const address = addressOf(c);
      const mayRead = gate.mayRead({ apiKey: key, authorization: undefined });
      if (!mayRead) guesses.wrongKey(address);
      return mayRead;
    },
  };
}

async function answerReport(parts: Parts, endpoint: Endpoint, c: RequestContext): Promise<Response> {
  parts.admission.admit(c);
  const { store } = parts.options;
  const nowMs = parts.nowMs();
  const { retentionMs } = store.state();
  const formats: readonly Format[] = endpoint.exposition.length > 0 ? ['json', 'prometheus'] : ['json'];
  const rules = { window: endpoint.window, formats, retentionMs };
  const { asked, format } = parseReportQuery(new URL(c.req.url).searchParams, rules, nowMs);
  if (format === 'prometheus') return answerExposition(parts, endpoint.path, endpoint.exposition, asked.service, c);
  if (!acceptsJson(c.req.header('accept'))) throw new ApiError('NOT_ACCEPTABLE');
  const { window, service } = asked;
  const id = c.req.param('id');
  const key = JSON.stringify([endpoint.path, id ?? null, window.length, service ?? null]);
  const { answer, hit } = await parts.bodies.get(key, async () => {
    const body = endpoint.schema.parse(await endpoint.report(store, { ...asked, ...contextOf(parts.options)(), id }));
    const told = endpoint.window === undefined ? {} : { [`window_${window.unit}`]: window.length };
    return JSON.stringify({ timestamp: new Date(nowMs).toISOString(), ...told, ...body });
  });
  // What is kept is the text but for the reader's own correlation id, which needs no escaping.
  const text = `${answer.slice(0, -1)},"correlation_id":"${c.get('correlationId')}"}`;
  return answerContent(c, contentOf(text), { ...JSON_HEADERS, ...cacheHeaders(hit) });
}

async function answerScrape(parts: Parts, c: RequestContext): Promise<Response> {
  parts.admission.admit(c);
  const service = parseExpositionQuery(new URL(c.req.url).searchParams);
  const own: ExpositionPart = async () => parts.options.ownMetrics.families();
  return answerExposition(parts, METRICS_PATH, [...allParts, own], service, c);
}

async function answerExposition(
  { options: { store, policy, alerts, exposeAttackers }, expositions, nowMs }: Parts,
  path: string,
  exposition: readonly ExpositionPart[],
  service: string | undefined,
  c: RequestContext,
): Promise<Response> {
  const type = expositionType(c.req.header('accept'));
  if (type === undefined) throw new ApiError('NOT_ACCEPTABLE');
  const { answer, hit } = await expositions.get(JSON.stringify([path, type, service ?? null]), async () => {
    const families = await exposeParts(exposition, store, {
      service,
      nowMs: nowMs(),
      policy: policy?.(),
      alerts,
      exposeAttackers,
    });
    return contentOf(renderFamilies(families, type === OPENMETRICS_TEXT ? 'openmetrics' : 'prometheus'));
  });
  return answerContent(c, answer, { 'Content-Type': type, ...cacheHeaders(hit) });
}

async function answerContent(
  c: RequestContext,
  content: Content,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const encoded = await encodedFor(c.req.header('accept-encoding'), content);
  return c.body(encoded.body, 200, { ...headers, ...encoded.headers });
}

function cacheHeaders(hit: boolean): Record<string, string> {
  return { 'X-Cache-Status': hit ? 'HIT' : 'MISS' };
}

function answerReadiness({ options, nowMs }: Parts, c: RequestContext): Response {
  if (options.isClosing())
    throw new ApiError('UNAVAILABLE', 'The service is closing.', { 'Retry-After': retryAfter(CLOSING_RETRY_SECONDS) });
  // A store that refuses new data still answers: taking the service out of rotation would only hide what it knows.
  const takesData = options.store.state().refusing === undefined;
  return c.json({ status: 'ready', takes_data: takesData, ...common(c, nowMs()) });
}

function common(c: RequestContext, nowMs: number) {
  return { timestamp: new Date(nowMs).toISOString(), correlation_id: c.get('correlationId') };
}

function fail({ options: { log }, nowMs }: Parts, error: unknown, c: RequestContext): Response {
  const { code } = asApiError(error);
  const correlationId = c.get('correlationId');
  if (errorTable[code].status >= 500) log.error({ correlation_id: correlationId, code, err: error }, 'answer failed');
  else log.info({ correlation_id: correlationId, code }, 'refused');
  return renderError(error, { accept: c.req.header('accept'), correlationId, nowMs: nowMs() });
}
