/** Coarser tiers are made after their finer ones: what may lie between, and that nobody can tell by an answer. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { IMPORT_TIME_LIMITS } from '../../../aggregator/otlp/temporality.ts';
import {
  type EmbeddedStoreOptions,
  type OpenedStore,
  openEmbeddedStore,
} from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let clock = 0;
let sent = 0;
const opened: OpenedStore[] = [];
beforeEach(() => {
  clock = Date.UTC(2026, 0, 15, 12, 34, 56);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  for (const store of opened.splice(0)) store.close();
  vi.useRealTimers();
});

function open(directory: string, over: Partial<EmbeddedStoreOptions> = {}): OpenedStore {
  const metrics = createOwnMetrics();
  const options = { directory, retentionDays: 35, metrics, log: silent, now: () => clock, ...over };
  const store = openEmbeddedStore(options);
  opened.push(store);
  return store;
}

function close(store: OpenedStore): void {
  opened.splice(opened.indexOf(store), 1);
  store.close();
}

/** Lets time go by, and the store come to rest. */
function pass(ms: number): void {
  clock += ms;
  vi.advanceTimersByTime(5000);
  // An export waits for a checkpoint that is under way.
  for (const store of opened) for (const _ of store.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
  vi.advanceTimersByTime(60_000);
}

function take(
  store: OpenedStore,
  timeMs: number,
  values: number,
  task = 'send',
  version = '1',
  over: Partial<PointDescription> = {},
): void {
  const point = {
    metric: 'vigil.task.requests',
    instance: `i${sent++}`,
    version,
    attributes: { 'vigil.task.name': task },
    cumulative: false,
    startMs: timeMs - 1000,
    timeMs,
    values: new Array<number>(values).fill(1),
    shape: 'sum',
    ...over,
  } as const;
  const { rejected } = store.receiver.take({
    signal: 'metrics',
    bytes: metricsBody([point]),
    encoding: 'json',
    gzip: false,
  });
  expect(rejected).toBe(0);
}

async function within(store: OpenedStore, fromMs: number, toMs: number): Promise<number> {
  const [row] = await store.store.counts({ metric: 'vigil.task.requests', range: { fromMs, toMs } });
  return row?.value ?? 0;
}

async function total(store: OpenedStore, task?: string): Promise<number> {
  const where: Record<string, string[]> = task === undefined ? {} : { 'vigil.task.name': [task] };
  const [row] = await store.store.lifetimeCounts({ metric: 'vigil.task.requests', where });
  return row?.value ?? 0;
}

/** How many blocks each tier has. */
function blocksOf(directory: string): number[] {
  const database = new DatabaseSync(join(directory, 'vigil.db'));
  const count = database.prepare('SELECT count(*) AS n FROM blocks WHERE id >= ? AND id < ?');
  const found = [0, 1, 2, 3, 4, 5].map((tier) => Number(count.get(tier * 2 ** 40, (tier + 1) * 2 ** 40)?.['n']));
  database.close();
  return found;
}

test('a checkpoint writes minutes; a coarser block comes when its period is over, and holds late points, too', async () => {
  const directory = temporaryDirectory();
  let store = open(directory);
  clock += 20 * MINUTE;
  for (let minute = 0; minute < 12; minute++) take(store, clock - minute * MINUTE, 1);
  close(store);
  expect(blocksOf(directory)).toEqual([12, 0, 0, 0, 0, 0]);
  store = open(directory);
  pass(15 * MINUTE);
  expect(await total(store)).toBe(12);
  close(store);
  expect(blocksOf(directory)).toEqual([12, 2, 1, 0, 0, 1]);
  store = open(directory);
  pass(2 * DAY);
  const late = clock - 22 * HOUR;
  take(store, late, 5);
  pass(MINUTE);
  expect(await within(store, late - DAY, late + HOUR)).toBe(5);
  expect(await total(store)).toBe(17);
  close(store);
  expect(blocksOf(directory)).toEqual([13, 3, 2, 2, 2, 1]);
});

test('a minute that changes while its coarser block is made is not left out of it', async () => {
  const store = open(temporaryDirectory());
  pass(10 * MINUTE);
  const began = Math.ceil(clock / (10 * MINUTE)) * 10 * MINUTE;
  for (clock = began + 30_000; clock < began + 10 * MINUTE; clock += MINUTE) take(store, clock, 1);
  clock += 7 * MINUTE;
  // A look writes the checkpoint, the next one begins, and adds the first minute.
  vi.advanceTimersByTime(10_000);
  vi.advanceTimersByTime(2 * 25);
  take(store, began + 1000, 5);
  take(store, began + 5 * MINUTE + 1000, 5);
  for (const _ of store.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
  expect(await within(store, began, began + 10 * MINUTE)).toBe(20);
  pass(0);
  expect(await within(store, began, began + 10 * MINUTE)).toBe(20);
  pass(HOUR);
  expect(await total(store)).toBe(20);
});

test('a store that nobody opened for longer than anything is kept takes up what it held before that goes', async () => {
  const directory = temporaryDirectory();
  const first = open(directory);
  const began = clock;
  pass(MINUTE);
  for (let minute = 0; minute < 30; minute++) {
    take(first, clock, 1);
    clock += MINUTE;
  }
  close(first);
  clock += 50 * DAY;
  let store = open(directory);
  expect(await total(store)).toBe(30);
  expect(await within(store, began - HOUR, began + DAY)).toBe(30);
  for (let hour = 1; hour < 4; hour++) {
    pass(HOUR);
    take(store, clock, 1);
    expect(await total(store)).toBe(30 + hour);
  }
  pass(HOUR);
  expect(await within(store, began - HOUR, began + DAY)).toBe(0);
  close(store);
  expect(blocksOf(directory)).toEqual([3, 3, 3, 0, 0, 1]);
  store = open(directory);
  expect(await total(store)).toBe(33);
});

test.each(['at once', 'after the store had been left alone for weeks'])('months that are imported %s', async (when) => {
  const directory = temporaryDirectory();
  if (when !== 'at once') {
    const first = open(directory);
    take(first, clock, 3, 'other');
    close(first);
    clock += 21 * DAY;
  }
  const before = when === 'at once' ? 0 : 3;
  const store = open(directory, { timeLimits: IMPORT_TIME_LIMITS });
  const began = clock - 30 * DAY;
  for (let hour = 0; hour < 30 * 24; hour++) {
    take(store, began + hour * HOUR, 1);
    if (hour % 100 === 0) vi.advanceTimersByTime(5000);
  }
  expect(await total(store)).toBe(720 + before);
  pass(MINUTE);
  expect(await within(store, clock - 35 * DAY, clock)).toBe(720 + before);
  for (let hour = 0; hour < 30; hour++) pass(HOUR);
  expect(await total(store)).toBe(720 + before);
  expect(await within(store, clock - 35 * DAY, clock)).toBe(720 + before);
  expect(await within(store, began - HOUR / 2, began + 10 * DAY - HOUR / 2)).toBe(240 + before);
});

test.each(['a minute', 'an hour'])('a clock that jumps ahead, and back after %s, costs nothing', async (ahead) => {
  const store = open(temporaryDirectory());
  take(store, clock, 1);
  pass(HOUR);
  clock += 300 * DAY;
  take(store, clock, 2);
  const later = clock;
  pass(ahead === 'an hour' ? HOUR : MINUTE);
  clock -= 300 * DAY;
  for (let hour = 0; hour < 5; hour++) {
    take(store, clock, 1);
    pass(HOUR);
  }
  expect(await within(store, clock - DAY, clock)).toBe(5 + 1);
  expect(await within(store, later - HOUR, later + HOUR)).toBe(2);
  expect(await total(store)).toBe(8);
});

const VERSIONS = { total: 100, perMetric: 100, versionsPerService: 1, edgeLists: 2 };

test('numbers of a version that lost its name are not given anew while a block that nothing took up names them', async () => {
  const directory = temporaryDirectory();
  const first = open(directory, { limits: VERSIONS });
  take(first, clock, 4, 'old', '1');
  pass(MINUTE);
  take(first, clock, 1, 'old', '2');
  take(first, clock, 1, 'old', '3');
  close(first);
  clock += 60 * DAY;
  const store = open(directory, { limits: VERSIONS });
  take(store, clock, 7, 'new', '3');
  expect(await total(store, 'old')).toBe(6);
  expect(await total(store, 'new')).toBe(7);
  for (let hour = 0; hour < 3; hour++) pass(HOUR);
  take(store, clock, 7, 'newer', '3');
  pass(HOUR);
  expect(await total(store, 'old')).toBe(6);
  expect(await total(store, 'newer')).toBe(7);
});

test('nor while the totals do, to which nothing was added since', async () => {
  const directory = temporaryDirectory();
  // All that a stream counted before anybody watched.
  const nothing = { cumulative: true, startMs: 1000 };
  const first = open(directory, { limits: VERSIONS });
  take(first, clock, 4, 'old', '1');
  take(first, clock, 4, 'old', '2');
  for (let hour = 0; hour < 3; hour++) pass(HOUR);
  take(first, clock, 1, 'old', '3', nothing);
  close(first);
  clock += 60 * DAY;
  const store = open(directory, { limits: VERSIONS });
  for (let hour = 0; hour < 3; hour++) {
    take(store, clock, 1, 'old', '3', nothing);
    pass(HOUR);
  }
  take(store, clock, 7, 'new', '3');
  expect(await total(store, 'old')).toBe(8);
  expect(await total(store, 'new')).toBe(7);
});

test('what is far behind is caught up at once, beside checkpoints that follow one another', async () => {
  const directory = temporaryDirectory();
  const store = open(directory);
  pass(MINUTE);
  for (let minute = 0; minute < 240; minute++) {
    clock += MINUTE;
    take(store, clock, 1);
  }
  // A look begins a checkpoint, and no other comes.
  vi.advanceTimersByTime(5000);
  for (const _ of store.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
  vi.advanceTimersByTime(1000);
  expect(await total(store)).toBe(240);
  close(store);
  expect(blocksOf(directory)[1]).toBeGreaterThan(20);
});
