/**
 * The store against a plain list: a random history of points (late, doubled, re-ordered, reset, from several instances,
 * in both temporalities and all shapes, with checkpoints, steps of roll-ups, stops and crashes in between), asked over
 * random windows.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import { countAtMost } from '../../../aggregator/domain/histogram.ts';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';
import { runs } from '../../support/runs.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 0, 15, 12, 34, 56);
const root = mkdtempSync(join(tmpdir(), 'vigil-model-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

const silent = { info: () => {}, warn: () => {}, error: () => {} };
let clock = NOW;
let directories = 0;
const open = (directory: string) =>
  openEmbeddedStore({
    directory,
    retentionDays: 35,
    metrics: createOwnMetrics(),
    log: silent,
    now: () => clock,
    sliceMs: 0,
  });

/** One life of one sender's stream: what it measured between its exports. */
interface Life {
  readonly instance: number;
  readonly name: string;
  readonly cumulative: boolean;
  readonly shape: PointDescription['shape'];
  /** Minutes before now that the life began. */
  readonly age: number;
  /** At each export: minutes since the one before, and the values measured meanwhile. */
  readonly exports: readonly { readonly minutes: number; readonly values: readonly number[] }[];
}

const values = fc.array(fc.constantFrom(0.002, 0.03, 0.07, 0.3, 0.49, 0.5, 0.7, 0.99, 1, 1.5, 4, 30), { maxLength: 6 });
const lives: fc.Arbitrary<Life> = fc.record({
  instance: fc.nat({ max: 2 }),
  name: fc.constantFrom('CreateJob', 'LoginUser'),
  cumulative: fc.boolean(),
  shape: fc.constantFrom<PointDescription['shape']>('explicit', { scale: 2 }, { scale: 4 }, { scale: 7 }),
  age: fc.integer({ min: 1, max: 1300 }),
  exports: fc.array(fc.record({ minutes: fc.constantFrom(0.17, 1, 5, 90), values }), { minLength: 1, maxLength: 5 }),
});

/** Time that goes by after a delivery: as the clock tells it, and for the store's timers, which a step of a roll-up takes 25 ms of. */
const pauses = fc.record({
  minutes: fc.constantFrom(0, 0, 1, 3, 12),
  timerMs: fc.constantFrom(0, 25, 100, 5000, 5000, 5200, 60_000),
  // An export begins with a checkpoint.
  isExported: fc.nat({ max: 3 }).map((n) => n === 0),
  /** Slices of a checkpoint. */
  turns: fc.constantFrom(0, 0, 1, 3, 10, 40),
});

interface Delivery {
  readonly life: number;
  readonly exported: number;
}

const histories = fc.array(lives, { minLength: 1, maxLength: 4 }).chain((list) => {
  const all: Delivery[] = list.flatMap(({ exports }, life) => exports.map((_, exported) => ({ life, exported })));
  return fc.record({
    lives: fc.constant(list),
    deliveries: fc
      .tuple(fc.shuffledSubarray(all, { minLength: all.length }), fc.subarray(all))
      .map((parts) => parts.flat()),
    pauses: fc.array(pauses, { minLength: 1, maxLength: 8 }),
    // After which delivery the process stops in an orderly way, or crashes.
    stops: fc.array(fc.record({ after: fc.nat({ max: all.length }), crash: fc.boolean() }), { maxLength: 3 }),
    windows: fc.array(fc.tuple(fc.nat({ max: 1400 }), fc.nat({ max: 1400 })), { minLength: 2, maxLength: 5 }),
  });
});

/** Ends of a life's exports, Unix ms; those beyond now never happened. */
function endsOf(life: Life, startMs: number): number[] {
  let at = startMs;
  return life.exports.map(({ minutes }) => (at += Math.round(minutes * MINUTE))).filter((end) => end <= NOW);
}

/** What a plain list says happened, and when. */
interface Happened {
  readonly minute: number;
  readonly name: string;
  readonly value: number;
}

async function expectAnswers(
  opened: OpenedStore,
  happened: readonly Happened[],
  windows: readonly (readonly [number, number])[],
): Promise<void> {
  const whole: [number, number][] = [[3000, 0]];
  for (const [a, b] of [...whole, ...windows.map(([x, y]): [number, number] => [Math.max(x, y), Math.min(x, y)])]) {
    const fromMinute = Math.floor(NOW / MINUTE) - a;
    const toMinute = Math.floor(NOW / MINUTE) - b + 1;
    const rows = await opened.store.histograms({
      metric: 'vigil.mutation.duration',
      range: { fromMs: fromMinute * MINUTE, toMs: toMinute * MINUTE },
      by: ['vigil.mutation.name'],
    });
    for (const name of ['CreateJob', 'LoginUser']) {
      const expected = happened.filter((h) => h.name === name && h.minute >= fromMinute && h.minute < toMinute);
      const histogram = rows.find(({ key }) => key[0] === name)?.histogram;
      expect(histogram?.count ?? 0).toBeCloseTo(expected.length, 9);
      if (histogram === undefined) continue;
      expect(histogram.sum).toBeCloseTo(
        expected.reduce((sum, { value }) => sum + value, 0),
        6,
      );
      for (const line of [0.5, 1])
        expect(countAtMost(histogram, line).count).toBeCloseTo(expected.filter(({ value }) => value <= line).length, 9);
    }
  }
  const [total] = await opened.store.lifetimeHistograms({ metric: 'vigil.mutation.duration' });
  expect(total?.histogram.count ?? 0).toBeCloseTo(happened.length, 9);
}

test('random histories add up over random windows, through stops and crashes', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(histories, async ({ lives: list, deliveries, pauses, stops, windows }) => {
      let directory = join(root, `store-${directories++}`);
      clock = NOW - 30 * 24 * 60 * MINUTE;
      let opened: OpenedStore = open(directory);
      clock = NOW;
      const happened: Happened[] = [];
      const newest = new Map<number, number>();
      const seen = new Set<string>();
      try {
        for (const [step, { life: index, exported }] of deliveries.entries()) {
          const life = list[index];
          const startMs = NOW - life.age * MINUTE - index;
          const ends = endsOf(life, startMs);
          if (exported < ends.length) {
            const timeMs = ends[exported];
            const last = newest.get(index) ?? -1;
            const from = life.cumulative ? last + 1 : exported;
            const isNew = life.cumulative ? exported > last : !seen.has(`${index} ${exported}`);
            if (isNew) {
              for (const { values: some } of life.exports.slice(from, exported + 1))
                for (const value of some)
                  happened.push({ minute: Math.ceil(timeMs / MINUTE) - 1, name: life.name, value });
              newest.set(index, exported);
              seen.add(`${index} ${exported}`);
            }
            const counted = life.cumulative ? life.exports.slice(0, exported + 1) : [life.exports[exported]];
            const point: PointDescription = {
              metric: 'vigil.mutation.duration',
              // A sender that restarts under its old identity has several lives in one cumulative stream.
              instance: life.cumulative ? `c${life.instance}` : `d${index}`,
              attributes: { 'vigil.mutation.name': life.name, 'vigil.mutation.outcome': 'success' },
              cumulative: life.cumulative,
              startMs: life.cumulative ? startMs : (ends[exported - 1] ?? startMs),
              timeMs,
              values: counted.flatMap((one) => one.values),
              shape: life.shape,
            };
            opened.receiver.take({ signal: 'metrics', bytes: metricsBody([point]), encoding: 'json', gzip: false });
          }
          // Beyond 24 hours points are not taken any more.
          const { minutes, timerMs, isExported, turns } = pauses[step % pauses.length];
          clock = Math.min(clock + minutes * MINUTE, NOW + 120 * MINUTE);
          vi.advanceTimersByTime(timerMs);
          for (let turn = 0; turn < turns; turn++) await new Promise((done) => setImmediate(done));
          if (isExported) for (const _ of opened.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
          for (const stop of stops.filter(({ after }) => after === step)) {
            if (stop.crash) {
              const copy = join(root, `store-${directories++}`);
              cpSync(directory, copy, { recursive: true });
              opened.close();
              directory = copy;
            } else opened.close();
            opened = open(directory);
          }
        }
        await expectAnswers(opened, happened, windows);
        for (const _ of opened.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
        // Until all is rolled up that is over.
        clock += 60 * MINUTE;
        vi.advanceTimersByTime(300_000);
        await expectAnswers(opened, happened, windows);
      } finally {
        opened.close();
      }
    }),
    { numRuns: runs(15) },
  );
});
