/** What happened lately, as senders tell it that count from their start: for stores that are held against each other. */
import type { MetricName } from '@vigil/semconv';
import { DURATION_BUCKET_EDGES_SECONDS } from '@vigil/semconv';
import { metricsBody, type PointDescription } from './otlp-json.ts';

export interface TrafficOptions {
  /** When the last tick is told. */
  readonly untilMs: number;
  readonly ticks: number;
  readonly tickMs: number;
  readonly shape: 'explicit' | 'exponential';
}

interface Flow {
  readonly metric: MetricName;
  readonly service: string;
  readonly instance: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Values of one tick. */
  readonly values: (tick: number) => readonly number[];
  /** The first and the last tick that it is told at. */
  readonly told?: readonly [number, number];
}

const times = (n: number, value = 1): number[] => new Array<number>(n).fill(value);
/** Of the ticks from `first` to `last`; before and after there is silence. */
const during =
  (first: number, last: number, values: (tick: number) => readonly number[]) =>
  (tick: number): readonly number[] =>
    tick >= first && tick <= last ? values(tick) : [];

const QUIET_TICKS = 6;

/** @param ticks in all; the first and the last few are silent */
function flowsOf(ticks: number): Flow[] {
  const busy = (values: (tick: number) => readonly number[]) => during(QUIET_TICKS, ticks - QUIET_TICKS, values);
  const flow = (
    metric: MetricName,
    attributes: Flow['attributes'],
    values: Flow['values'],
    more: Partial<Flow> = {},
  ): Flow => ({ metric, attributes, values: busy(values), service: 'shop', instance: 'shop-1', ...more });
  const mutation = (name: string, outcome: string, errorType?: string) => ({
    'vigil.mutation.name': name,
    'vigil.mutation.outcome': outcome,
    ...(errorType === undefined ? {} : { 'error.type': errorType }),
  });
  const task = (outcome: string) => ({
    'vigil.task.name': 'send_email',
    'vigil.idempotency.scope': 'user',
    'vigil.idempotency.outcome': outcome,
  });
  const block = (category: string, pattern: string) => ({
    'vigil.security.category': category,
    'vigil.security.pattern': pattern,
  });
  const blocked = { 'vigil.security.action': 'blocked', 'vigil.security.surface': 'graphql' };
  const half = Math.floor(ticks / 2);
  const hangsAt = Math.floor(ticks / 5);
  const ofLock = (task: string) => ({ 'vigil.lock.system': 'redis', 'vigil.task.name': task });
  const attempt = (task: string, outcome: string, values: Flow['values']): Flow =>
    flow('vigil.lock.acquire.duration', { ...ofLock(task), 'vigil.lock.outcome': outcome }, values);
  const release = (task: string, values: Flow['values']): Flow =>
    flow('vigil.lock.hold.duration', { ...ofLock(task), 'vigil.lock.release': 'released' }, values);
  return [
    flow('vigil.mutation.duration', mutation('LoginUser', 'success'), (tick) => times(5, 0.02 * (1 + (tick % 9)))),
    flow('vigil.mutation.duration', mutation('LoginUser', 'failure', 'INVALID_CREDENTIALS'), () => [0.03]),
    flow('vigil.mutation.duration', mutation('CreateJob', 'success'), (tick) => [0.4, 0.7 + (tick % 5) / 4]),
    flow('vigil.mutation.duration', mutation('CreateJob', 'partial'), (tick) => times(tick % 3 === 0 ? 1 : 0, 0.9)),
    flow('vigil.mutation.duration', mutation('CreateJob', 'aborted'), (tick) => times(tick % 7 === 0 ? 1 : 0, 9)),
    // A name that would break out of a query, a pattern or a label.
    flow('vigil.mutation.duration', mutation('x"} or vector(1) #\\ {.*}', 'success'), () => [0.1]),
    // An instance that ends, and the one that follows it.
    flow('vigil.mutation.duration', mutation('Pay', 'success'), () => times(3, 0.05), {
      service: 'billing',
      instance: 'billing-1',
      told: [0, half],
    }),
    flow('vigil.mutation.duration', mutation('Pay', 'success'), () => times(2, 0.06), {
      service: 'billing',
      instance: 'billing-2',
      told: [half, ticks],
    }),
    flow('vigil.mutation.complexity', { 'vigil.mutation.name': 'CreateJob' }, (tick) => [4, 6 + (tick % 4)]),
    flow('vigil.graphql.requests', { 'graphql.operation.type': 'mutation', 'vigil.graphql.outcome': 'ok' }, () =>
      times(9),
    ),
    flow('vigil.graphql.requests', { 'graphql.operation.type': 'unknown', 'vigil.graphql.outcome': 'blocked' }, () =>
      times(2),
    ),
    flow('vigil.task.requests', task('executed'), () => times(20)),
    flow('vigil.task.requests', task('prevented'), (tick) => times(tick % 4 === 0 ? 3 : 0)),
    flow('vigil.task.duplicated_keys', { 'vigil.task.name': 'send_email', 'vigil.idempotency.scope': 'user' }, (tick) =>
      times(tick % 4 === 0 ? 1 : 0),
    ),
    flow('vigil.idempotency.check.duration', { 'db.system.name': 'redis' }, () => times(4, 0.0006)),
    ...['acquired', 'held', 'timeout'].map((outcome, i) =>
      attempt('send_email', outcome, () => times(3 - i, 0.002 * (i + 1))),
    ),
    release('send_email', () => times(3, 0.3)),
    // A lock that is given back until its holder hangs, and one that a leader has.
    attempt('close_month', 'acquired', (tick) => times(tick <= hangsAt ? 1 : 0, 0.002)),
    release('close_month', (tick) => times(tick < hangsAt ? 1 : 0, 0.3)),
    attempt('close_month', 'held', (tick) => times(tick > hangsAt ? 1 : 0, 0.002)),
    attempt('lead', 'held', () => times(1, 0.002)),
    ...[
      ['sqli', 'union', '203.0.113.7', 3],
      ['sqli', 'time_blind', '203.0.113.7', 1],
      ['sqli', 'boolean_blind', '2001:db8::7', 2],
      ['csrf', 'token', '192.0.2.44', 1],
      ['rate_limit', 'requests', '198.51.100.66', 4],
    ].flatMap(([category, pattern, address, n]) => {
      const kind = block(String(category), String(pattern));
      const values = (tick: number) => times(tick % 5 === 0 ? Number(n) : 0);
      return [
        flow('vigil.security.blocks', { ...kind, ...blocked }, values),
        flow('vigil.security.clients', { ...kind, 'client.address': String(address) }, values),
      ];
    }),
  ];
}

/** The points of each tick, all cumulative, each beginning at 0. */
export function trafficPoints({ untilMs, ticks, tickMs, shape }: TrafficOptions): PointDescription[][] {
  const startMs = untilMs - ticks * tickMs - 1;
  const flows = flowsOf(ticks).map((flow) => ({ ...flow, all: [] as number[] }));
  return Array.from({ length: ticks + 1 }, (_, tick) =>
    flows
      .filter(({ told = [0, ticks] }) => tick >= told[0] && tick <= told[1])
      .map(({ metric, service, instance, attributes, values, told, all }): PointDescription => {
        if (tick > (told?.[0] ?? 0)) all.push(...values(tick));
        const isHistogram = metric.endsWith('.duration') || metric === 'vigil.mutation.complexity';
        return {
          metric,
          service,
          instance,
          attributes,
          cumulative: true,
          startMs,
          timeMs: untilMs - (ticks - tick) * tickMs,
          values: [...all],
          shape: !isHistogram ? 'sum' : shape === 'explicit' ? 'explicit' : { scale: 4 },
          edges: DURATION_BUCKET_EDGES_SECONDS,
        };
      }),
  );
}

/** The same as OTLP/JSON bodies, oldest first. */
export function trafficBodies(options: TrafficOptions): Buffer[] {
  return trafficPoints(options).map(metricsBody);
}
