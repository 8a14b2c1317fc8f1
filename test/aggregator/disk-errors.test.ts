/** A disk that refuses to bring onto it what it was given: what was acknowledged is not lost, and nothing else is taken. */
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../support/aggregator.ts';
import { afterPowerLoss, refused } from '../support/forgetful-disk.ts';
import { metricsBody } from '../support/otlp-json.ts';

vi.mock('node:fs', async (original) => {
  const { onForgetfulDisk } = await import('../support/forgetful-disk.ts');
  return onForgetfulDisk(await original());
});

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }));
afterEach(() => {
  refused.clear();
  vi.useRealTimers();
});

/** In the middle of a minute. */
const began = Math.floor(Date.now() / 60_000) * 60_000 + 30_000;
const EARLIER = began - 120_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

function take(opened: OpenedStore, instance: number, names = 1, timeMs = began): void {
  const points = Array.from({ length: names }, (_, i) => ({
    metric: 'vigil.mutation.duration' as const,
    instance: `i${instance}`,
    attributes: { 'vigil.mutation.name': `M${i}`, 'vigil.mutation.outcome': 'success' },
    cumulative: false,
    startMs: timeMs - 1000,
    timeMs,
    values: [0.2],
    shape: { scale: 4 },
  }));
  opened.receiver.take({ signal: 'metrics', bytes: metricsBody(points), encoding: 'json', gzip: false });
}

/** How many there are, of one minute at a time, so that no coarser block is read. */
async function total(opened: OpenedStore): Promise<number> {
  return (await inMinute(opened, EARLIER)) + (await inMinute(opened, began));
}

async function inMinute({ store }: OpenedStore, timeMs: number): Promise<number> {
  const range = { fromMs: timeMs, toMs: timeMs };
  const [row] = await store.histograms({ metric: 'vigil.mutation.duration', range });
  return row?.histogram.count ?? 0;
}

function openTicking(directory: string) {
  let clock = began;
  const metrics = createOwnMetrics();
  const opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log: silent, now: () => clock });
  /** An export waits for a checkpoint that is under way. */
  const finish = () => void [...opened.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail())];
  const tick = (ms = 60_000) => {
    clock += ms;
    vi.advanceTimersByTime(5000);
  };
  const refusing = () => metrics.families().find(({ name }) => name === 'aggregator_refusing')?.samples[0].value;
  return { opened, tick, finish, refusing };
}

/** Waits for whatever is under way. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await new Promise((done) => setImmediate(done));
}

const FILES = ['vigil.db', 'vigil.db-wal'];
/** The state of so many streams is more than one transaction takes. */
const MANY = 8500;
const cases = FILES.flatMap((file) =>
  [true, false].flatMap((isAwaited) => [300, MANY].map((names) => [file, isAwaited, names] as const)),
);

test.each(cases)(
  '%s, awaited: %s, %d streams a sender: it refuses, recovers, and a loss of power costs nothing',
  async (file, isAwaited, names) => {
    const directory = temporaryDirectory();
    const { opened, tick, finish, refusing } = openTicking(directory);
    take(opened, 1, names);
    tick();
    finish();
    // Of an earlier minute, whose block no later checkpoint writes again.
    take(opened, 2, names, EARLIER);
    refused.add(file);
    tick();
    if (isAwaited) await settle();
    else finish();
    expect(opened.store.state().refusing).toMatch(/cannot be written/);
    expect(refusing()).toBe(1);
    expect(() => take(opened, 3)).toThrow(expect.objectContaining({ kind: 'unavailable' }));
    tick(5000);
    expect(refusing()).toBe(1);
    expect(await total(opened)).toBe(2 * names);
    const lost = openTicking(afterPowerLoss(directory));
    expect(await total(lost.opened)).toBe(2 * names);
    lost.opened.close();

    refused.clear();
    tick(5000);
    expect(opened.store.state().refusing).toBeUndefined();
    // SQLite begins its log anew, so that only the database holds what the disk refused.
    for (const instance of [3, 4]) {
      take(opened, instance);
      tick();
      finish();
    }
    const after = openTicking(afterPowerLoss(directory));
    expect(await total(after.opened)).toBe(2 * names + 2);
    after.opened.close();
    opened.close();
  },
);

test.each(FILES)(
  '%s, until the end: the log stays for the next start, which copies all of it once more',
  async (file) => {
    const directory = temporaryDirectory();
    const { opened, tick, finish } = openTicking(directory);
    take(opened, 1, 300);
    refused.add(file);
    tick();
    finish();
    opened.close();
    expect(readdirSync(directory)).toContain('vigil.db-wal');
    refused.clear();
    const again = openTicking(directory);
    expect(await total(again.opened)).toBe(300);
    again.opened.close();
    expect(readdirSync(directory)).not.toContain('vigil.db-wal');
  },
);

test('the journal: it is taken again when a sync succeeds, and not before', async () => {
  const { opened, tick, refusing } = openTicking(temporaryDirectory());
  take(opened, 1);
  refused.add('journal-');
  vi.advanceTimersByTime(200);
  await settle();
  expect(refusing()).toBe(1);
  for (let i = 0; i < 3; i++) tick(5000);
  expect(refusing()).toBe(1);
  refused.clear();
  tick(5000);
  expect(refusing()).toBe(0);
  take(opened, 2);
  expect(await total(opened)).toBe(2);
  opened.close();
});
