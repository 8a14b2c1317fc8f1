/** Stretches of telemetry as pages, examples and screenshots need them: every number in them is chosen here. */
import type { MetricName } from '@vigil/semconv';
import { metricsBody, type PointDescription } from './otlp-json.ts';

export type ScenarioName = 'empty' | 'normal' | 'incident' | 'many' | 'documented';

/** Names and types that a page must show as text. They are what a sanitiser lets through. */
export const HOSTILE_NAMES: readonly string[] = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(2)</script>',
  "';alert(3)//",
  '</script><svg onload=alert(4)>',
];

/** Minutes of history. */
const MINUTES = 50;

type Attributes = Readonly<Record<string, string>>;

interface Flow {
  readonly metric: MetricName;
  readonly attributes: Attributes;
  /** Values of one minute, by how many minutes ago it was. */
  readonly values: (minutesAgo: number) => readonly number[];
}

const flowsOf: Readonly<Record<ScenarioName, () => Flow[]>> = {
  empty: () => [],
  normal: normalFlows,
  incident: incidentFlows,
  many: manyFlows,
  documented: documentedFlows,
};

/** @returns OTLP/JSON bodies, oldest first, of the time that ends now */
export function scenarioBodies(name: ScenarioName, nowMs: number): Buffer[] {
  const flows = flowsOf[name]();
  const bodies: Buffer[] = [];
  if (flows.length === 0) return bodies;
  for (let minutesAgo = MINUTES; minutesAgo >= 0; minutesAgo--) {
    const points = flows.flatMap((flow) => pointOf(flow, nowMs, minutesAgo));
    if (points.length > 0) bodies.push(metricsBody(points));
  }
  return bodies;
}

function pointOf({ metric, attributes, values }: Flow, nowMs: number, minutesAgo: number): PointDescription[] {
  const list = values(minutesAgo);
  if (list.length === 0) return [];
  const timeMs = nowMs - minutesAgo * 60_000;
  const isHistogram = metric.endsWith('.duration') || metric === 'vigil.mutation.complexity';
  const shape = isHistogram ? ({ scale: 4 } as const) : 'sum';
  const common = { service: 'shop', instance: 'shop-1', version: '1.4.2', cumulative: false } as const;
  return [{ ...common, metric, attributes, startMs: timeMs - 10_000, timeMs, values: list, shape }];
}

const repeat = (times: number, value: number): number[] => new Array<number>(times).fill(value);

function mutation(name: string, perMinute: number, seconds: number): Flow {
  return {
    metric: 'vigil.mutation.duration',
    attributes: { 'vigil.mutation.name': name, 'vigil.mutation.outcome': 'success' },
    values: (minutesAgo) =>
      Array.from({ length: perMinute }, (_, i) => seconds * (1 + (i % 5) / 4) * (1 + (minutesAgo % 7) / 20)),
  };
}

function failure(name: string, errorType: string, perMinute: number, seconds: number): Flow {
  return {
    metric: 'vigil.mutation.duration',
    attributes: { 'vigil.mutation.name': name, 'vigil.mutation.outcome': 'failure', 'error.type': errorType },
    values: () => repeat(perMinute, seconds),
  };
}

function counter(metric: MetricName, attributes: Attributes, perMinute: (minutesAgo: number) => number): Flow {
  return { metric, attributes, values: (minutesAgo) => repeat(perMinute(minutesAgo), 1) };
}

const SEVEN = [
  ['LoginUser', 12, 0.04],
  ['LogoutUser', 8, 0.005],
  ['TaskTourUpdate', 20, 0.02],
  ['InsertRecord', 25, 0.03],
  ['ReportMutation', 4, 0.25],
  ['SecureFileUploadMutation', 3, 0.2],
  ['AdhocMutation', 2, 0.15],
] as const;

function task(name: string, scope: string, executed: number, prevented: number, every: number): Flow[] {
  const attributes = { 'vigil.task.name': name, 'vigil.idempotency.scope': scope };
  const outcome = (value: string) => ({ ...attributes, 'vigil.idempotency.outcome': value });
  const atTimes = (times: number) => (minutesAgo: number) => (minutesAgo % every === 0 ? times : 0);
  return [
    counter('vigil.task.requests', outcome('executed'), () => executed),
    counter('vigil.task.requests', outcome('prevented'), atTimes(prevented)),
    counter('vigil.task.duplicated_keys', attributes, atTimes(1)),
  ];
}

function lock(name: string, outcome: string, perMinute: number, seconds: number): Flow {
  return {
    metric: 'vigil.lock.acquire.duration',
    attributes: { 'vigil.lock.system': 'redis', 'vigil.lock.outcome': outcome, 'vigil.task.name': name },
    values: () => repeat(perMinute, seconds),
  };
}

function held(name: string, release: string, perMinute: number, seconds: number): Flow {
  return {
    metric: 'vigil.lock.hold.duration',
    attributes: { 'vigil.lock.system': 'redis', 'vigil.lock.release': release, 'vigil.task.name': name },
    values: () => repeat(perMinute, seconds),
  };
}

function requests(ok: number, blocked: number): Flow[] {
  const type = { 'graphql.operation.type': 'mutation' };
  return [
    counter('vigil.graphql.requests', { ...type, 'vigil.graphql.outcome': 'ok' }, () => ok),
    counter('vigil.graphql.requests', { ...type, 'vigil.graphql.outcome': 'blocked' }, () => blocked),
  ];
}

function block(category: string, pattern: string, address: string, perMinute: (minutesAgo: number) => number): Flow[] {
  const kind = { 'vigil.security.category': category, 'vigil.security.pattern': pattern };
  const how = { 'vigil.security.action': 'blocked', 'vigil.security.surface': 'graphql' };
  return [
    counter('vigil.security.blocks', { ...kind, ...how }, perMinute),
    counter('vigil.security.clients', { ...kind, 'client.address': address }, perMinute),
  ];
}

const checks: Flow = {
  metric: 'vigil.idempotency.check.duration',
  attributes: { 'db.system.name': 'redis' },
  values: () => repeat(10, 0.0006),
};

function normalFlows(): Flow[] {
  return [
    ...SEVEN.map(([name, perMinute, seconds]) => mutation(name, perMinute, seconds)),
    failure('LoginUser', 'INVALID_CREDENTIALS', 1, 0.04),
    {
      metric: 'vigil.mutation.complexity',
      attributes: { 'vigil.mutation.name': 'InsertRecord' },
      values: () => [4, 6],
    },
    ...requests(74, 0),
    ...task('send_email', 'user', 30, 2, 25),
    ...task('auto_close_jobs', 'global', 5, 1, 50),
    lock('auto_close_jobs', 'acquired', 6, 0.002),
    lock('auto_close_jobs', 'held', 1, 0.002),
    held('auto_close_jobs', 'released', 6, 0.4),
    checks,
    ...block('csrf', 'missing_header', '192.0.2.10', (minutesAgo) => (minutesAgo === 20 ? 1 : 0)),
  ];
}

function incidentFlows(): Flow[] {
  const recent = (times: number) => (minutesAgo: number) => (minutesAgo < 20 ? times : 0);
  return [
    ...SEVEN.map(([name, perMinute, seconds]) => mutation(name, perMinute, seconds)),
    mutation('CreateJob', 20, 1.9),
    failure('CreateJob', 'StatementTimeout', 9, 4.2),
    failure('ReportMutation', 'PERMISSION_DENIED', 1, 0.3),
    ...HOSTILE_NAMES.map((name) => failure(name, name, 1, 0.1)),
    ...requests(110, 6),
    ...task('send_email', 'user', 10, 4, 1),
    ...task('generate_report', 'tenant', 4, 2, 1),
    counter(
      'vigil.task.requests',
      { 'vigil.task.name': 'send_email', 'vigil.idempotency.scope': 'user', 'vigil.idempotency.outcome': 'escaped' },
      (minutesAgo) => (minutesAgo === 5 ? 3 : 0),
    ),
    lock('generate_report', 'acquired', 4, 0.8),
    lock('generate_report', 'timeout', 2, 5),
    held('generate_report', 'released', 3, 6),
    held('generate_report', 'expired', 1, 30),
    checks,
    ...block('sqli', 'union', '203.0.113.7', recent(9)),
    ...block('sqli', 'time_blind', '203.0.113.7', recent(4)),
    ...block('sqli', 'boolean_blind', '203.0.113.99', recent(3)),
    ...block('sqli', 'stacked_queries', '198.51.100.23', recent(2)),
    ...block('rate_limit', 'http', '198.51.100.66', recent(8)),
    ...block('csrf', 'missing_header', '192.0.2.44', recent(2)),
    ...block('origin', 'foreign', '192.0.2.44', recent(1)),
  ];
}

function manyFlows(): Flow[] {
  const names = Array.from({ length: 200 }, (_, i) => `Update${String(i).padStart(3, '0')}Entity`);
  return [
    ...names.map((name, i) => mutation(name, 1 + (i % 4), 0.005 * (1 + (i % 60)))),
    ...names.filter((_, i) => i % 17 === 0).map((name) => failure(name, 'CONFLICT', 1, 0.05)),
    ...requests(400, 0),
  ];
}

/** A little of everything, so that every field of every answer has something to say. */
function documentedFlows(): Flow[] {
  return [
    mutation('LoginUser', 12, 0.04),
    mutation('CreateJob', 4, 0.2),
    {
      ...failure('CreateJob', 'StatementTimeout', 1, 1.2),
      values: (minutesAgo) => (minutesAgo % 5 === 0 ? [1.2] : []),
    },
    {
      metric: 'vigil.mutation.complexity',
      attributes: { 'vigil.mutation.name': 'CreateJob' },
      values: () => [4, 6],
    },
    ...requests(17, 1),
    ...task('send_email', 'user', 30, 2, 5),
    lock('send_email', 'acquired', 30, 0.002),
    lock('send_email', 'held', 1, 0.002),
    held('send_email', 'released', 30, 0.4),
    checks,
    ...block('sqli', 'union', '203.0.113.7', (minutesAgo) => (minutesAgo < 20 ? 1 : 0)),
    ...block('csrf', 'missing_header', '192.0.2.44', (minutesAgo) => (minutesAgo === 20 ? 1 : 0)),
  ];
}

/** The spans of two slow mutations of the documented scenario, as OTLP/JSON. */
export function documentedSpans(nowMs: number): Buffer {
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const span = (traceId: string, spanId: string, name: string, outcome: Attributes, seconds: number) => ({
    traceId,
    spanId,
    name: `mutation ${name}`,
    startTimeUnixNano: `${BigInt(nowMs - 60_000 - seconds * 1000) * 1_000_000n}`,
    endTimeUnixNano: `${BigInt(nowMs - 60_000) * 1_000_000n}`,
    attributes: Object.entries({ 'vigil.mutation.name': name, ...outcome }).map(([key, value]) => text(key, value)),
  });
  const failed = { 'vigil.mutation.outcome': 'failure', 'error.type': 'StatementTimeout' };
  const spans = [
    span('0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331', 'CreateJob', failed, 1.2),
    span(
      '5b8efff798038103d269b633813fc60c',
      'eee19b7ec3c1b174',
      'LoginUser',
      { 'vigil.mutation.outcome': 'success' },
      0.08,
    ),
  ];
  const resource = { attributes: [text('service.name', 'shop')] };
  return Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }));
}
