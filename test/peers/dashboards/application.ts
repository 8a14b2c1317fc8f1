/**
 * What happens while Prometheus looks on: the demo's application with its people, and tasks, locks and attacks, told to the
 * aggregator second by second as their instrumentations tell it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { makeTraffic } from '../../demo/traffic.ts';
import { KEY, type RunningAggregator } from '../../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';

const root = resolve(import.meta.dirname, '../../..');
const fileUrl = (path: string) => pathToFileURL(join(root, path)).href;

/** Lets it all happen for so many seconds; when it is over, everything has reached the aggregator. */
export async function happen(aggregator: RunningAggregator, seconds: number): Promise<void> {
  const app = fork(join(root, 'test/demo/app.ts'), {
    cwd: root,
    execArgv: ['test/demo/leave-with-parent.ts', 'otel-config/register.ts'].flatMap((path) => [
      '--import',
      fileUrl(path),
    ]),
    env: {
      ...process.env,
      OTEL_SERVICE_NAME: 'demo',
      OTEL_EXPORTER_OTLP_ENDPOINT: aggregator.url,
      OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${KEY}`,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_BSP_SCHEDULE_DELAY: '1000',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = once(app, 'exit');
  const ending = new AbortController();
  try {
    const [port] = (await once(app, 'message')) as [number];
    const traffic = makeTraffic(`http://127.0.0.1:${port}/graphql`, ending.signal);
    await Promise.race([traffic, tell(aggregator, seconds)]);
    ending.abort();
    await traffic;
  } finally {
    ending.abort();
    app.kill('SIGTERM');
    await exited;
  }
}

type Event = Pick<PointDescription, 'metric' | 'attributes' | 'shape'> & {
  /** How often in a second. */
  readonly times: number;
  readonly seconds?: number;
};

const request = (task: string, scope: string, outcome: string, times: number): Event => ({
  metric: 'vigil.task.requests',
  attributes: { 'vigil.task.name': task, 'vigil.idempotency.scope': scope, 'vigil.idempotency.outcome': outcome },
  shape: 'sum',
  times,
});
const duplicate = (task: string, scope: string): Event => ({
  metric: 'vigil.task.duplicated_keys',
  attributes: { 'vigil.task.name': task, 'vigil.idempotency.scope': scope },
  shape: 'sum',
  times: 1,
});
const lock = (outcome: string, times: number): Event => ({
  metric: 'vigil.lock.acquire.duration',
  attributes: { 'vigil.lock.system': 'redis', 'vigil.lock.outcome': outcome, 'vigil.task.name': 'send_invoice' },
  shape: { scale: 4 },
  times,
  seconds: 0.004,
});
const block = (category: string, pattern: string, client: string, times: number): readonly Event[] => [
  {
    metric: 'vigil.security.blocks',
    attributes: {
      'vigil.security.category': category,
      'vigil.security.pattern': pattern,
      'vigil.security.action': 'blocked',
      'vigil.security.surface': 'graphql',
    },
    shape: 'sum',
    times,
  },
  {
    metric: 'vigil.security.clients',
    attributes: { 'client.address': client, 'vigil.security.category': category, 'vigil.security.pattern': pattern },
    shape: 'sum',
    times,
  },
];

const everySecond: readonly Event[] = [
  request('send_invoice', 'user', 'executed', 40),
  request('send_invoice', 'user', 'prevented', 2),
  duplicate('send_invoice', 'user'),
  request('sync_tours', 'tenant', 'executed', 30),
  request('sync_tours', 'tenant', 'replayed', 1),
  request('push_position', 'device', 'executed', 20),
  lock('acquired', 30),
  lock('held', 1),
  ...block('sqli', 'union', '198.51.100.7', 2),
  ...block('sqli', 'boolean_blind', '198.51.100.7', 1),
  ...block('sqli', 'stacked_queries', '203.0.113.9', 1),
  ...block('csrf', 'missing_header', '203.0.113.9', 1),
  ...block('rate_limit', 'window', '192.0.2.44', 3),
  ...block('origin', 'not_allowed', '192.0.2.44', 1),
];

async function tell(aggregator: RunningAggregator, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    const timeMs = Date.now();
    const points = everySecond.map(({ metric, attributes, shape, times, seconds: value = 1 }) => ({
      metric,
      attributes,
      shape,
      service: 'demo',
      instance: 'tasks',
      cumulative: false,
      startMs: timeMs - 900,
      timeMs,
      values: new Array<number>(times).fill(value),
    }));
    const answer = await aggregator.post('/v1/metrics', metricsBody(points), { 'Content-Type': 'application/json' });
    if (!answer.ok) throw new Error(`the aggregator answered ${answer.status}: ${await answer.text()}`);
    await delay(1000);
  }
}
