import type { Histogram } from '../../domain/histogram.ts';
import { merge } from '../../domain/histogram.ts';
import { MAX_SCALE } from '../../otlp/increments.ts';
import type { Accumulator } from './closed-sums.ts';
import {
  addBuckets,
  addLevelSums,
  addOffGrid,
  type GridLevel,
  giveBack,
  type LevelSums,
  levelSums,
  MAX_LEVEL,
  takeLevel,
  totalOf,
} from './grid.ts';
import { GridHistogram } from './grid-histogram.ts';
import type { SeriesDirectory } from './series.ts';

/** Rows that belong together: the group of each series, -1 for those that nobody asked for. */
export interface Grouping {
  /** Tells groupings apart. */
  readonly number: number;
  readonly groupOf: Int32Array;
  /** The list of edges of each series in a group; -1 for those that have none. */
  readonly boundsOf: Int32Array;
  /** One key a group. */
  readonly keys: readonly (readonly string[])[];
}

/** Adds up counters by group. */
export class CountAccumulator implements Accumulator<Float64Array> {
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

  sums(): Float64Array {
    return this.totals.slice();
  }

  end(): Float64Array {
    return this.totals;
  }

  add(sums: Float64Array): void {
    for (let group = 0; group < sums.length; group++) this.totals[group] += sums[group];
  }
}

/** What a `HistogramAccumulator` held at one moment. */
export interface HistogramSums {
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly explicit: readonly (ReadonlyMap<number, Float64Array> | undefined)[];
  readonly levels: readonly LevelSums[];
  readonly byteLength: number;
}

/** Adds up histograms by group: exponential ones on the grid, explicit ones by their list of edges. */
export class HistogramAccumulator implements Accumulator<HistogramSums> {
  readonly #directory: SeriesDirectory;
  readonly #grouping: Grouping;
  /** By how many times their buckets are halved to be cells of the grid. */
  readonly #levels: (GridLevel | undefined)[] = [];
  readonly #sum: Float64Array;
  readonly #min: Float64Array;
  readonly #max: Float64Array;
  /** Of each group, the explicit counts by number of the list of edges. */
  readonly #explicit: (Map<number, Float64Array> | undefined)[];
  #isEmpty = true;
  /** What it was begun with, while nothing was added to that. */
  #begun: HistogramSums | undefined;

  constructor(directory: SeriesDirectory, grouping: Grouping) {
    const groups = grouping.keys.length;
    this.#directory = directory;
    this.#grouping = grouping;
    this.#sum = new Float64Array(groups);
    this.#min = new Float64Array(groups).fill(Infinity);
    this.#max = new Float64Array(groups).fill(-Infinity);
    this.#explicit = new Array(groups);
  }

  number(): void {}

  histogram(
    series: number,
    totals: Float64Array,
    total: number,
    step: number,
    scale: number,
    first: number,
    from: ArrayLike<number>,
    at: number,
    n: number,
  ): void {
    const group = this.#grouping.groupOf[series];
    if (!(group >= 0)) return;
    if (this.#begun !== undefined || this.#isEmpty) this.#goOn();
    const min = totals[total + step];
    const max = totals[total + 2 * step];
    this.#sum[group] += totals[total];
    if (min < this.#min[group]) this.#min[group] = min;
    if (max > this.#max[group]) this.#max[group] = max;
    const bounds = this.#grouping.boundsOf[series];
    if (bounds >= 0) this.#addExplicit(group, bounds, first, from, at, n);
    else {
      const level = this.#level(Math.min(MAX_SCALE - scale, MAX_LEVEL));
      if (!addBuckets(level, group, scale, first, from, at, n))
        addOffGrid(this.#level(0), group, scale, first, from, at, n);
    }
  }

  #level(level: number): GridLevel {
    let known = this.#levels[level];
    if (known === undefined) this.#levels[level] = known = takeLevel(level, this.#grouping.keys.length);
    return known;
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

  sums(): HistogramSums {
    if (this.#begun !== undefined) return this.#begun;
    const explicit = this.#explicit.map((lists) =>
      lists === undefined ? undefined : new Map(Array.from(lists, ([bounds, counts]) => [bounds, counts.slice()])),
    );
    return sized(this.#sum.slice(), this.#min.slice(), this.#max.slice(), explicit, this.#levelSums());
  }

  end(): HistogramSums {
    const sums = this.#begun ?? sized(this.#sum, this.#min, this.#max, this.#explicit, this.#levelSums());
    for (const level of this.#levels) if (level !== undefined) giveBack(level);
    return sums;
  }

  add(sums: HistogramSums): void {
    if (this.#isEmpty) {
      this.#begun = sums;
      this.#isEmpty = false;
    } else {
      this.#goOn();
      this.#addSums(sums);
    }
  }

  #addSums({ sum, min, max, explicit, levels }: HistogramSums): void {
    for (let group = 0; group < sum.length; group++) {
      this.#sum[group] += sum[group];
      if (min[group] < this.#min[group]) this.#min[group] = min[group];
      if (max[group] > this.#max[group]) this.#max[group] = max[group];
      const lists = explicit[group];
      if (lists === undefined) continue;
      for (const [bounds, counts] of lists) this.#addExplicit(group, bounds, 0, counts, 0, counts.length);
    }
    for (const level of levels) addLevelSums(this.#level(level.level), level);
  }

  /** Takes what it was begun with into its own columns, before something is added to them. */
  #goOn(): void {
    this.#isEmpty = false;
    const begun = this.#begun;
    this.#begun = undefined;
    if (begun !== undefined) this.#addSums(begun);
  }

  #levelSums(): LevelSums[] {
    return this.#levels.filter((level) => level !== undefined).map((level) => levelSums(level, this.#sum.length));
  }

  /** The histograms of all groups, in their order. Ends it. */
  results(): Histogram[] {
    const { sum, min, max, explicit, levels } = this.end();
    return this.#grouping.keys.map((_, group) => {
      const onGrid = new GridHistogram(levels, group, sum[group], min[group], max[group]);
      const lists = explicit[group];
      return lists === undefined ? onGrid : this.#withLists(onGrid, lists);
    });
  }

  /** With the counts that stand on edges of their own. */
  #withLists(onGrid: Histogram, lists: ReadonlyMap<number, Float64Array>): Histogram {
    let result = onGrid;
    for (const [bounds, counts] of lists) {
      const edges = this.#directory.edges[bounds];
      const lowest = edges.length > 0 && edges[0] > 0 ? 0 : -Infinity;
      const withEnds = Float64Array.of(lowest, ...edges, Infinity);
      result = merge(result, { ...NO_TOTALS, count: totalOf(counts), edges: withEnds, counts });
    }
    return result;
  }
}

function sized(
  sum: Float64Array,
  min: Float64Array,
  max: Float64Array,
  explicit: HistogramSums['explicit'],
  levels: readonly LevelSums[],
): HistogramSums {
  let numbers = 3 * sum.length;
  for (const { counts } of levels) numbers += counts.length;
  for (const lists of explicit) for (const counts of lists?.values() ?? []) numbers += counts.length;
  return { sum, min, max, explicit, levels, byteLength: 8 * numbers };
}

/** The sum and the extremes of lists of edges stand with those of the grid. */
const NO_TOTALS = { sum: 0, min: Infinity, max: -Infinity };
