import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  countAtMost,
  countsAtMost,
  EMPTY_HISTOGRAM,
  type Histogram,
  mean,
  merge,
  quantile,
  quantiles,
} from '../../../aggregator/domain/histogram.ts';

/** A histogram of these values on these edges, made the slow way. */
function histogramOf(values: readonly number[], edges: readonly number[]): Histogram {
  const counts = new Array<number>(edges.length - 1).fill(0);
  for (const value of values) counts[edges.findIndex((edge, i) => i > 0 && value <= edge) - 1]++;
  const sum = values.reduce((a, b) => a + b, 0);
  return { count: values.length, sum, min: Math.min(...values), max: Math.max(...values), edges, counts };
}

const edgeLists = [
  [0, 0.1, 0.5, 1, Infinity],
  [0, 0.25, 0.5, 2, 8, Infinity],
  [0, ...Array.from({ length: 40 }, (_, i) => 2 ** ((i - 20) / 4)), Infinity],
];
const histograms = fc
  .record({
    values: fc.array(fc.double({ min: 1e-3, max: 20, noNaN: true }), { minLength: 1, maxLength: 60 }),
    edges: fc.constantFrom(...edgeLists),
  })
  .map(({ values, edges }) => ({ values, histogram: histogramOf(values, edges) }));

describe('quantile', () => {
  test('lies in the cell of the value that has this rank', () => {
    fc.assert(
      fc.property(histograms, fc.double({ min: 0.01, max: 1, noNaN: true }), ({ values, histogram }, q) => {
        const ranked = [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(q * values.length - 1e-9) - 1)];
        const { edges } = histogram;
        const cell = Array.from(edges).findIndex((edge, i) => i > 0 && ranked <= edge);
        const answer = quantile(histogram, q) as number;
        expect(answer).toBeGreaterThanOrEqual(Math.max(edges[cell - 1], histogram.min) - 1e-9);
        expect(answer).toBeLessThanOrEqual(Math.min(edges[cell], histogram.max) + 1e-9);
      }),
    );
  });

  test('rises with the share', () => {
    fc.assert(
      fc.property(histograms, ({ histogram }) => {
        const answers = [0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1].map((q) => quantile(histogram, q) as number);
        expect(answers).toEqual([...answers].sort((a, b) => a - b));
      }),
    );
  });

  test('does not leap to the next value for the last digits of counts that were shared out', () => {
    const tenths = new Array<number>(10).fill(0.1);
    expect(tenths.reduce((a, b) => a + b)).toBeLessThan(1);
    const edges = Array.from({ length: 13 }, (_, i) => i);
    const histogram = { count: 2, sum: 13, min: 1, max: 12, edges, counts: [...tenths, 0, 1] };
    expect(quantile(histogram, 0.5)).toBeCloseTo(10, 9);
  });

  test('of several shares is that of each', () => {
    const some = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 });
    fc.assert(
      fc.property(histograms, some, ({ histogram }, more) => {
        const shares = [...more, 0, 0.5, 0.5, 1].sort((a, b) => a - b);
        for (const h of [histogram, { ...histogram, min: 0, max: Infinity }, EMPTY_HISTOGRAM])
          expect(quantiles(h, shares)).toEqual(shares.map((share) => quantile(h, share)));
      }),
    );
  });

  test('lies in its cell, however small a part of a value that holds', () => {
    // A split cell; of a billion values the last digits are more than it.
    const counts = [950_000_000 - 9.6e-4, 1e-4, 50_000_000 + 8.6e-4];
    const h = { count: 1e9, sum: 0, min: 0, max: 3, edges: [0, 1, 2, 3], counts };
    expect(quantile(h, 0.95)).toBe(2);
  });

  test('of equal values is that value, and of none is undefined', () => {
    expect(quantile(histogramOf([0.3, 0.3, 0.3], edgeLists[0]), 0.95)).toBe(0.3);
    expect(quantile(EMPTY_HISTOGRAM, 0.5)).toBeUndefined();
    expect(mean(EMPTY_HISTOGRAM)).toBeUndefined();
  });
});

describe('countAtMost', () => {
  test('is exact at every edge', () => {
    fc.assert(
      fc.property(histograms, ({ values, histogram }) => {
        for (const edge of Array.from(histogram.edges).slice(1, -1))
          expect(countAtMost(histogram, edge)).toEqual({ count: values.filter((v) => v <= edge).length, exact: true });
      }),
    );
  });

  test('of many thresholds is that of each', () => {
    const thresholds = fc.array(fc.double({ min: 0, max: 200, noNaN: true }), { maxLength: 20 });
    fc.assert(
      fc.property(histograms, thresholds, ({ histogram }, more) => {
        const all = [...more, ...Array.from(histogram.edges), Infinity].sort((a, b) => a - b);
        expect(countsAtMost(histogram, all)).toEqual(all.map((threshold) => countAtMost(histogram, threshold)));
      }),
    );
  });

  test('between edges lies between their counts and says that it is not exact', () => {
    const histogram = histogramOf([0.2, 0.3, 0.4, 2], edgeLists[0]);
    const { count, exact } = countAtMost(histogram, 0.3);
    expect(exact).toBe(false);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(3);
  });
});

describe('without a minimum and a maximum, which senders may leave out', () => {
  const untold = (histogram: Histogram): Histogram => ({ ...histogram, min: Infinity, max: -Infinity });

  test('a quantile is between the edges of its cell', () => {
    fc.assert(
      fc.property(histograms, fc.double({ min: 0.01, max: 1, noNaN: true }), ({ values, histogram }, q) => {
        const ranked = [...values].sort((a, b) => a - b)[Math.max(0, Math.ceil(q * values.length - 1e-9) - 1)];
        const edges = Array.from(histogram.edges);
        const cell = edges.findIndex((edge, i) => i > 0 && ranked <= edge);
        const found = quantile(untold(histogram), q) ?? Number.NaN;
        expect(found).toBeGreaterThanOrEqual(edges[cell - 1]);
        expect(found).toBeLessThanOrEqual(edges[cell]);
      }),
    );
  });

  test('counts are exact at every edge but an infinite one', () => {
    fc.assert(
      fc.property(histograms, ({ values, histogram }) => {
        for (const edge of Array.from(histogram.edges).filter(Number.isFinite))
          expect(countAtMost(untold(histogram), edge)).toEqual({
            count: values.filter((value) => value <= edge).length,
            exact: true,
          });
      }),
    );
  });
});

describe('merge', () => {
  const sameEdges = fc
    .tuple(
      fc.constantFrom(...edgeLists),
      fc.array(fc.array(fc.double({ min: 1e-3, max: 20, noNaN: true }), { minLength: 1 }), {
        minLength: 2,
        maxLength: 4,
      }),
    )
    .map(([edges, lists]) => ({ edges, lists }));

  test('on the same edges is the histogram of all values together', () => {
    fc.assert(
      fc.property(sameEdges, ({ edges, lists }) => {
        const merged = lists.map((values) => histogramOf(values, edges)).reduce(merge);
        const whole = histogramOf(lists.flat(), edges);
        expect(Array.from(merged.counts)).toEqual(whole.counts);
        expect([merged.count, merged.min, merged.max]).toEqual([whole.count, whole.min, whole.max]);
        expect(merged.sum).toBeCloseTo(whole.sum, 6);
      }),
    );
  });

  test('on other edges loses and invents nothing, and does not depend on the order', () => {
    fc.assert(
      fc.property(histograms, histograms, ({ histogram: a }, { histogram: b }) => {
        const [ab, ba] = [merge(a, b), merge(b, a)];
        const total = Array.from(ab.counts).reduce((x, y) => x + y, 0);
        expect(total).toBeCloseTo(a.count + b.count, 6);
        expect(Array.from(ab.counts).map((c) => c.toFixed(6))).toEqual(Array.from(ba.counts).map((c) => c.toFixed(6)));
        for (const edge of Array.from(a.edges).slice(1, -1))
          if (Array.from(b.edges).includes(edge))
            expect(countAtMost(ab, edge).count).toBeCloseTo(countAtMost(a, edge).count + countAtMost(b, edge).count, 6);
      }),
    );
  });

  test('on other edges gives the same shares in any order', () => {
    // In the last cell, which has no end, what is shared out depends on what comes first.
    const values = fc.array(fc.double({ min: 1e-3, max: 1, noNaN: true }), { minLength: 1, maxLength: 2 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(values, fc.constantFrom(...edgeLists)), { minLength: 2, maxLength: 6 }),
        (lists) => {
          const parts = lists.map(([some, edges]) => histogramOf(some, edges));
          const [forth, back] = [parts.reduce(merge), parts.toReversed().reduce(merge)];
          for (let rank = 1; rank < forth.count; rank++) {
            const [one, other] = [forth, back].map((histogram) => quantile(histogram, rank / forth.count) as number);
            expect(one).toBeCloseTo(other, 6);
          }
        },
      ),
    );
  });

  test('with nothing changes nothing', () => {
    const histogram = histogramOf([0.2, 3], edgeLists[1]);
    expect(merge(histogram, EMPTY_HISTOGRAM)).toEqual(histogram);
    expect(merge(EMPTY_HISTOGRAM, histogram)).toEqual(histogram);
  });
});

test('ranges of one grid add up as the same ranges on edges of their own do', () => {
  const grid = Float64Array.from({ length: 41 }, (_, i) => 2 ** ((i - 20) / 4));
  const range = fc
    .tuple(fc.nat({ max: 35 }), fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 5 }))
    .map(([first, counts]): Histogram => {
      const count = counts.reduce((a, b) => a + b, 0);
      const edges = grid.subarray(first, first + counts.length + 1);
      return { count, sum: count, min: edges[0], max: edges[counts.length], edges, counts };
    });
  const alone = (h: Histogram): Histogram => ({ ...h, edges: Array.from(h.edges) });
  fc.assert(
    fc.property(range, range, (a, b) => {
      const merged = merge(a, b);
      const expected = merge(alone(a), alone(b));
      expect({ ...merged, edges: 0, counts: 0 }).toEqual({ ...expected, edges: 0, counts: 0 });
      expect(merged.edges.length).toBe(merged.counts.length + 1);
      for (const edge of grid) expect(countAtMost(merged, edge)).toEqual(countAtMost(expected, edge));
    }),
  );
});
