import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Grouping, HistogramAccumulator } from '../../../aggregator/store/embedded/accumulate.ts';
import { LEFT_ALONE } from '../../../aggregator/store/embedded/add-rows.ts';
import { SeriesDirectory } from '../../../aggregator/store/embedded/series.ts';

const LISTS = [[0], [0.5], [0.1, 0.5, 1], [0.5, 0.75, 10], [-1, 0, 1]];

test('series with edges of their own give one answer, in whatever order they are added', () => {
  const directory = new SeriesDirectory();
  const grouping: Grouping = {
    number: 0,
    groupOf: new Int32Array(LISTS.length),
    onGrid: new Int32Array(LISTS.length).fill(LEFT_ALONE),
    boundsOf: Int32Array.from(LISTS, (edges) => directory.bounds(edges)),
    keys: [[]],
  };
  const answer = (order: readonly number[], parts: number) => {
    const into = new HistogramAccumulator(directory, grouping);
    order.forEach((series, i) => {
      const target = i < parts ? new HistogramAccumulator(directory, grouping) : into;
      const counts = LISTS[series].map((_, cell) => 4 * (cell + 1)).concat(40);
      target.histogram(series, Float64Array.of(1, 0.01, 20), 0, 1, 0, 0, counts, 0, counts.length);
      if (target !== into) into.add(target.sums());
    });
    const [{ count, edges, counts }] = into.results();
    return { count, edges: Array.from(edges), counts: Array.from(counts) };
  };
  const inOrder = answer([...LISTS.keys()], 0);
  const order = fc.shuffledSubarray([...LISTS.keys()], { minLength: LISTS.length });
  fc.assert(
    fc.property(order, fc.nat(LISTS.length), (shuffled, parts) => {
      expect(answer(shuffled, parts)).toEqual(inOrder);
    }),
  );
});
