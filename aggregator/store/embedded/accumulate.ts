import type { Histogram } from '../../domain/histogram.ts';
import { merge } from '../../domain/histogram.ts';
import { MAX_SCALE } from '../../otlp/increments.ts';
import { type AddedRows, type Adding, type BlockRows, type LeftRows, MAX_GROUPS, rowAdder } from './add-rows.ts';
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
  /** The same, but for series that have edges of their own: `LEFT_ALONE`. */
  readonly onGrid: Int32Array;
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

  sums(): Float64Array {
    return this.totals.slice();
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
  /** Of each group, the explicit counts by number of the list of edges; empty when no group has any. */
  readonly explicit: readonly (ReadonlyMap<number, Float64Array> | undefined)[];
  readonly levels: readonly LevelSums[];
  readonly byteLength: number;
}

/** What rows are added to. */
interface Columns {
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly explicit: Map<number, Float64Array>[];
  /** By how many times their buckets are halved to be cells of the grid. */
  readonly levels: (GridLevel | undefined)[];
}

/**
 * Adds up histograms by group: exponential ones on the grid, explicit ones by their list of edges. Sums that are given
 * to it are not added to anything before somebody looks at a group: most answers need the counts of all groups, and the
 * percentiles of ten.
 */
export class HistogramAccumulator implements Accumulator<HistogramSums> {
  readonly groupOf: Int32Array;
  readonly #directory: SeriesDirectory;
  readonly #grouping: Grouping;
  #parts: HistogramSums[] = [];
  /** Rows that are in none of the parts; undefined when there are none. */
  #columns: Columns | undefined;
  readonly #adding: Adding;

  constructor(directory: SeriesDirectory, grouping: Grouping) {
    this.groupOf = grouping.groupOf;
    this.#directory = directory;
    this.#grouping = grouping;
    this.#adding = {
      groupOf: grouping.onGrid,
      groups: grouping.keys.length,
      takeAdded: () => this.#takeAdded(),
    };
  }

  addRows(block: BlockRows): LeftRows | undefined {
    return this.#adding.groups > MAX_GROUPS ? undefined : rowAdder()?.add(this.#adding, block);
  }

  #takeAdded(): void {
    const added = rowAdder()?.take(this.#adding);
    if (added === undefined) return;
    this.#parts.push(partOf(added, []));
  }

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
    const group = this.groupOf[series];
    const columns = (this.#columns ??= this.#newColumns());
    addTotals(columns, group, totals[total], totals[total + step], totals[total + 2 * step]);
    const bounds = this.#grouping.boundsOf[series];
    if (bounds >= 0) this.#addExplicit(columns, group, bounds, first, from, at, n);
    else {
      const level = this.#level(columns, Math.min(MAX_SCALE - scale, MAX_LEVEL));
      if (!addBuckets(level, group, scale, first, from, at, n))
        addOffGrid(this.#level(columns, 0), group, scale, first, from, at, n);
    }
  }

  add(sums: HistogramSums): void {
    this.#parts.push(sums);
  }

  sums(): HistogramSums {
    this.#takeAdded();
    if (this.#parts.length !== 1 || this.#columns !== undefined) {
      const columns = (this.#columns ??= this.#newColumns());
      for (const part of this.#parts) this.#addSums(columns, part);
      this.#parts = [];
      this.#closeColumns();
    }
    return this.#parts[0];
  }

  /** The histograms of all groups, in their order. */
  results(): Histogram[] {
    this.#takeAdded();
    this.#closeColumns();
    const parts = this.#parts;
    const levels = parts.flatMap((part) => part.levels);
    const withLists = parts.filter(({ explicit }) => explicit.length > 0);
    const { sum, min, max } = parts.length === 1 ? parts[0] : totalsOf(parts, this.#grouping.keys.length);
    return this.#grouping.keys.map((_, group) => {
      const onGrid = new GridHistogram(levels, group, sum[group], min[group], max[group]);
      return withLists.length === 0 ? onGrid : this.#withLists(onGrid, withLists, group);
    });
  }

  #newColumns(): Columns {
    return { ...noTotals(this.#grouping.keys.length), explicit: [], levels: [] };
  }

  /** What rows were added to becomes a part. */
  #closeColumns(): void {
    if (this.#columns === undefined) return;
    const { sum, min, max, explicit, levels } = this.#columns;
    this.#columns = undefined;
    const closed: LevelSums[] = [];
    for (const level of levels) {
      if (level === undefined) continue;
      closed.push(levelSums(level, sum.length));
      giveBack(level);
    }
    this.#parts.push(partOf({ sum, min, max, levels: closed }, explicit));
  }

  #level({ levels }: Columns, level: number): GridLevel {
    let known = levels[level];
    if (known === undefined) levels[level] = known = takeLevel(level, this.#grouping.keys.length);
    return known;
  }

  #addExplicit(
    { explicit }: Pick<Columns, 'explicit'>,
    group: number,
    bounds: number,
    first: number,
    from: ArrayLike<number>,
    at: number,
    n: number,
  ): void {
    let lists = explicit[group];
    if (lists === undefined) explicit[group] = lists = new Map();
    let counts = lists.get(bounds);
    if (counts === undefined) {
      counts = new Float64Array(this.#directory.edges[bounds].length + 1);
      lists.set(bounds, counts);
    }
    for (let i = 0; i < n; i++) counts[first + i] += from[at + i];
  }

  #addSums(columns: Columns, { sum, min, max, explicit, levels }: HistogramSums): void {
    for (let group = 0; group < sum.length; group++) addTotals(columns, group, sum[group], min[group], max[group]);
    explicit.forEach((lists, group) => {
      for (const [bounds, counts] of lists ?? [])
        this.#addExplicit(columns, group, bounds, 0, counts, 0, counts.length);
    });
    for (const level of levels) addLevelSums(this.#level(columns, level.level), level);
  }

  /**
   * With the counts that stand on edges of their own. Lists are merged by their number: where cells are shared out, another
   * order would give other counts, and the order in which parts came is chance.
   */
  #withLists(onGrid: Histogram, parts: readonly HistogramSums[], group: number): Histogram {
    const explicit: Map<number, Float64Array>[] = [];
    for (const part of parts)
      for (const [bounds, counts] of part.explicit[group] ?? [])
        this.#addExplicit({ explicit }, 0, bounds, 0, counts, 0, counts.length);
    let result = onGrid;
    for (const [bounds, counts] of [...(explicit[0] ?? [])].sort(([a], [b]) => a - b)) {
      const edges = this.#directory.edges[bounds];
      const lowest = edges.length > 0 && edges[0] > 0 ? 0 : -Infinity;
      const withEnds = Float64Array.of(lowest, ...edges, Infinity);
      result = merge(result, { ...NO_TOTALS, count: totalOf(counts), edges: withEnds, counts });
    }
    return result;
  }
}

type Totals = Pick<Columns, 'sum' | 'min' | 'max'>;

function noTotals(groups: number): Totals {
  return {
    sum: new Float64Array(groups),
    min: new Float64Array(groups).fill(Infinity),
    max: new Float64Array(groups).fill(-Infinity),
  };
}

function addTotals(totals: Totals, group: number, sum: number, min: number, max: number): void {
  totals.sum[group] += sum;
  if (min < totals.min[group]) totals.min[group] = min;
  if (max > totals.max[group]) totals.max[group] = max;
}

function totalsOf(parts: readonly HistogramSums[], groups: number): Totals {
  const totals = noTotals(groups);
  for (const { sum, min, max } of parts)
    for (let group = 0; group < groups; group++) addTotals(totals, group, sum[group], min[group], max[group]);
  return totals;
}

function partOf(added: AddedRows, explicit: HistogramSums['explicit']): HistogramSums {
  let numbers = 3 * added.sum.length;
  for (const { counts, total } of added.levels) numbers += counts.length + 2.5 * total.length;
  for (const lists of explicit) for (const counts of lists?.values() ?? []) numbers += counts.length;
  return { ...added, explicit, byteLength: 8 * numbers };
}

/** The sum and the extremes of lists of edges stand with those of the grid. */
const NO_TOTALS = { sum: 0, min: Infinity, max: -Infinity };
