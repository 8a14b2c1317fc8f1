/** The pages for people: where they stand, what they are made from, and how one signs in. */
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import { quantile } from '../domain/histogram.ts';
import { P95_TARGET_SECONDS } from '../domain/mutation-rules.ts';
import { type LoadedAssets, loadAssets } from '../page/assets.ts';
import type { Markup } from '../page/charts.ts';
import { type ApiDocument, renderDocs } from '../page/docs.ts';
import {
  type Choice,
  DEFAULT_WINDOW,
  type Frame,
  type Freshness,
  renderBare,
  renderDocument,
  renderMain,
  WINDOWS,
} from '../page/layout.ts';
import { chosenBeside, MUTATION_SORTS, mutationRow, renderMutation, renderMutations } from '../page/mutations.ts';
import { renderObjective, renderObjectives } from '../page/objectives.ts';
import { renderOverview } from '../page/overview.ts';
import { renderSecurity } from '../page/security.ts';
import { renderSignIn, type SignInProblem } from '../page/sign-in.ts';
import { renderTasks } from '../page/tasks.ts';
import { activeAlertBodies } from '../reports/active-alerts.ts';
import { readMutation } from '../reports/mutation.ts';
import { readMutations } from '../reports/mutation-facts.ts';
import { remembering } from '../reports/remembering-store.ts';
import { NotKnown, type Context as ReportContext, windowUntil } from '../reports/report.ts';
import type { Store } from '../store/port.ts';
import { type Asking, readAnswer } from './answers.ts';
import type { App, RequestContext } from './app.ts';
import type { Gate } from './auth.ts';
import { contentOf, encodedFor, THOROUGH } from './compression.ts';
import { ApiError } from './errors.ts';
import type { Json } from './examples.ts';
import { acceptsGzip } from './negotiation.ts';
import { MOUNT_PATH } from './paths.ts';
import { SESSION_COOKIE, SESSION_SECONDS } from './session.ts';

export interface PagesOptions {
  readonly store: Store;
  readonly gate: Gate;
  /** The path below which the pages stand, without its closing slash; '' where the service is theirs alone. */
  readonly base: string;
  readonly publicUrl: string | undefined;
  readonly traceUrl: string | undefined;
  readonly trustedHops: number;
  readonly nowMs: () => number;
  /** Throws what keeps the asker out. */
  readonly admit: (c: RequestContext) => void;
  /** Counts a wrong key, as everywhere. @throws ApiError when the address has to wait */
  readonly checkKey: (c: RequestContext, key: string) => boolean;
  /** The OpenAPI document of this moment. */
  readonly apiDocument: () => Promise<Json>;
  /** What the endpoints' reports are told beside the window. */
  readonly context: () => ReportContext;
}

const MINUTES = Object.fromEntries(WINDOWS.map(({ id, minutes }) => [id, minutes])) as Record<Choice['window'], number>;

/** Scripts and styles of our own alone; no page of ours stands in a frame. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Characters that turn around the text behind them: in a name they would make another name of it, and of what follows. */
const OVERRIDES = /[\u202a-\u202e\u2066-\u2069]/g;

/** A form that holds a key and a path is smaller. */
const MAX_FORM_BYTES = 4096;

interface PageRequest {
  /** Asked each question once, whatever a page is made from. */
  readonly store: Store;
  readonly c: RequestContext;
  readonly choice: Choice;
  readonly asking: Asking;
  readonly freshness: Freshness;
}

/** What a page is made of: its title, and everything below the line about how fresh the data is. */
interface Page {
  readonly title: string;
  readonly main: Markup;
  /** 404 where what the address names does not exist. */
  readonly status?: 404;
  /** @see Frame.kept */
  readonly kept?: Frame['kept'];
}

type PageMaker = (request: PageRequest) => Promise<Page>;

export function mountPages(app: App, options: PagesOptions): void {
  const assets = loadAssets(options.base);
  for (const [path, make] of Object.entries(pageMakers(options)))
    app.get(routeOf(options.base + path), (c) => answerPage(options, assets, path, make, c));
  for (const file of assets.files) mountAsset(app, file);
  mountSignIn(app, options, assets);
  if (options.base !== '') app.get(MOUNT_PATH, (c) => c.redirect(`${options.base}/`, 302));
}

async function answerPage(
  options: PagesOptions,
  assets: LoadedAssets,
  path: string,
  make: PageMaker,
  c: RequestContext,
): Promise<Response> {
  const isPart = c.req.header('x-vigil-part') === 'main';
  try {
    options.admit(c);
  } catch (error) {
    const isUnknown = error instanceof ApiError && error.code === 'INVALID_API_KEY';
    if (!isUnknown || isPart) throw error;
    return c.redirect(`${options.base}/sign-in?to=${encodeURIComponent(localPath(c.req.url))}`, 303);
  }
  const request = readRequest(options, c);
  const { title, main, status = 200, kept } = await make(request);
  const frame: Frame = {
    title,
    path: pathOf(c, path, options.base),
    choice: request.choice,
    freshness: request.freshness,
    assets: assets.addresses,
    windows: windowsWithin(options.store),
    kept,
  };
  const document = String(await (isPart ? renderMain(frame, main) : renderDocument(frame, main))).replace(
    OVERRIDES,
    '',
  );
  const encoded = await encodedFor(c.req.header('accept-encoding'), contentOf(document, THOROUGH));
  return c.body(encoded.body, status, {
    ...encoded.headers,
    'Content-Security-Policy': PAGE_POLICY,
    'Content-Type': 'text/html; charset=utf-8',
    Vary: `${encoded.headers.Vary}, X-Vigil-Part`,
  });
}

function readRequest({ base, store, nowMs, context }: PagesOptions, c: RequestContext): PageRequest {
  const { services, newestPointMs, arrivals, refusing } = store.state();
  const windows = windowsWithin(store);
  const window = windows.find((id) => id === c.req.query('window')) ?? DEFAULT_WINDOW;
  const choice: Choice = { base, window, service: nameIn(c.req.query('service')) };
  const now = nowMs();
  const own = choice.service === undefined ? undefined : arrivals.get(choice.service);
  const newestMs = own ?? newestPointMs;
  const ageSeconds = newestMs === undefined ? undefined : Math.max(0, now - newestMs) / 1000;
  return {
    store: remembering(store),
    c,
    choice,
    asking: { nowMs: now, minutes: MINUTES[window], service: choice.service, context: context() },
    freshness: { ageSeconds, sender: own === undefined ? undefined : choice.service, services, refusing },
  };
}

/** The address that the choosers lead back to: the page's own, with what stands in place of its parameter. */
function pathOf(c: RequestContext, path: string, base: string): string {
  return path.includes(':') ? `${new URL(c.req.url).pathname.slice(base.length).replace(/\/$/, '')}/` : path;
}

/** A name from an address, where it can be one. */
function nameIn(text: string | undefined): string | undefined {
  return text !== undefined && /^\P{Cc}{1,256}$/u.test(text) ? text : undefined;
}

/** Hono takes the closing slash off a request's path, so a route must not have one. */
function routeOf(path: string): string {
  return path.replace(/(.)\/$/, '$1');
}

/** Where this service is found, as it was told or as whoever asks found it; undefined where it takes no OTLP. */
function addressOfService({ base, publicUrl }: PagesOptions, c: RequestContext): string | undefined {
  if (base !== '') return undefined;
  return (publicUrl ?? new URL(c.req.url).origin).replace(/\/$/, '');
}

function windowsWithin(store: Store): Choice['window'][] {
  const retentionMinutes = store.state().retentionMs / 60_000;
  return WINDOWS.filter(({ minutes }) => minutes <= retentionMinutes).map(({ id }) => id);
}

function pageMakers(options: PagesOptions): Record<string, PageMaker> {
  const { traceUrl } = options;
  const targetMs = P95_TARGET_SECONDS * 1000;
  const nothingKnown = (error: unknown): undefined => {
    if (error instanceof NotKnown) return undefined;
    throw error;
  };
  return {
    '/': async ({ store, c, choice, asking, freshness }) => {
      const [mutations, performance, tasks, threat, slos, advice] = await Promise.all([
        readAnswer(store, '/monitoring/graphql/mutations/', asking),
        readAnswer(store, '/monitoring/graphql/mutations/performance/', asking),
        readAnswer(store, '/monitoring/celery/idempotency/', asking),
        readAnswer(store, '/monitoring/security/', asking),
        readAnswer(store, '/monitoring/slo/', asking),
        readAnswer(store, '/monitoring/recommendations/', asking),
      ]);
      const view = {
        choice,
        freshness,
        objectives: slos.objectives,
        mutations: mutations.statistics,
        trends: {
          p95: performance.series,
          throughput: performance.throughput_series,
          success: performance.success_series,
        },
        nowMs: asking.nowMs,
        address: addressOfService(options, c),
        tasks: tasks.statistics,
        threat,
        recommendations: advice.recommendations,
        traceUrl,
      };
      return { title: 'Overview', main: renderOverview(view) };
    },
    '/tasks/': async ({ store, choice, asking }) => {
      const [{ statistics, recommendations }, breakdown, health] = await Promise.all([
        readAnswer(store, '/monitoring/celery/idempotency/', asking),
        readAnswer(store, '/monitoring/celery/idempotency/breakdown/', asking),
        readAnswer(store, '/monitoring/celery/idempotency/health/', asking),
      ]);
      const view = {
        choice,
        statistics,
        lockPerformance: breakdown.lock_performance,
        efficiencyGain: health.total_savings.efficiency_gain,
        recommendations,
        traceUrl,
      };
      return { title: 'Tasks', main: renderTasks(view) };
    },
    '/security/': async ({ store, choice, asking }) => {
      // An hour of a chart by the hour would be one point.
      const day = { ...asking, minutes: Math.max(asking.minutes, MINUTES['24h']) };
      const [all, sqli, lately, graphql, threats] = await Promise.all([
        readAnswer(store, '/monitoring/security/', asking),
        readAnswer(store, '/monitoring/security/sqli/', asking),
        readAnswer(store, '/monitoring/security/sqli/', day),
        readAnswer(store, '/monitoring/security/graphql/', asking),
        readAnswer(store, '/monitoring/security/threats/', asking),
      ]);
      const attemptsByHour = lately.violations_by_hour;
      const view = { ...all, choice, sqli, attemptsByHour, graphql, patterns: threats.patterns, traceUrl };
      return { title: 'Security', main: renderSecurity(view) };
    },
    '/objectives/': async ({ store, choice, asking }) => {
      const { objectives } = await readAnswer(store, '/monitoring/slo/', asking);
      const active = activeAlertBodies(asking.context?.alerts?.() ?? []);
      return { title: 'Objectives', main: renderObjectives(objectives, active, choice) };
    },
    '/objectives/:id/': async ({ store, c, choice, asking }) => {
      const asked = { ...asking, id: c.req.param('id') ?? '' };
      const objective = await readAnswer(store, '/monitoring/slo/{id}/', asked).catch(nothingKnown);
      const title = objective?.name ?? 'Objective';
      const main = renderObjective(objective, choice);
      return { title, main, status: objective === undefined ? 404 : undefined };
    },
    '/mutations/': async ({ store, c, choice, asking }) => {
      const asked = { window: windowUntil(asking.nowMs, 'minutes', asking.minutes), service: asking.service };
      const [statistics, breakdown, performance, mutations] = await Promise.all([
        readAnswer(store, '/monitoring/graphql/mutations/', asking),
        readAnswer(store, '/monitoring/graphql/mutations/breakdown/', asking),
        readAnswer(store, '/monitoring/graphql/mutations/performance/', asking),
        readMutations(store, asked),
      ]);
      const view = {
        choice,
        sort: MUTATION_SORTS.find((sort) => sort === c.req.query('sort')) ?? 'count',
        only: nameIn(c.req.query('name')?.trim()) ?? '',
        rows: mutations.map((facts) => mutationRow(facts, (share) => quantile(facts.durations, share))),
        errors: breakdown.top_errors,
        p95: performance.series,
        throughput: performance.throughput_series,
        targetMs,
        nowMs: asking.nowMs,
        recommendations: statistics.recommendations,
        traceUrl,
      };
      return { title: 'Mutations', main: renderMutations(view), kept: chosenBeside(view) };
    },
    '/mutations/:name/': async ({ store, c, choice, asking }) => {
      const name = c.req.param('name') ?? '';
      const asked = { window: windowUntil(asking.nowMs, 'minutes', asking.minutes), service: asking.service };
      const detail = await readMutation(store, asked, name);
      const main = renderMutation({ choice, name, detail, targetMs, nowMs: asking.nowMs, traceUrl });
      return { title: name, main, status: detail === undefined ? 404 : undefined };
    },
    '/docs/': async () => ({
      title: 'API',
      main: renderDocs((await options.apiDocument()) as unknown as ApiDocument, options.base),
    }),
  };
}

function mountAsset(app: App, { path, type, content, gzipped }: LoadedAssets['files'][number]): void {
  app.get(path, (c) => {
    const isGzip = acceptsGzip(c.req.header('accept-encoding'));
    return c.body(isGzip ? gzipped() : content, 200, {
      'Content-Type': type,
      // The address changes with the content.
      'Cache-Control': 'public, max-age=31536000, immutable',
      Vary: 'Accept-Encoding',
      ...(isGzip ? { 'Content-Encoding': 'gzip' } : {}),
    });
  });
}

function mountSignIn(app: App, options: PagesOptions, { addresses }: LoadedAssets): void {
  const { base } = options;
  const show = (c: RequestContext, to: string, problem?: SignInProblem, status: 200 | 403 | 429 = 200) =>
    c.html(renderBare('Sign in', addresses, renderSignIn(base, to, problem)), status, {
      'Content-Security-Policy': PAGE_POLICY,
    });
  app.get(`${base}/sign-in`, (c) => show(c, safePath(c.req.query('to'), base)));
  app.post(`${base}/sign-in`, async (c) => {
    const form = await readForm(c);
    const to = safePath(form.get('to') ?? undefined, base);
    if (!isOwnOrigin(c)) return show(c, to, 'other_origin', 403);
    const key = form.get('key') ?? '';
    try {
      if (!options.checkKey(c, key)) return show(c, to, 'wrong_key', 403);
    } catch (error) {
      if (error instanceof ApiError && error.code === 'RATE_LIMITED') return show(c, to, 'too_many', 429);
      throw error;
    }
    const token = options.gate.sessions.open(key, options.nowMs());
    setCookie(c, SESSION_COOKIE, token, { ...cookieAttributes(c, options), maxAge: SESSION_SECONDS });
    return c.redirect(to, 303);
  });
  app.post(`${base}/sign-out`, (c) => {
    if (!isOwnOrigin(c)) throw new ApiError('INVALID_PARAMETER', 'The form was sent from another site.');
    deleteCookie(c, SESSION_COOKIE, cookieAttributes(c, options));
    return c.redirect(`${base}/sign-in`, 303);
  });
  const refuse = (allow: string) => () => {
    throw new ApiError('METHOD_NOT_ALLOWED', undefined, { Allow: allow });
  };
  app.all(`${base}/sign-in`, refuse('GET, HEAD, POST'));
  app.all(`${base}/sign-out`, refuse('POST'));
}

/** @throws ApiError when it is too large or no form */
async function readForm(c: RequestContext): Promise<URLSearchParams> {
  const length = Number(c.req.header('content-length') ?? Number.NaN);
  const type = c.req.header('content-type') ?? '';
  if (!(length <= MAX_FORM_BYTES) || !type.startsWith('application/x-www-form-urlencoded'))
    throw new ApiError('INVALID_PARAMETER', `A form of at most ${MAX_FORM_BYTES} bytes is expected here.`);
  return new URLSearchParams(await c.req.text());
}

/** Browsers say where a form came from; what is no browser carries nobody's cookies. */
function isOwnOrigin(c: RequestContext): boolean {
  const site = c.req.header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  const origin = c.req.header('origin');
  return origin === undefined || (URL.canParse(origin) && new URL(origin).host === c.req.header('host'));
}

/** In an application, its own requests carry no cookie of ours. */
function cookieAttributes(c: Context, { base, publicUrl, trustedHops }: PagesOptions) {
  const viaTls = trustedHops > 0 && c.req.header('x-forwarded-proto')?.split(',').at(-1)?.trim() === 'https';
  // An application may speak TLS itself.
  const isTls = new URL(c.req.url).protocol === 'https:';
  const secure = isTls || viaTls || publicUrl?.startsWith('https:') === true;
  return { httpOnly: true, sameSite: 'Strict', path: base === '' ? '/' : MOUNT_PATH, secure } as const;
}

/** The session's token, where the request has one. */
export function sessionOf(c: Context): string | undefined {
  return getCookie(c, SESSION_COOKIE);
}

function localPath(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

/** Only paths of this service: nothing that a browser could take for another host. */
function safePath(to: string | undefined, base: string): string {
  return to !== undefined && /^\/(?![/\\])[\x21-\x7e]*$/.test(to) ? to : `${base}/`;
}
