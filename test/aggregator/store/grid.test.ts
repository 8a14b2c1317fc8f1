/** Adding up buckets of any scale on the grid of answers. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { quantiles } from '../../../aggregator/domain/histogram.ts';
import {
  addBuckets,
  addOffGrid,
  giveBack,
  levelSums,
  MAX_LEVEL,
  takeLevel,
} from '../../../aggregator/store/embedded/grid.ts';
import { GridHistogram } from '../../../aggregator/store/embedded/grid-histogram.ts';

const FINEST = 4;
const GROUPS = 3;
const CELLS = 640;
const SHARES = [0, 0.01, 0.3, 0.5, 0.95, 1];
const rows = fc.array(
  fc.record({
    group: fc.nat({ max: GROUPS - 1 }),
    scale: fc.integer({ min: -10, max: FINEST }),
    /** In doublings, so that every scale also lies outside of the grid now and then. */
    from: fc.double({ min: -24, max: 24, noNaN: true }),
    counts: fc.array(fc.nat({ max: 300 }), { maxLength: 20 }),
    bytes: fc.boolean(),
  }),
  { maxLength: 12 },
);

test('buckets of all scales together are what each cell gets of every bucket, and nothing is left for the next', () => {
  fc.assert(
    fc.property(rows, (list) => {
      const levels = Array.from({ length: MAX_LEVEL + 1 }, (_, level) => takeLevel(level, GROUPS));
      const expected = Array.from({ length: GROUPS }, () => new Float64Array(CELLS));
      for (const { group, scale, from, counts, bytes } of list) {
        const first = Math.floor(from * 2 ** scale);
        const row = bytes ? Uint8Array.from(counts) : Float64Array.from(counts);
        const level = levels[Math.min(FINEST - scale, MAX_LEVEL)];
        if (!addBuckets(level, group, scale, first, row, 0, row.length))
          addOffGrid(levels[0], group, scale, first, row, 0, row.length);
        const parts = 2 ** (FINEST - scale);
        row.forEach((count, i) => {
          for (let part = 0; part < parts; part++) {
            const cell = (first + i) * parts + part + CELLS / 2;
            expected[group][Math.min(CELLS - 1, Math.max(0, cell))] += count / parts;
          }
        });
      }
      const sums = levels.map((level) => levelSums(level, GROUPS));
      for (const level of levels) giveBack(level);
      for (let group = 0; group < GROUPS; group++) {
        const histogram = new GridHistogram(sums, group, 0, 0, Infinity);
        const { counts, edges, count } = histogram;
        const laidOut = quantiles({ count, sum: 0, min: 0, max: Infinity, edges, counts }, SHARES);
        quantiles(histogram, SHARES).forEach((value, i) => {
          if (laidOut[i] === undefined) expect(value).toBeUndefined();
          else expect(value).toBeCloseTo(laidOut[i], 9);
        });
        expect(count).toBeCloseTo(
          counts.reduce((a, b) => a + b, 0),
          6,
        );
        const total = expected[group].reduce((a, b) => a + b, 0);
        expect(count).toBeCloseTo(total, 6);
        if (total === 0) continue;
        const low = expected[group].findIndex((n) => n > 0);
        expect(edges[1]).toBe(2 ** ((low - CELLS / 2 + 1) / 16));
        expect(edges.length).toBe(counts.length + 1);
        for (let i = 0; i < counts.length; i++) expect(counts[i]).toBeCloseTo(expected[group][low + i], 6);
      }
      for (const { cells, low, high } of levels) {
        expect(cells.every((n) => n === 0)).toBe(true);
        expect(low.every((n, group) => n > high[group])).toBe(true);
      }
    }),
    { numRuns: 100 },
  );
});
