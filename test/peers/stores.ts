/**
 * The stores held against each other: the same traffic in the embedded store and in Prometheus 3 (native histograms, and
 * explicit buckets), VictoriaMetrics and Debian's Prometheus 2 must give the same answers. Then three aggregators over one
 * server, of which one is killed; and a server that goes away. `.ci/metrics-servers` builds what Debian does not have.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { encodeOtlp } from '../support/otlp.ts';
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';
import { trafficPoints } from '../support/store-traffic.ts';
import { startBalancer } from './stores/balancer.ts';
import { differences, type Shape } from './stores/parity.ts';
import { type Holder, startPrometheus2, startPrometheus3, startVictoriaMetrics } from './stores/servers.ts';

const STEP_WITHIN_MS = 45_000;
const TICK_MS = 30_000;
const TICKS = 100;
const MINUTE_MS = 60_000;

const PATHS = [
  '/monitoring/graphql/mutations/',
  '/monitoring/graphql/mutations/breakdown/',
  '/monitoring/graphql/mutations/performance/',
  '/monitoring/celery/idempotency/',
  '/monitoring/celery/idempotency/breakdown/',
  '/monitoring/celery/idempotency/health/',
  '/monitoring/security/',
  '/monitoring/security/sqli/',
  '/monitoring/security/graphql/',
  '/monitoring/security/threats/',
  '/monitoring/slo/',
];
const MUTATIONS = '/monitoring/graphql/mutations/';
const TASKS = '/monitoring/celery/idempotency/';
/** All services and one; one that only looks like a pattern; and a window whose edges lie in the midst of traffic. */
const QUESTIONS = [
  ...['', '?service=billing'].flatMap((query) => PATHS.map((path) => path + query)),
  `${MUTATIONS}?service=sho.*`,
  `${MUTATIONS}?window=17`,
];

let passed = 0;
let failed = 0;
const closing: (() => Promise<unknown> | unknown)[] = [];

function verdict(what: string, problems: readonly string[]): void {
  if (problems.length === 0) passed++;
  else failed++;
  console.log(problems.length === 0 ? `ok   ${what}` : `FAIL ${what}: ${problems.slice(0, 6).join('; ')}`);
}

/** A step that hangs ends the run, and says where. */
async function step<Result>(name: string, work: Promise<Result>): Promise<Result> {
  const late = new AbortController();
  const cap = delay(STEP_WITHIN_MS, undefined, { signal: late.signal }).then(
    () => {
      throw new Error(`${name} took more than ${STEP_WITHIN_MS / 1000} s`);
    },
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([work, cap]);
  } finally {
    late.abort();
  }
}

async function aggregator(env: Readonly<Record<string, string>> = {}): Promise<RunningAggregator> {
  const started = await step('the start of an aggregator', startAggregator({ env }));
  closing.push(() => started.stop('SIGKILL'));
  return started;
}

function reader({ server, env }: Holder, more: Readonly<Record<string, string>> = {}): Promise<RunningAggregator> {
  return aggregator({ MONITORING_STORE: 'prometheus', PROMETHEUS_URL: server.url, ...env, ...more });
}

async function holder(begun: Promise<Holder>): Promise<Holder> {
  const started = await step('the start of a server', begun);
  closing.push(() => started.server.stop());
  return started;
}

const protobufOf = (points: readonly PointDescription[]): Uint8Array<ArrayBuffer> =>
  new Uint8Array(encodeOtlp('ExportMetricsServiceRequest', JSON.parse(metricsBody(points).toString())));

async function send(url: string, points: readonly PointDescription[]): Promise<void> {
  const headers = { 'Content-Type': 'application/x-protobuf', 'X-Monitoring-API-Key': KEY };
  const answer = await fetch(url, { method: 'POST', headers, body: protobufOf(points) });
  const said = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${said}`);
}

async function sendAll(urls: readonly string[], ticks: readonly (readonly PointDescription[])[]): Promise<void> {
  for (const points of ticks) await Promise.all(urls.map((url) => send(url, points)));
}

/** Asked within one minute: windows move with every new one. */
async function bothAnswers(one: RunningAggregator, other: RunningAggregator, path: string) {
  for (;;) {
    const minute = Math.floor(Date.now() / MINUTE_MS);
    const answers = await Promise.all([one.json(path), other.json(path)]);
    if (minute === Math.floor(Date.now() / MINUTE_MS)) return answers;
  }
}

/** Until the reader has seen what its server holds. */
async function known(reading: RunningAggregator): Promise<void> {
  for (;;) {
    const { threat_level: level } = await reading.json<{ threat_level: string }>('/monitoring/security/');
    if (level !== 'unknown') return;
    await delay(200);
  }
}

async function compare(name: string, shape: Shape, embedded: RunningAggregator, reading: RunningAggregator) {
  await step(`${name}: seeing the data`, known(reading));
  for (const path of QUESTIONS) {
    const [one, other] = await step(`${name}: ${path}`, bothAnswers(embedded, reading, path));
    verdict(`${name}: ${path}`, differences(one, other, shape));
  }
  verdict(`${name}: locks that do not come free`, lockProblems(await step(`${name}: locks`, reading.json(TASKS))));
  const arrivals = await step(`${name}: arrivals`, Promise.all([arrivalsOf(embedded), arrivalsOf(reading)]));
  verdict(`${name}: when each service last sent`, arrivalProblems(...arrivals));
  const [ours, theirs] = await step(`${name}: lifetime totals`, Promise.all([totals(embedded), totals(reading)]));
  verdict(`${name}: ${ours.length} lifetime totals`, ours.length > 30 ? differences(ours, theirs, shape) : ['too few']);
}

/** What the traffic has of them, so that the stores do not agree on nothing. */
function lockProblems({ recommendations }: { readonly recommendations: readonly { readonly id: string }[] }): string[] {
  const ids = recommendations.map(({ id }) => id);
  return ['lock-stuck-redis-close_month', 'lock-kept-redis-lead'].filter((id) => !ids.includes(id));
}

type Arrivals = readonly { readonly service: string; readonly last_arrival_at: string | null }[];

async function arrivalsOf(asked: RunningAggregator): Promise<Arrivals> {
  interface Overview {
    readonly freshness: { readonly service_arrivals: Arrivals };
  }
  return (await asked.json<Overview>('/monitoring/overview/')).freshness.service_arrivals;
}

/** A server of Prometheus' kind knows when a sample was measured, which is before it came. */
function arrivalProblems(came: Arrivals, measured: Arrivals): string[] {
  if (came.length < 2) return ['too few services'];
  return came.flatMap(({ service, last_arrival_at: cameAt }) => {
    const at = measured.find((one) => one.service === service)?.last_arrival_at ?? '';
    const lateMs = Date.parse(cameAt ?? '') - Date.parse(at);
    return lateMs > -1000 && lateMs < 4 * MINUTE_MS ? [] : [`${service}: ${cameAt} and ${at}`];
  });
}

/** Counters of the scrape, but for those of the service itself. */
async function totals(asked: RunningAggregator): Promise<string[]> {
  const text = await (await asked.get('/monitoring/metrics/prometheus/')).text();
  return text.split('\n').filter((line) => /^(?!aggregator_|#)\w+_(?:total|count)(?:\{| )/.test(line));
}

interface Mutations {
  readonly statistics: Readonly<Record<string, unknown>> & { readonly total_mutations: number };
}

/** A sender that begins anew under its own labels: `increase()` is off by an interval at most. */
async function judgeReset(embedded: RunningAggregator, reading: RunningAggregator, url: string): Promise<void> {
  const untilMs = Date.now() - 1000;
  const perTick = 4;
  const lives = [20, 12];
  let tick = 0;
  const all = lives.reduce((a, b) => a + b);
  for (const life of lives)
    for (let i = 0, startMs = untilMs - (all - tick) * 10_000 - 1; i < life; i++, tick++) {
      const point: PointDescription = {
        metric: 'vigil.mutation.duration',
        service: 'restarting',
        instance: 'one',
        attributes: { 'vigil.mutation.name': 'Again', 'vigil.mutation.outcome': 'success' },
        cumulative: true,
        startMs,
        timeMs: untilMs - (all - 1 - tick) * 10_000,
        values: new Array<number>(i * perTick).fill(0.2),
        shape: { scale: 4 },
      };
      await sendAll([`${embedded.url}/v1/metrics`, url], [[point]]);
    }
  const path = `${MUTATIONS}?service=restarting`;
  const [one, other] = (await bothAnswers(embedded, reading, path)) as unknown as [Mutations, Mutations];
  const [exact, estimate] = [one, other].map(({ statistics }) => statistics.total_mutations);
  const isWithin = exact === (all - 2) * perTick && Math.abs(exact - estimate) <= perTick;
  verdict('a counter that begins anew: within one interval', isWithin ? [] : [`${exact} and ${estimate}`]);
}

/** Three behind a balancer, one of which is killed while it is asked. */
async function judgeScaleOut(holding: Holder): Promise<void> {
  const three = await Promise.all([reader(holding), reader(holding), reader(holding)]);
  const balancer = await startBalancer(three.map(({ url }) => url));
  closing.push(() => balancer.close());
  await Promise.all(three.map(known));
  const answers = new Map<string, number>();
  let asked = 0;
  const ask = async (): Promise<void> => {
    while (asked++ < 240) {
      if (asked === 100) void three[1].stop('SIGKILL');
      const answer = await fetch(balancer.url + MUTATIONS, { headers: { 'X-Monitoring-API-Key': KEY } });
      const body = answer.ok ? ((await answer.json()) as Mutations).statistics : await answer.text();
      const said = JSON.stringify([answer.status, body]);
      answers.set(said, (answers.get(said) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 6 }, ask));
  verdict('three aggregators, one killed: every answer alike', answers.size === 1 ? [] : [...answers.keys()]);
  const isShared = balancer.served.every((served) => served > 10) && balancer.served[1] < 60;
  verdict('the balancer noticed, and nobody else', isShared && balancer.noticed > 0 ? [] : [`${balancer.served}`]);
}

async function judgeOutage(holding: Holder, reading: RunningAggregator): Promise<void> {
  const refused = await reading.post('/v1/metrics', protobufOf([]), { 'Content-Type': 'application/x-protobuf' });
  verdict('telemetry is refused for good', refused.status === 501 ? [] : [`${refused.status}`]);
  await holding.server.stop();
  const answer = await step('an answer without a server', reading.get(MUTATIONS));
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  const isClear = answer.status === 503 && error.code === 'UNAVAILABLE' && /Prometheus server/.test(error.message);
  verdict('without its server: 503, with when to come back', [
    ...(isClear ? [] : [`${answer.status} ${error.message}`]),
    ...(answer.headers.get('retry-after') === null ? ['no Retry-After'] : []),
    ...(reading.log().includes('ECONNREFUSED') ? [] : ['the log has no cause']),
  ]);
  const health = await reading.get('/readyz');
  verdict('without its server: still in rotation', health.status === 200 ? [] : [`${health.status}`]);
}

try {
  const began = Date.now();
  const untilMs = began - 2000;
  const shapes = ['exponential', 'explicit'] as const;
  const [native, classic] = shapes.map((shape) => trafficPoints({ untilMs, ticks: TICKS, tickMs: TICK_MS, shape }));
  const [exponential, explicit] = await Promise.all([aggregator(), aggregator()]);
  const holders = [startPrometheus3(), startPrometheus3(), startVictoriaMetrics(), startPrometheus2(classic)];
  const [prometheus3, prometheus3Explicit, victoria, prometheus2] = await Promise.all(holders.map(holder));
  const doors = (holders: readonly Holder[]) => holders.flatMap(({ otlpUrl = [] }) => otlpUrl);
  const ofNative = [`${exponential.url}/v1/metrics`, ...doors([prometheus3, victoria])];
  const ofClassic = [`${explicit.url}/v1/metrics`, ...doors([prometheus3Explicit])];
  await step('sending', Promise.all([sendAll(ofNative, native), sendAll(ofClassic, classic)]));
  const readers = [prometheus3, prometheus3Explicit, prometheus2, victoria].map((each) => reader(each));
  const [reading, ofExplicit, ofPrometheus2, ofVictoria] = await Promise.all(readers);
  await compare('Prometheus 3, native histograms', 'exponential', exponential, reading);
  await compare('Prometheus 3, explicit buckets', 'explicit', explicit, ofExplicit);
  await compare('Prometheus 2, explicit buckets', 'explicit', explicit, ofPrometheus2);
  await compare('VictoriaMetrics', 'exponential', exponential, ofVictoria);
  await step('three aggregators', judgeScaleOut(prometheus3));
  await step('a counter that begins anew', judgeReset(exponential, reading, String(prometheus3.otlpUrl)));
  await step('a server that goes away', judgeOutage(prometheus3, reading));
  console.log(`${Math.round((Date.now() - began) / 1000)} s`);
} catch (error) {
  failed++;
  console.log(`FAIL ${error instanceof Error ? error.stack : error}`);
} finally {
  for (const close of closing.reverse()) await close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
