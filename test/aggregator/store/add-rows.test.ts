/** Rows of whole blocks that are added up at once, against the same rows added up one by one. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { EXPLICIT, EXPONENTIAL } from '../../../aggregator/otlp/batch.ts';
import { HistogramAccumulator } from '../../../aggregator/store/embedded/accumulate.ts';
import { visitBlock } from '../../../aggregator/store/embedded/block.ts';
import { encodeBlock } from '../../../aggregator/store/embedded/encode-block.ts';
import { createSeriesGrouper } from '../../../aggregator/store/embedded/grouping.ts';
import { RowTable } from '../../../aggregator/store/embedded/rows.ts';
import { SeriesDirectory } from '../../../aggregator/store/embedded/series.ts';
import { moduleSource } from '../../support/add-rows-module.ts';

const METRIC = 'vigil.mutation.duration';
const BY = ['vigil.mutation.name'];
const EDGES = [0.1, 0.5, 1];
const NAMES = 4;
/** Series by name and outcome; some of a name belong to the other kind. */
const OUTCOMES = ['success', 'failure', 'aborted'];

/** Counts of every width of a group, and wider ones. */
const count = fc
  .tuple(fc.integer({ min: 0, max: 34 }), fc.double({ min: 0, max: 1, noNaN: true }))
  .map(([bits, share]) => Math.floor(2 ** bits * share));
const row = fc.record({
  name: fc.nat(NAMES - 1),
  outcome: fc.nat(OUTCOMES.length - 1),
  /** All of a level, or nearly: what most rows are. */
  scale: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(4, 3, 2) }, fc.integer({ min: -4, max: 4 })),
  /** In doublings: some lie beyond the grid. */
  from: fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: -12, max: 4, noNaN: true }) },
    fc.double({ min: -24, max: 24, noNaN: true }),
  ),
  counts: fc.oneof(
    { weight: 3, arbitrary: fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }) },
    fc.array(count, { minLength: 1, maxLength: 30 }),
  ),
  value: fc.double({ min: 1e-6, max: 1e3, noNaN: true }),
});
const blocks = fc.array(fc.record({ rows: fc.array(row, { maxLength: 12 }), packed: fc.boolean() }), { maxLength: 5 });

function tableOf(directory: SeriesDirectory, rows: readonly (typeof row extends fc.Arbitrary<infer R> ? R : never)[]) {
  const table = new RowTable(directory);
  for (const { name, outcome, scale, from, counts, value } of rows) {
    const isExplicit = outcome === 1 && name === 1;
    const id = directory.resolve({
      metric: METRIC,
      kind: isExplicit ? EXPLICIT : EXPONENTIAL,
      service: 's',
      version: '1',
      values: [`m${name}`, OUTCOMES[outcome], ''],
      bounds: isExplicit ? directory.bounds(EDGES) : -1,
    });
    if (isExplicit) table.explicit(id, value, value / 2, value, 0, counts, 0, Math.min(4, counts.length));
    else {
      const first = Math.floor(from * 2 ** scale);
      table.exponential(id, value, value / 2, value, scale, 0, first, counts, 0, counts.length);
    }
  }
  return table;
}

function answerOf(into: HistogramAccumulator) {
  return into.results().map(({ count, sum, min, max, edges, counts }) => {
    // The order of additions shows in the last digits of a sum.
    return { count, sum: sum.toPrecision(9), min, max, edges: Array.from(edges), counts: Array.from(counts) };
  });
}

test('what is added at once is what is added row by row, whoever adds between', () => {
  fc.assert(
    fc.property(blocks, fc.boolean(), fc.boolean(), (list, ofOneOutcome, twoAtOnce) => {
      const directory = new SeriesDirectory();
      const encoded = list.map(({ rows, packed }) => encodeBlock(tableOf(directory, rows), packed));
      const where = ofOneOutcome ? { 'vigil.mutation.outcome': ['success'] } : undefined;
      const grouping = createSeriesGrouper(directory)({ metric: METRIC, by: BY, where });
      const [oneByOne, atOnce, other] = [0, 1, 2].map(() => new HistogramAccumulator(directory, grouping));
      const { groupOf } = grouping;
      for (const block of encoded) {
        visitBlock(block, { groupOf, histogram: (...args) => oneByOne.histogram(...args) });
        visitBlock(block, atOnce);
        if (twoAtOnce) visitBlock(block, other);
      }
      const expected = answerOf(oneByOne);
      expect(answerOf(atOnce)).toEqual(expected);
      if (twoAtOnce) expect(answerOf(other)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test('a cell counts beyond what 32 bits hold', () => {
  const directory = new SeriesDirectory();
  const table = new RowTable(directory);
  const largest = 2 ** 16 - 1;
  const names = 1000;
  for (let i = 0; i < names; i++) {
    const values = [`m${i}`, 'success', ''];
    const key = { metric: METRIC, kind: EXPONENTIAL, service: 's', version: '1', values, bounds: -1 } as const;
    table.exponential(directory.resolve(key), 1, 1, 1, 4, 0, 0, [largest], 0, 1);
  }
  const into = new HistogramAccumulator(directory, createSeriesGrouper(directory)({ metric: METRIC }));
  const block = encodeBlock(table, true);
  const times = Math.ceil(2 ** 32 / largest / names) + 1;
  for (let i = 0; i < times; i++) visitBlock(block, into);
  const [{ count, counts, sum }] = into.results();
  expect(count).toBe(times * names * largest);
  expect(count).toBeGreaterThan(2 ** 32);
  expect(Array.from(counts)).toEqual([count]);
  expect(sum).toBe(times * names);
});

test('where there is no more memory what was added is in no other answer', async () => {
  const directory = new SeriesDirectory();
  const table = new RowTable(directory);
  const names = 1000;
  for (let i = 0; i < names; i++) {
    const values = [`m${i}`, 'success', ''];
    const key = { metric: METRIC, kind: EXPONENTIAL, service: 's', version: '1', values, bounds: -1 } as const;
    table.exponential(directory.resolve(key), 1, 1, 1, 4, 0, 0, new Array<number>(100).fill(1), 0, 100);
  }
  const block = encodeBlock(table, true);
  const grouping = createSeriesGrouper(directory)({ metric: METRIC, by: BY });
  // Others go on with what they have.
  vi.resetModules();
  const anew = await import('../../../aggregator/store/embedded/accumulate.ts');
  const addBlock = () => {
    const into = new anew.HistogramAccumulator(directory, grouping);
    visitBlock(block, into);
    return into;
  };
  const added = addBlock();
  const { Memory } = Reflect.get(globalThis, 'WebAssembly') as {
    Memory: { prototype: { grow(pages: number): number } };
  };
  const grow = vi.spyOn(Memory.prototype, 'grow').mockImplementation(() => {
    throw new RangeError('no memory');
  });
  try {
    expect(() => added.results()).toThrow('no memory');
  } finally {
    grow.mockRestore();
  }
  for (const { count } of addBlock().results()) expect(count).toBe(100);
});

test('the module is what its text makes', async () => {
  const kept = new URL('../../../aggregator/store/embedded/add-rows-module.ts', import.meta.url);
  expect(readFileSync(kept, 'utf8')).toBe(await moduleSource());
});
