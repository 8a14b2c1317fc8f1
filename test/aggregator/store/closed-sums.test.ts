/** Readers ask for the same windows again while points arrive and blocks are written: each answer is that of the moment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { countAtMost } from '../../../aggregator/domain/histogram.ts';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { ClosedSums } from '../../../aggregator/store/embedded/closed-sums.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { cover, TIER_MINUTES } from '../../../aggregator/store/embedded/tiers.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';
import { runs } from '../../support/runs.ts';

const MINUTE = 60_000;
const NOW = Date.UTC(2026, 0, 15, 12, 34, 56);
const root = mkdtempSync(join(tmpdir(), 'vigil-closed-sums-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const NAMES = ['CreateJob', 'LoginUser'];
const TASK = 'vigil.task.name';

const point = fc.record({
  ago: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 1300 })),
  name: fc.constantFrom(...NAMES),
  values: fc.array(fc.constantFrom(0.002, 0.07, 0.3, 0.5, 0.7, 1, 4), { minLength: 1, maxLength: 4 }),
  shape: fc.constantFrom<PointDescription['shape']>('sum', 'explicit', { scale: 1 }, { scale: 4 }, { scale: 7 }),
});
type Point = typeof point extends fc.Arbitrary<infer P> ? P : never;

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: point.map((taken) => ({ taken })) },
    // Two windows of one length lie at different places; those that end together have runs of blocks in common.
    {
      weight: 6,
      arbitrary: fc.record({ length: fc.constantFrom(1, 60, 77, 1300, 1440), end: fc.constantFrom(0, 0, 1) }),
    },
    { weight: 1, arbitrary: fc.constant('checkpoint' as const) },
  ),
  { minLength: 10, maxLength: 40 },
);

function take(opened: OpenedStore, { ago, name, values, shape }: Point, number: number): void {
  const isSum = shape === 'sum';
  const description: PointDescription = {
    metric: isSum ? 'vigil.task.requests' : 'vigil.mutation.duration',
    // Each point is of a stream of its own, so that none repeats another.
    instance: `i${number}`,
    attributes: isSum ? { [TASK]: name } : { 'vigil.mutation.name': name, 'vigil.mutation.outcome': 'success' },
    cumulative: false,
    startMs: NOW - ago * MINUTE - 1000,
    timeMs: NOW - ago * MINUTE,
    values,
    shape,
  };
  opened.receiver.take({ signal: 'metrics', bytes: metricsBody([description]), encoding: 'json', gzip: false });
}

async function expectAnswers(opened: OpenedStore, happened: readonly Point[], length: number, end: number) {
  const last = Math.floor(NOW / MINUTE) - end;
  const range = { fromMs: (last + 1 - length) * MINUTE, toMs: (last + 1) * MINUTE };
  const inWindow = happened.filter(({ ago }) => ago >= end && ago < end + length);
  const counts = await opened.store.counts({ metric: 'vigil.task.requests', range, by: [TASK] });
  const histograms = await opened.store.histograms({
    metric: 'vigil.mutation.duration',
    range,
    by: ['vigil.mutation.name'],
  });
  for (const name of NAMES) {
    const expected = (isSum: boolean) =>
      inWindow.filter((p) => p.name === name && (p.shape === 'sum') === isSum).flatMap(({ values }) => values);
    expect(counts.find(({ key }) => key[0] === name)?.value ?? 0).toBe(expected(true).length);
    const histogram = histograms.find(({ key }) => key[0] === name)?.histogram;
    const values = expected(false);
    expect(histogram?.count ?? 0).toBeCloseTo(values.length, 9);
    if (histogram === undefined) continue;
    expect(histogram.sum).toBeCloseTo(
      values.reduce((a, b) => a + b, 0),
      9,
    );
    expect(histogram.max).toBeCloseTo(Math.max(...values), 8);
    const fast = values.filter((value) => value <= 0.5).length;
    expect(countAtMost(histogram, 0.5).count).toBeCloseTo(fast, 9);
  }
}

test('whatever was asked before, an answer holds what was taken until now', { timeout: 120_000 }, async () => {
  let directories = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (list) => {
      const directory = join(root, `store-${directories++}`);
      const options = { directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent };
      const opened = openEmbeddedStore({ ...options, now: () => NOW });
      try {
        const happened: Point[] = [];
        // An export begins with a checkpoint.
        for (const step of list)
          if (step === 'checkpoint') for (const _ of opened.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
          else if ('taken' in step) take(opened, step.taken, happened.push(step.taken));
          else await expectAnswers(opened, happened, step.length, step.end);
        const total = await opened.store.lifetimeHistograms({ metric: 'vigil.mutation.duration' });
        const durations = happened.filter(({ shape }) => shape !== 'sum').flatMap(({ values }) => values);
        expect(total[0]?.histogram.count ?? 0).toBeCloseTo(durations.length, 9);
      } finally {
        opened.close();
      }
    }),
    { numRuns: runs(20) },
  );
});

test('sums of a few bytes have their bound, too: an entry counts with what it takes', () => {
  let blocksRead = 0;
  const source = { revision: 1, sealed: [], end: 0, writtenIn: () => 1, block: () => void blocksRead++ };
  const closed = new ClosedSums(source);
  const nothing = { number: () => {}, histogram: () => {}, add: () => {}, sums: () => ({ byteLength: 8 }) };
  const runs = [{ tier: 0, from: 0, to: 1 }];
  const readsFor = (n: number): number => {
    const before = blocksRead;
    closed.accumulate({ name: String(n), runs, create: () => nothing }, nothing);
    return blocksRead - before;
  };
  // Two generations of 16 MiB, of entries of a quarter of a KiB.
  const questions = 140_000;
  for (let n = 0; n < questions; n++) expect(readsFor(n) + readsFor(n)).toBe(2);
  expect([readsFor(questions - 1), readsFor(0)]).toEqual([0, 1]);
});

test('what windows of any length have in common when they end together is added up once', () => {
  let read: string[] = [];
  const source = {
    revision: 1,
    sealed: TIER_MINUTES.map(() => Infinity),
    end: Infinity,
    writtenIn: () => 1,
    block: (tier: number, period: number) => void read.push(`${tier} ${period}`),
  };
  const closed = new ClosedSums(source);
  const ask = (from: number) => {
    read = [];
    let added = 0;
    const create = () => ({ add: () => void added++, sums: () => ({ byteLength: 8 }) });
    closed.accumulate({ name: 'q', runs: cover(from, 4 * 1440 + 77, 0, source.sealed), create }, create());
    return { read, added };
  };
  for (const from of [1439, 1437]) ask(from);
  // Its minutes, and one sum of three days, an hour, ten minutes and seven.
  expect(ask(1435)).toEqual({ read: ['0 1435', '0 1436', '0 1437', '0 1438', '0 1439'], added: 1 });
});
