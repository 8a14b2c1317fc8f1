/** A lock that hangs, from the guard that holds it to what a reader is told; the clock of all but the guard is the test's. */
import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { memoryStore, TaskLockInstrumentation, withLock } from '../../../instrumentation/task-locks/index.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { createReadSide, NOW_MS, type ReadSide } from '../../support/read-side.ts';
import { acquisitions, holds } from '../../support/task-points.ts';

interface Said {
  readonly id: string;
  readonly level: string;
  readonly message: string;
  readonly evidence: { readonly events: number; readonly window_seconds: number };
}

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

const MINUTE_MS = 60_000;
const silent = { info() {}, warn() {}, error() {} };

async function recommendationsOf(side: ReadSide, path: string): Promise<Said[]> {
  const body = (await (await side.get(path)).json()) as { recommendations: Said[] };
  return body.recommendations;
}

test('work that hangs in its lock is told of wherever one looks, until the lock comes free', async () => {
  const startMs = NOW_MS - 3 * 60 * MINUTE_MS;
  let clockMs = startMs;
  const opened = openEmbeddedStore({
    directory: temporaryDirectory(),
    retentionDays: 35,
    metrics: createOwnMetrics(),
    log: silent,
    now: () => clockMs,
    fsync: 'never',
  });
  onTestFinished(() => opened.close());
  const side = createReadSide({ store: opened.store, nowMs: () => clockMs });
  const { export: send, stop } = startSdk();
  onTestFinished(stop);
  const store = memoryStore();
  const attempt = async (work: () => Promise<void>) => {
    const result = withLock({ store, task: 'close_month' }, work);
    // The guard has claimed or not when others had their turn.
    await new Promise(setImmediate);
    await exportAt();
    return result;
  };
  const exportAt = async () => {
    const { rejected, message } = opened.receiver.take(await send(startMs, clockMs));
    expect(rejected, message).toBe(0);
  };
  const ids = async (path: string) => (await recommendationsOf(side, path)).map(({ id }) => id);
  const healthy = ['idempotency-healthy'];

  for (let i = 0; i < 12; i++, clockMs += 5 * MINUTE_MS)
    expect(await attempt(async () => {})).toMatchObject({ outcome: 'acquired' });
  expect(await ids('/monitoring/celery/idempotency/')).toEqual(healthy);

  let comeBack = (): void => {};
  const hanging = attempt(() => new Promise((resolve) => void (comeBack = resolve)));
  await new Promise(setImmediate);
  for (let i = 0; i < 12; i++) {
    clockMs += 5 * MINUTE_MS;
    expect(await attempt(async () => {})).toEqual({ outcome: 'held' });
  }
  // The first of them stands in one step with the acquisition.
  for (const path of ['celery/idempotency/', 'tasks/idempotency/health/', 'recommendations/', 'overview/']) {
    const told = (await recommendationsOf(side, `/monitoring/${path}`)).find(({ id }) =>
      /^lock-(stuck|kept)-/.test(id),
    );
    expect(told, path).toMatchObject({
      id: 'lock-stuck-memory-close_month',
      level: 'warning',
      message: expect.stringContaining('all 11 attempts found it held'),
      evidence: { events: 11, window_seconds: 86_400 },
    });
    expect(await ids(`/monitoring/${path}`)).not.toContain('idempotency-healthy');
  }
  expect(await ids('/monitoring/celery/idempotency/?window=1')).toEqual(['lock-stuck-memory-close_month']);
  expect(await (await side.get('/tasks/')).text()).toContain('The lock of close_month in memory does not come free');

  comeBack();
  await hanging;
  clockMs += MINUTE_MS;
  await exportAt();
  expect(await ids('/monitoring/celery/idempotency/')).toEqual(healthy);
});

/** A process with the guards and the SDK, whose points say the times that a test gives. */
function startSdk() {
  const reader = new ReaderOnDemand();
  const provider = new MeterProvider({
    resource: resourceFromAttributes({ 'service.name': 'shop' }),
    readers: [reader],
  });
  const instrumentation = new TaskLockInstrumentation({ spans: false });
  instrumentation.setMeterProvider(provider);
  const time = (ms: number): [number, number] => [Math.floor(ms / 1000), (ms % 1000) * 1e6];
  return {
    async export(startMs: number, atMs: number) {
      const { resourceMetrics } = await reader.collect();
      for (const { dataPoints } of resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics))
        for (const point of dataPoints) Object.assign(point, { startTime: time(startMs), endTime: time(atMs) });
      const bytes = ProtobufMetricsSerializer.serializeRequest(resourceMetrics) as Uint8Array;
      return { signal: 'metrics', bytes, encoding: 'protobuf', gzip: false } as const;
    },
    async stop() {
      instrumentation.disable();
      await provider.shutdown();
    },
  };
}

describe('what names tell apart', () => {
  let side: ReadSide;
  beforeEach(() => {
    side = createReadSide();
  });
  type Point = ReturnType<typeof acquisitions>;
  const at = (minutesAgo: number, ...points: (Point & { service?: string })[]) =>
    side.store.addPoints(points, NOW_MS - minutesAgo * MINUTE_MS);
  const named = (point: Point, attributes: Record<string, string>) => ({
    ...point,
    attributes: { ...point.attributes, ...attributes },
  });
  const told = async (asked = '') =>
    (await recommendationsOf(side, `/monitoring/tasks/idempotency/${asked}`))
      .map(({ id }) => id)
      .filter((id) => /^lock-(stuck|kept)-/.test(id));

  test('a lock nobody gave back since it is known', async () => {
    at(190, acquisitions('acquired', 1));
    for (let ago = 180; ago > 0; ago -= 20) at(ago, acquisitions('held', 20));
    const [said] = await recommendationsOf(side, '/monitoring/tasks/idempotency/');
    expect(said).toMatchObject({ id: 'lock-kept-redis-send_email', level: 'info' });
    expect(said.message).toContain('all 180 attempts found it held');
    expect(said.message).toContain('it was acquired once and seen to come free never');
  });

  test('the holds of days ago say how long it takes', async () => {
    for (let daysAgo = 6; daysAgo > 0; daysAgo--)
      at(daysAgo * 1440, acquisitions('acquired', 1), holds('released', 1, 3600));
    for (let ago = 170; ago > 0; ago -= 10) at(ago, acquisitions('timeout', 1));
    expect(await told()).toEqual([]);
    for (let ago = 290; ago > 170; ago -= 10) at(ago, acquisitions('timeout', 1));
    expect(await told()).toEqual(['lock-stuck-redis-send_email']);
  });

  test('another service has it, and gives it back', async () => {
    for (let ago = 180; ago > 0; ago -= 10) at(ago, { ...acquisitions('held', 5), service: 'reports' });
    for (let ago = 180; ago > 0; ago -= 10)
      at(ago + 1, { ...acquisitions('acquired', 1), service: 'shop' }, { ...holds('released', 1), service: 'shop' });
    expect(await told('?service=reports')).toEqual([]);
    expect(await told()).toEqual([]);
  });

  test('a service is told of the locks that it waits for itself', async () => {
    for (let ago = 180; ago > 0; ago -= 10) at(ago, { ...acquisitions('held', 5), service: 'reports' });
    at(1, { ...named(acquisitions('acquired', 1), { 'vigil.task.name': 'other' }), service: 'shop' });
    expect(await told('?service=reports')).toEqual(['lock-kept-redis-send_email']);
    expect(await told('?service=shop')).toEqual([]);
  });

  test('a lock of that name in another store is another lock', async () => {
    for (let ago = 180; ago > 0; ago -= 10)
      at(ago, acquisitions('held', 5), named(acquisitions('acquired', 1), { 'vigil.lock.system': 'postgresql' }));
    expect(await told()).toEqual(['lock-kept-redis-send_email']);
  });

  test('under the name of the overflow, or none, are the locks of many', async () => {
    for (let ago = 180; ago > 0; ago -= 10)
      at(ago, ...['_OTHER', ''].map((name) => named(acquisitions('held', 5), { 'vigil.task.name': name })));
    expect(await told()).toEqual([]);
  });

  test('five of many, the longest first', async () => {
    for (let ago = 180; ago > 0; ago -= 10)
      at(
        ago,
        ...Array.from({ length: 9 }, (_, i) => i)
          .filter((i) => ago <= 180 - 10 * i)
          .map((i) => named(acquisitions('held', 5), { 'vigil.task.name': `task_${i}` })),
      );
    expect(await told()).toEqual([0, 1, 2, 3, 4].map((i) => `lock-kept-redis-task_${i}`));
  });
});
