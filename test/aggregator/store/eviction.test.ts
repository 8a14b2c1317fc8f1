/** Instances that went away are forgotten, and forgetting neither doubles nor mixes anything up. */
import { cpSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import type { Accepted } from '../../../aggregator/otlp/receiver.ts';
import {
  type EmbeddedStoreOptions,
  type OpenedStore,
  openEmbeddedStore,
} from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let clock = 0;
beforeEach(() => {
  clock = Date.UTC(2026, 0, 1);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
});
const opened: OpenedStore[] = [];
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  vi.useRealTimers();
});

function open(directory: string, over: Partial<EmbeddedStoreOptions> = {}) {
  const metrics = createOwnMetrics();
  const store = openEmbeddedStore({ directory, retentionDays: 35, metrics, log: silent, now: () => clock, ...over });
  opened.push(store);
  const metric = (name: string) => metrics.families().find((family) => family.name === name)?.samples[0]?.value;
  return { store, metric, close: () => opened.splice(opened.indexOf(store), 1)[0].close() };
}

/** Lets time go by as the store's timer sees it. */
function pass(ms: number): void {
  clock += ms;
  vi.advanceTimersByTime(5000);
  // An export waits for a checkpoint that is under way.
  for (const store of opened) for (const _ of store.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
}

function point(instance: string, count: number, over: Partial<PointDescription> = {}): PointDescription {
  return {
    metric: 'vigil.task.requests',
    instance,
    attributes: {
      'vigil.task.name': 'send',
      'vigil.idempotency.scope': 'global',
      'vigil.idempotency.outcome': 'executed',
    },
    cumulative: true,
    startMs: clock - HOUR,
    timeMs: clock,
    values: new Array<number>(count).fill(1),
    shape: 'sum',
    ...over,
  };
}

const take = (store: OpenedStore, ...points: PointDescription[]): Accepted =>
  store.receiver.take({ signal: 'metrics', bytes: metricsBody(points), encoding: 'json', gzip: false });

async function total(store: OpenedStore, task?: string): Promise<number> {
  const where: Record<string, string[]> = task === undefined ? {} : { 'vigil.task.name': [task] };
  const [row] = await store.store.lifetimeCounts({ metric: 'vigil.task.requests', where });
  return row?.value ?? 0;
}

describe('an instance of which nothing came for over eight days', () => {
  test('is forgotten with its streams, and what it counted stays', async () => {
    const { store, metric } = open(temporaryDirectory());
    clock += HOUR;
    take(store, point('gone', 5), point('stays', 7));
    for (let day = 0; day < 9; day++) {
      pass(DAY);
      take(store, point('stays', 7, { startMs: Date.UTC(2026, 0, 1) }));
    }
    pass(HOUR);
    expect(metric('aggregator_instances_evicted_total')).toBe(1);
    expect(metric('aggregator_instances')).toBe(1);
    expect(metric('aggregator_streams')).toBe(1);
    expect(await total(store)).toBe(12);
  });

  test('that comes back all the same counts from there on only: its former counts are not doubled', async () => {
    const { store } = open(temporaryDirectory());
    const startMs = clock + 1;
    clock += HOUR;
    take(store, point('gone', 5, { startMs }));
    pass(9 * DAY);
    take(store, point('gone', 8, { startMs }));
    expect(await total(store)).toBe(5);
    pass(60_000);
    take(store, point('gone', 10, { startMs }));
    expect(await total(store)).toBe(7);
    take(store, point('new', 4, { startMs: clock - 1 }));
    expect(await total(store)).toBe(11);
  });

  test.each(['closed', 'killed'])('is forgotten on the disk too, wherever the process is %s', async (how) => {
    let directory = temporaryDirectory();
    let { store, metric, close } = open(directory);
    const startMs = clock + 1;
    clock += HOUR;
    take(store, point('gone', 5, { startMs }), point('other', 1, { startMs }));
    pass(9 * DAY);
    // Its number is given anew, to an instance whose stream has another shape.
    const histogram: Partial<PointDescription> = {
      metric: 'vigil.lock.hold.duration',
      attributes: { 'vigil.lock.system': 'redis', 'vigil.lock.release': 'released', 'vigil.task.name': 'send' },
      shape: { scale: 3 },
      values: [0.1, 0.2],
      startMs: clock - 1,
    };
    take(store, point('new', 2, histogram));
    if (how === 'killed') {
      const copy = temporaryDirectory();
      cpSync(directory, copy, { recursive: true });
      directory = copy;
    }
    close();
    ({ store, metric, close } = open(directory));
    expect(metric('aggregator_instances')).toBe(1);
    expect(metric('aggregator_streams')).toBe(1);
    clock += 60_000;
    take(store, point('gone', 8, { startMs }), point('new', 3, { ...histogram, values: [0.1, 0.2, 0.3] }));
    expect(await total(store)).toBe(6);
    const [held] = await store.store.lifetimeHistograms({ metric: 'vigil.lock.hold.duration' });
    expect(held.histogram.count).toBe(3);
  });
});

describe('when a bound is reached', () => {
  const limits = { streams: 100, instances: 4 };

  test('points of new instances are rejected with the reason, known ones go on', async () => {
    const { store, metric } = open(temporaryDirectory(), { streamLimits: limits });
    clock += HOUR;
    const startMs = clock - 1000;
    for (let i = 0; i < 4; i++) take(store, point(`i${i}`, 1, { startMs }));
    const answer = take(store, point('one too many', 1, { startMs }), point('i0', 3, { startMs, timeMs: clock + 1 }));
    expect(answer).toEqual({ rejected: 1, message: expect.stringContaining('too many streams') });
    expect(await total(store)).toBe(6);
    expect(metric('aggregator_instances')).toBe(4);
  });

  test('room is made of instances silent for longer than a point may be late, not of others', async () => {
    const { store, metric } = open(temporaryDirectory(), { streamLimits: limits });
    clock += HOUR;
    const startMs = clock - 1000;
    for (let i = 0; i < 4; i++) take(store, point(`i${i}`, 1, { startMs }));
    pass(20 * HOUR);
    take(store, point('i3', 1, { startMs }));
    expect(take(store, point('new', 1)).rejected).toBe(1);
    pass(60_000);
    expect(take(store, point('new', 1)).rejected).toBe(1);
    pass(7 * HOUR);
    expect(take(store, point('new', 1, { startMs: clock - 1000 })).rejected).toBe(0);
    expect(metric('aggregator_instances_evicted_total')).toBe(3);
    expect(await total(store)).toBe(5);
  });

  test('so are streams', async () => {
    const { store } = open(temporaryDirectory(), { streamLimits: { streams: 3, instances: 100 } });
    clock += HOUR;
    const of = (task: string) => ({ ...point('i', 1).attributes, 'vigil.task.name': task });
    const startMs = clock - 1000;
    const tasks = ['a', 'b', 'c', 'd', 'e'];
    const answer = take(store, ...tasks.map((task) => point('i', 1, { startMs, attributes: of(task) })));
    expect(answer.rejected).toBe(2);
    expect(await total(store)).toBe(3);
    expect(await total(store, 'd')).toBe(0);
  });

  test('lists of bucket edges are bounded; points with known ones go on', async () => {
    const limits = { total: 20, perMetric: 10, versionsPerService: 3, edgeLists: 2 };
    const { store, metric } = open(temporaryDirectory(), { limits });
    clock += HOUR;
    const histogram = (n: number) =>
      point(`i${n}`, 1, {
        metric: 'vigil.idempotency.check.duration',
        attributes: { 'db.system.name': 'redis' },
        shape: 'explicit',
        startMs: clock - 1000,
        edges: [0.1, 1, 2 + (n % 3)],
      });
    expect(take(store, histogram(0), histogram(1), histogram(2), histogram(3))).toEqual({
      rejected: 1,
      message: expect.stringContaining('too many different bucket edges'),
    });
    expect(metric('aggregator_edge_lists')).toBe(2);
    const [row] = await store.store.lifetimeHistograms({ metric: 'vigil.idempotency.check.duration' });
    expect(row.histogram.count).toBe(3);
  });
});
