/**
 * Thirty days of the demo's application, made up: days and nights, working days and weekends, and three incidents. The
 * same moment and seed make the same history, point for point.
 */
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export const HISTORY_DAYS = 30;
/** Finer where a chart by the minute may be asked for. */
const FINE_STEP_MS = 2 * MINUTE_MS;
const COARSE_STEP_MS = 10 * MINUTE_MS;
const FINE_MS = DAY_MS;
export const VERSION_BEFORE = '1.4.1';
/** The version that the application of the demo has. */
export const VERSION = '1.4.2';

/** When each incident was, in milliseconds before the end of the history. */
export const INCIDENTS = {
  /** Version 1.4.2 goes out. CreateJob scans a table for six hours, until an index helps; it stays slower than before. */
  release: { fromMs: 2 * DAY_MS, untilMs: 2 * DAY_MS - 6 * HOUR_MS },
  /** Redis fails over; locks are lost, and messages are delivered again and again. */
  storm: { fromMs: 3 * DAY_MS, untilMs: 3 * DAY_MS - 40 * MINUTE_MS },
  /** Four addresses try every class of SQL injection. */
  campaign: { fromMs: 3 * HOUR_MS, untilMs: 10 * MINUTE_MS },
} as const;

const END_HOUR = 11;

const ATTACKERS = ['203.0.113.17', '203.0.113.44', '203.0.113.101', '203.0.113.230'];
const INJECTIONS = ['union', 'boolean_blind', 'time_blind', 'stacked', 'error_based'];

/** What a history holds, to be held against what an aggregator makes of it. */
export interface HistoryTally {
  readonly fromMs: number;
  readonly untilMs: number;
  points: number;
  /** Mutations by name. */
  readonly mutations: Record<string, number>;
  failures: number;
  /** Mutations that took longer than half a second. */
  slow: number;
  /** Idempotency keys that were new, and that met a duplicate. */
  keys: number;
  duplicatedKeys: number;
  escaped: number;
  lostLocks: number;
  injections: number;
}

interface Kind {
  readonly name: string;
  /** A minute, on a working day at its busiest. */
  readonly perMinute: number;
  readonly medianMs: number;
  /** Sigma of the logarithm. */
  readonly spread: number;
  readonly failures: number;
  readonly errorType: string;
}

const MUTATIONS: readonly Kind[] = [
  { name: 'LoginUser', perMinute: 3, medianMs: 45, spread: 0.2, failures: 0.02, errorType: 'INVALID_CREDENTIALS' },
  { name: 'LogoutUser', perMinute: 1.5, medianMs: 3, spread: 0.4, failures: 0, errorType: '' },
  { name: 'CreateJob', perMinute: 10, medianMs: 110, spread: 0.45, failures: 0.004, errorType: 'StatementTimeout' },
  { name: 'TaskTourUpdate', perMinute: 4, medianMs: 15, spread: 0.5, failures: 0.02, errorType: 'CONFLICT' },
  { name: 'InsertRecord', perMinute: 6, medianMs: 12, spread: 0.5, failures: 0.005, errorType: 'UNAUTHENTICATED' },
  { name: 'ReportMutation', perMinute: 1, medianMs: 120, spread: 0.6, failures: 0.01, errorType: 'StatementTimeout' },
  {
    name: 'SecureFileUploadMutation',
    perMinute: 1,
    medianMs: 90,
    spread: 0.5,
    failures: 0.02,
    errorType: 'FileTooLarge',
  },
];
/** After the release: until the index, and since. */
const CREATE_JOB_AT_FIRST = { medianMs: 700, spread: 0.35, failures: 0.1 };
const CREATE_JOB_SINCE = { medianMs: 260, spread: 0.45, failures: 0.004 };
const STATEMENT_LIMIT_MS = 900;
/** How many times as many messages come while they are delivered again and again. */
const STORM_FACTOR = 5;

const TASKS = [
  { name: 'send_email', scope: 'user', perMinute: 8, duplicates: 0.003 },
  { name: 'generate_report', scope: 'tenant', perMinute: 1, duplicates: 0.001 },
];

export interface History {
  readonly tally: HistoryTally;
  /** OTLP/JSON, one request a line: metrics, and spans of slow CreateJobs. The tally is complete when they have been read. */
  lines(): Generator<string>;
}

/** @param untilMs Unix ms, the end of the history */
export function makeHistory(untilMs: number, { days = HISTORY_DAYS, seed = 1 } = {}): History {
  const end = Math.floor(untilMs / MINUTE_MS) * MINUTE_MS;
  const tally: HistoryTally = {
    fromMs: end - days * DAY_MS,
    untilMs: end,
    points: 0,
    mutations: {},
    failures: 0,
    slow: 0,
    keys: 0,
    duplicatedKeys: 0,
    escaped: 0,
    lostLocks: 0,
    injections: 0,
  };
  function* lines(): Generator<string> {
    const chance = createChance(seed);
    for (let at = tally.fromMs; at < end; ) {
      const stepMs = end - at > FINE_MS ? COARSE_STEP_MS : FINE_STEP_MS;
      const points = pointsOf({ startMs: at, timeMs: at + stepMs, end, chance, tally });
      tally.points += points.length;
      if (points.length > 0) yield metricsBody(points).toString();
      const slow = slowestCreateJob(points);
      if (slow !== undefined && end - at < DAY_MS) yield spanLine(chance, slow, at + stepMs);
      at += stepMs;
    }
  }
  return { tally, lines };
}

/** Seconds of the slowest CreateJob that failed its target; undefined without one. */
function slowestCreateJob(points: readonly PointDescription[]): number | undefined {
  const of = points.filter(({ attributes }) => attributes['vigil.mutation.name'] === 'CreateJob');
  const seconds = Math.max(
    0,
    ...of.filter(({ metric }) => metric === 'vigil.mutation.duration').flatMap((p) => p.values),
  );
  return seconds > 0.5 ? seconds : undefined;
}

function spanLine(chance: Chance, seconds: number, endMs: number): string {
  const hex = (digits: number): string =>
    Array.from({ length: digits }, () => Math.floor(chance.next() * 16).toString(16)).join('');
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const span = {
    traceId: `a${hex(31)}`,
    spanId: `a${hex(15)}`,
    name: 'mutation CreateJob',
    kind: 1,
    startTimeUnixNano: `${BigInt(Math.round(endMs - seconds * 1000)) * 1_000_000n}`,
    endTimeUnixNano: `${BigInt(endMs) * 1_000_000n}`,
    attributes: [text('vigil.mutation.name', 'CreateJob'), text('vigil.mutation.outcome', 'success')],
    status: {},
  };
  const resource = { attributes: [text('service.name', 'demo'), text('service.version', VERSION)] };
  return JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'demo' }, spans: [span] }] }] });
}

/** A stretch of time, and what happens in it. */
interface Step {
  readonly startMs: number;
  readonly timeMs: number;
  readonly end: number;
  readonly chance: Chance;
  readonly tally: HistoryTally;
}

function pointsOf(step: Step): PointDescription[] {
  return [...mutationPoints(step), ...taskPoints(step), ...securityPoints(step)];
}

function isDuring({ startMs, end }: Step, { fromMs, untilMs }: { fromMs: number; untilMs: number }): boolean {
  return startMs >= end - fromMs && startMs < end - untilMs;
}

/**
 * Between 0.05 at night and 1 at noon of a working day. The history ends on a Thursday at eleven in the morning, whenever
 * it is made, so that all that happens in it happens while people work.
 */
function activity(beforeEndMs: number): number {
  const hours = ((((END_HOUR * HOUR_MS - beforeEndMs) % DAY_MS) + DAY_MS) / HOUR_MS) % 24;
  const day = Math.max(0, Math.sin(((hours - 5) / 16) * Math.PI));
  const daysBefore = Math.floor((beforeEndMs + (24 - END_HOUR) * HOUR_MS) / DAY_MS);
  const isWeekend = [4, 5].includes(daysBefore % 7) && daysBefore > 3;
  return 0.05 + 0.95 * day * (isWeekend ? 0.3 : 1);
}

/** How often something happens in a step that happens so often a minute at the busiest. */
function times({ startMs, timeMs, end, chance }: Step, perMinute: number): number {
  return chance.poisson(perMinute * activity(end - startMs) * ((timeMs - startMs) / MINUTE_MS));
}

function kindNow(step: Step, kind: Kind): Kind {
  if (kind.name !== 'CreateJob' || step.startMs < step.end - INCIDENTS.release.fromMs) return kind;
  return { ...kind, ...(isDuring(step, INCIDENTS.release) ? CREATE_JOB_AT_FIRST : CREATE_JOB_SINCE) };
}

function* mutationPoints(step: Step): Generator<PointDescription> {
  const { chance, tally } = step;
  let requests = 0;
  for (const usual of MUTATIONS) {
    const kind = kindNow(step, usual);
    const n = times(step, kind.perMinute);
    const done: number[] = [];
    const failed: number[] = [];
    for (let i = 0; i < n; i++) {
      const ms = Math.min(STATEMENT_LIMIT_MS, kind.medianMs * Math.exp(kind.spread * chance.normal()));
      (ms === STATEMENT_LIMIT_MS || chance.next() < kind.failures ? failed : done).push(ms / 1000);
    }
    requests += n;
    tally.mutations[kind.name] = (tally.mutations[kind.name] ?? 0) + n;
    tally.failures += failed.length;
    tally.slow += [...done, ...failed].filter((seconds) => seconds > 0.5).length;
    const name = { 'vigil.mutation.name': kind.name };
    const duration = (outcome: string, values: number[], more = {}) =>
      pointAt(step, 'vigil.mutation.duration', { ...name, 'vigil.mutation.outcome': outcome, ...more }, values, 4);
    if (done.length > 0) yield duration('success', done);
    if (failed.length > 0) yield duration('failure', failed, { 'error.type': kind.errorType || 'StatementTimeout' });
    if (n > 0) yield pointAt(step, 'vigil.mutation.complexity', name, new Array<number>(n).fill(4), 4);
  }
  const asked = { 'graphql.operation.type': 'mutation', 'vigil.graphql.outcome': 'ok' };
  if (requests > 0) yield pointAt(step, 'vigil.graphql.requests', asked, ones(requests));
  const queries = { 'graphql.operation.type': 'query', 'vigil.graphql.outcome': 'ok' };
  if (requests > 0) yield pointAt(step, 'vigil.graphql.requests', queries, ones(requests * 2));
}

function* taskPoints(step: Step): Generator<PointDescription> {
  const { chance, tally } = step;
  const isStorm = isDuring(step, INCIDENTS.storm);
  for (const { name, scope, perMinute, duplicates } of TASKS) {
    const n = times(step, isStorm ? perMinute * STORM_FACTOR : perMinute);
    const task = { 'vigil.task.name': name };
    const twice = chance.binomial(n, isStorm ? 0.45 : duplicates);
    const escaped = isStorm ? chance.binomial(twice, 0.1) : 0;
    const lost = isStorm ? chance.binomial(n, 0.2) : 0;
    tally.keys += n;
    tally.duplicatedKeys += twice;
    tally.escaped += escaped;
    tally.lostLocks += lost;
    const under = { ...task, 'vigil.idempotency.scope': scope };
    const outcome = (is: string) => ({ ...under, 'vigil.idempotency.outcome': is });
    if (n > 0) yield pointAt(step, 'vigil.task.requests', outcome('executed'), ones(n));
    if (twice > escaped) yield pointAt(step, 'vigil.task.requests', outcome('prevented'), ones(twice - escaped));
    if (escaped > 0) yield pointAt(step, 'vigil.task.requests', outcome('escaped'), ones(escaped));
    if (twice > 0) yield pointAt(step, 'vigil.task.duplicated_keys', under, ones(twice));
    const lock = { ...task, 'vigil.lock.system': 'redis' };
    const held = (release: string, count: number, seconds: number) =>
      pointAt(
        step,
        'vigil.lock.hold.duration',
        { ...lock, 'vigil.lock.release': release },
        spread(chance, count, seconds),
        4,
      );
    if (n > 0)
      yield pointAt(
        step,
        'vigil.lock.acquire.duration',
        { ...lock, 'vigil.lock.outcome': 'acquired' },
        spread(chance, n, 0.002),
        4,
      );
    if (n > lost) yield held('released', n - lost, 0.05);
    if (lost > 0) yield held('lost', lost, 0.4);
    if (n > 0 && scope === 'user')
      yield pointAt(
        step,
        'vigil.idempotency.check.duration',
        { 'db.system.name': 'redis' },
        spread(chance, n, 0.001),
        4,
      );
  }
}

function* securityPoints(step: Step): Generator<PointDescription> {
  const { chance, tally } = step;
  const block = (category: string, pattern: string) => ({
    'vigil.security.category': category,
    'vigil.security.pattern': pattern,
    'vigil.security.action': 'blocked',
    'vigil.security.surface': 'graphql',
  });
  const refused = times(step, 0.05);
  if (refused > 0) yield pointAt(step, 'vigil.security.blocks', block('rate_limit', 'requests'), ones(refused));
  if (!isDuring(step, INCIDENTS.campaign)) return;
  let blocked = 0;
  for (const pattern of INJECTIONS) {
    let attempts = 0;
    for (const address of ATTACKERS) {
      const n = chance.poisson(0.15 * ((step.timeMs - step.startMs) / MINUTE_MS));
      const client = {
        'client.address': address,
        'vigil.security.category': 'sqli',
        'vigil.security.pattern': pattern,
      };
      if (n > 0) yield pointAt(step, 'vigil.security.clients', client, ones(n));
      attempts += n;
    }
    tally.injections += attempts;
    blocked += attempts;
    if (attempts > 0) yield pointAt(step, 'vigil.security.blocks', block('sqli', pattern), ones(attempts));
  }
  const outcome = { 'graphql.operation.type': 'query', 'vigil.graphql.outcome': 'blocked' };
  if (blocked > 0) yield pointAt(step, 'vigil.graphql.requests', outcome, ones(blocked));
}

function pointAt(
  { startMs, timeMs, end }: Step,
  metric: PointDescription['metric'],
  attributes: Readonly<Record<string, string>>,
  values: readonly number[],
  scale?: number,
): PointDescription {
  const version = startMs < end - INCIDENTS.release.fromMs ? VERSION_BEFORE : VERSION;
  const shape = scale === undefined ? 'sum' : { scale };
  const sender = { service: 'demo', instance: `demo-${version}`, version, cumulative: false };
  return { ...sender, metric, attributes, startMs, timeMs, values, shape };
}

const ones = (n: number): number[] => new Array<number>(n).fill(1);

/** Durations around a median, in seconds. */
function spread(chance: Chance, n: number, median: number): number[] {
  return Array.from({ length: n }, () => median * Math.exp(0.4 * chance.normal()));
}

/** Chance that can be repeated. */
interface Chance {
  /** From 0 to below 1. */
  next(): number;
  normal(): number;
  poisson(mean: number): number;
  binomial(n: number, share: number): number;
}

/** Mulberry32, a public-domain generator of 32 bits: plenty for pictures of traffic. */
function createChance(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return {
    next,
    normal,
    poisson(mean) {
      // Knuth's way is exact; above 30 the normal distribution is close enough.
      if (mean > 30) return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal()));
      const limit = Math.exp(-mean);
      let n = 0;
      for (let product = next(); product > limit; product *= next()) n++;
      return n;
    },
    binomial(n, share) {
      let hits = 0;
      for (let i = 0; i < n; i++) if (next() < share) hits++;
      return hits;
    },
  };
}
