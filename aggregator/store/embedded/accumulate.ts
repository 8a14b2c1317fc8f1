import type { Histogram } from '../../domain/histogram.ts';
import { EMPTY_HISTOGRAM, merge } from '../../domain/histogram.ts';
import { EXPLICIT } from '../../otlp/batch.ts';
import { MAX_SCALE } from '../../otlp/temporality.ts';
import type { RowVisitor } from './block.ts';
import { ZERO_INDEX } from './rows.ts';
import type { SeriesDirectory } from './series.ts';

/** Rows that belong together: the group of each series, -1 for those that nobody asked for. */
export interface Grouping {
  readonly groupOf: Int32Array;
  /** One key a group. */
  readonly keys: readonly (readonly string[])[];
}

/** Adds up counters by group. */
export class CountAccumulator implements RowVisitor {
  readonly totals: Float64Array;
  readonly groupOf: Int32Array;

  constructor(grouping: Grouping) {
    this.totals = new Float64Array(grouping.keys.length);
    this.groupOf = grouping.groupOf;
  }

  number(series: number, value: number): void {
    this.totals[this.groupOf[series]] += value;
  }

  histogram(): void {}
}

/** Answers are given on one grid: 16 cells to the doubling from a microsecond to 12 days, in seconds. */
const FIRST = ZERO_INDEX;
const CELLS = -2 * ZERO_INDEX;
const GRID = Float64Array.from({ length: CELLS + 1 }, (_, i) => (i === 0 ? 0 : 2 ** ((FIRST + i) / 2 ** MAX_SCALE)));

/** Adds up histograms by group: exponential ones on the grid, explicit ones by their list of edges. */
export class HistogramAccumulator implements RowVisitor {
  readonly #directory: SeriesDirectory;
  readonly groupOf: Int32Array;
  readonly #cells: Float64Array;
  readonly #sum: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  /** Of each group, the explicit counts by number of the list of edges. */
  readonly #explicit: (Map<number, Float64Array> | undefined)[];

  constructor(directory: SeriesDirectory, grouping: Grouping) {
    const groups = grouping.keys.length;
    this.#directory = directory;
    this.groupOf = grouping.groupOf;
    this.#cells = new Float64Array(groups * CELLS);
    this.#sum = new Float64Array(groups);
    this.#min = new Float64Array(groups).fill(Infinity);
    this.#max = new Float64Array(groups).fill(-Infinity);
    this.#explicit = new Array(groups);
  }

  number(): void {}

  histogram(
    series: number,
    sum: number,
    min: number,
    max: number,
    scale: number,
    first: number,
    from: ArrayLike<number>,
    at: number,
    n: number,
  ): void {
    const group = this.groupOf[series];
    this.#sum[group] += sum;
    if (min < this.#min[group]) this.#min[group] = min;
    if (max > this.#max[group]) this.#max[group] = max;
    const key = this.#directory.key(series);
    if (key.kind === EXPLICIT) this.#addExplicit(group, key.bounds, first, from, at, n);
    else if (scale === MAX_SCALE && first >= FIRST && first + n <= FIRST + CELLS) {
      const cells = this.#cells;
      for (let i = 0, to = group * CELLS + first - FIRST; i < n; i++) cells[to++] += from[at + i];
    } else this.#addOffGrid(group, scale, first, from, at, n);
  }

  /** Shares wider buckets out over the grid's cells, and puts what lies outside the grid at its ends. */
  #addOffGrid(group: number, scale: number, first: number, from: ArrayLike<number>, at: number, n: number): void {
    const parts = 2 ** (MAX_SCALE - scale);
    const cells = this.#cells;
    const base = group * CELLS;
    for (let i = 0; i < n; i++) {
      const count = from[at + i];
      if (count === 0) continue;
      const low = (first + i) * parts - FIRST;
      if (low >= CELLS || low + parts <= 0) cells[base + (low > 0 ? CELLS - 1 : 0)] += count;
      else
        for (let part = 0; part < parts; part++)
          cells[base + Math.min(CELLS - 1, Math.max(0, low + part))] += count / parts;
    }
  }

  #addExplicit(group: number, bounds: number, first: number, from: ArrayLike<number>, at: number, n: number): void {
    let lists = this.#explicit[group];
    if (lists === undefined) this.#explicit[group] = lists = new Map();
    let counts = lists.get(bounds);
    if (counts === undefined) {
      counts = new Float64Array(this.#directory.edges[bounds].length + 1);
      lists.set(bounds, counts);
    }
    for (let i = 0; i < n; i++) counts[first + i] += from[at + i];
  }

  /** The histogram of a group. */
  result(group: number): Histogram {
    let result = this.#exponential(group);
    for (const [bounds, counts] of this.#explicit[group] ?? []) {
      const edges = this.#directory.edges[bounds];
      const lowest = edges.length > 0 && edges[0] > 0 ? 0 : -Infinity;
      const withEnds = Float64Array.of(lowest, ...edges, Infinity);
      const part = { count: total(counts), sum: 0, min: Infinity, max: -Infinity, edges: withEnds, counts };
      result = merge(result, part);
    }
    return { ...result, sum: this.#sum[group], min: this.#min[group], max: this.#max[group] };
  }

  #exponential(group: number): Histogram {
    const cells = this.#cells;
    let low = group * CELLS;
    let high = low + CELLS - 1;
    while (low <= high && cells[low] === 0) low++;
    while (high >= low && cells[high] === 0) high--;
    if (high < low) return EMPTY_HISTOGRAM;
    const counts = cells.slice(low, high + 1);
    const edges = GRID.subarray(low - group * CELLS, high - group * CELLS + 2);
    return { count: total(counts), sum: 0, min: Infinity, max: -Infinity, edges, counts };
  }
}

function total(counts: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i];
  return sum;
}
