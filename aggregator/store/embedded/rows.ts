import { Arena } from '../../otlp/arena.ts';
import { MAX_SCALE } from '../../otlp/increments.ts';
import * as record from '../../otlp/judgement.ts';
import type { SeriesDirectory } from './series.ts';

/** Layout of a histogram's row; explicit ones have no scale, and their first cell has index 0. */
export const SUM = 0;
export const MIN = 1;
export const MAX = 2;
export const SCALE = 3;
export const OFFSET = 4;
export const CELLS = 5;

/** Most buckets of an exponential row: 64 doublings at the finest scale; what spans more becomes coarser. */
const MAX_BUCKETS = 1024;
/** An exponential row is made wider than asked for, so that its neighbours' values find room. */
const SLACK = 8;

/**
 * The bucket at `MAX_SCALE` that takes values too small to have one: 2^-20, a microsecond in seconds. Answers show
 * everything up to there as one cell.
 */
export const ZERO_INDEX = -20 << MAX_SCALE;

/**
 * What was added to each series in one period: a row a series, made at its first increment. The open minutes are such
 * tables, and blocks are merged in one.
 */
export class RowTable {
  readonly directory: SeriesDirectory;
  readonly arena = new Arena();
  /** First index of each series' row in the arena, -1 where nothing happened. */
  at = new Int32Array(256).fill(-1);
  /** Cells of each series' row; 0 for numbers. */
  cells = new Int32Array(256);
  /** Series that have a row, in the order of their first increment. */
  readonly series: number[] = [];

  constructor(directory: SeriesDirectory) {
    this.directory = directory;
  }

  clear(): void {
    for (const id of this.series) this.at[id] = -1;
    this.series.length = 0;
    this.arena.clear();
  }

  number(series: number, value: number): void {
    const row = this.#row(series, 0, 1);
    this.arena.values[row] += value;
  }

  /** Adds `n` counts of `from`; the first belongs to cell `first` of the series' edges. */
  explicit(
    series: number,
    sum: number,
    min: number,
    max: number,
    first: number,
    from: ArrayLike<number>,
    at: number,
    n: number,
  ): void {
    const cells = this.directory.cells(series);
    const row = this.#row(series, cells, CELLS + cells);
    this.#totals(row, sum, min, max);
    addCounts(this.arena.values, row + CELLS + first, from, at, n);
  }

  /** Adds `n` buckets of `from`, the first with index `offset` at `scale`. */
  exponential(
    series: number,
    sum: number,
    min: number,
    max: number,
    scale: number,
    zero: number,
    offset: number,
    from: ArrayLike<number>,
    at: number,
    n: number,
  ): void {
    if (zero > 0) this.#buckets(series, MAX_SCALE, ZERO_INDEX, [zero], 0, 1);
    this.#buckets(series, scale, offset, from, at, n);
    this.#totals(this.at[series], sum, min, max);
  }

  /** Adds an EXPLICIT record of a batch. */
  explicitRecord(series: number, values: Float64Array, at: number): void {
    const cells = this.directory.cells(series);
    const row = this.#row(series, cells, CELLS + cells);
    this.#totals(row, values[at + record.SUM], values[at + record.MIN], values[at + record.MAX]);
    const counts = at + record.EXPLICIT_COUNTS;
    addDoubles(this.arena.values, row + CELLS, values, counts, values[at + record.EXPLICIT_N] | 0);
  }

  /** Adds an EXPONENTIAL record of a batch. */
  exponentialRecord(series: number, values: Float64Array, at: number): void {
    const zero = values[at + record.ZERO_COUNT];
    if (zero > 0) this.#buckets(series, MAX_SCALE, ZERO_INDEX, [zero], 0, 1);
    const counts = at + record.EXPONENTIAL_COUNTS;
    let last = values[at + record.EXPONENTIAL_N] | 0;
    while (last > 0 && values[counts + last - 1] === 0) last--;
    let skip = 0;
    while (skip < last && values[counts + skip] === 0) skip++;
    // `| 0`: an index that is computed as a double costs more than the addition.
    const scale = values[at + record.SCALE] | 0;
    const first = (values[at + record.OFFSET] | 0) + skip;
    const row = this.#roomFor(series, scale, first, first + Math.max(last - skip - 1, 0));
    const kept = this.arena.values;
    const shift = scale - (kept[row + SCALE] | 0);
    const base = row + CELLS - (kept[row + OFFSET] | 0);
    if (shift === 0) addDoubles(kept, base + first, values, counts + skip, last - skip);
    else for (let i = skip; i < last; i++) kept[base + ((first - skip + i) >> shift)] += values[counts + i];
    this.#totals(row, values[at + record.SUM], values[at + record.MIN], values[at + record.MAX]);
  }

  #buckets(series: number, scale: number, offset: number, from: ArrayLike<number>, at: number, n: number): void {
    let last = n;
    while (last > 0 && from[at + last - 1] === 0) last--;
    let skip = 0;
    while (skip < last && from[at + skip] === 0) skip++;
    const row = this.#roomFor(series, scale, offset + skip, offset + Math.max(last - 1, skip));
    const values = this.arena.values;
    // `| 0`: an index that is computed as a double costs more than the addition.
    const shift = scale - (values[row + SCALE] | 0);
    const base = row + CELLS - (values[row + OFFSET] | 0);
    if (shift === 0) addCounts(values, base + offset + skip, from, at + skip, last - skip);
    else for (let i = skip; i < last; i++) values[base + ((offset + i) >> shift)] += from[at + i];
  }

  /** A row whose scale is at most `scale` and whose buckets cover both indexes (given at `scale`). */
  #roomFor(series: number, scale: number, low: number, high: number): number {
    let row = this.at[series] ?? -1;
    let target = Math.min(scale, MAX_SCALE);
    if (row >= 0) target = Math.min(target, this.arena.values[row + SCALE] | 0);
    for (; ; target--) {
      const shift = scale - target;
      let first = low >> shift;
      let end = (high >> shift) + 1;
      if (row >= 0) {
        this.#fold(series, target);
        const offset = this.arena.values[row + OFFSET] | 0;
        if (first >= offset && end <= offset + this.cells[series]) return row;
        first = Math.min(first, offset);
        end = Math.max(end, offset + this.cells[series]);
      }
      if (end - first > MAX_BUCKETS) continue;
      row = this.#resize(series, target, first - SLACK, end - first + 2 * SLACK);
      return row;
    }
  }

  /** Makes a row's buckets as wide as those of `scale`, in place. */
  #fold(series: number, scale: number): void {
    const row = this.at[series];
    const values = this.arena.values;
    const shift = values[row + SCALE] - scale;
    if (shift <= 0) return;
    const offset = values[row + OFFSET];
    const first = offset >> shift;
    for (let i = 0; i < this.cells[series]; i++) {
      const count = values[row + CELLS + i];
      values[row + CELLS + i] = 0;
      values[row + CELLS + ((offset + i) >> shift) - first] += count;
    }
    values[row + SCALE] = scale;
    values[row + OFFSET] = first;
  }

  #resize(series: number, scale: number, offset: number, cells: number): number {
    const old = this.at[series] ?? -1;
    const had = old < 0 ? 0 : this.cells[series];
    if (old >= 0) this.at[series] = -1;
    const row = this.arena.allocate(CELLS + cells);
    const values = this.arena.values;
    values[row + MIN] = Infinity;
    values[row + MAX] = -Infinity;
    values[row + SCALE] = scale;
    values[row + OFFSET] = offset;
    if (old >= 0) {
      values.copyWithin(row, old, old + SCALE);
      const to = row + CELLS + values[old + OFFSET] - offset;
      values.copyWithin(to, old + CELLS, old + CELLS + had);
      this.arena.release(old, CELLS + had);
      this.at[series] = row;
    } else this.#place(series, row);
    this.cells[series] = cells;
    return row;
  }

  #totals(row: number, sum: number, min: number, max: number): void {
    const values = this.arena.values;
    if (!Number.isNaN(sum)) values[row + SUM] += sum;
    if (min < values[row + MIN]) values[row + MIN] = min;
    if (max > values[row + MAX]) values[row + MAX] = max;
  }

  #row(series: number, cells: number, length: number): number {
    const known = this.at[series] ?? -1;
    if (known >= 0) return known;
    const row = this.arena.allocate(length);
    if (cells > 0) {
      this.arena.values[row + MIN] = Infinity;
      this.arena.values[row + MAX] = -Infinity;
    }
    this.#place(series, row);
    this.cells[series] = cells;
    return row;
  }

  #place(series: number, row: number): void {
    if (series >= this.at.length) {
      const size = Math.max(this.at.length * 2, series + 1);
      const at = new Int32Array(size).fill(-1);
      at.set(this.at);
      this.at = at;
      const cells = new Int32Array(size);
      cells.set(this.cells);
      this.cells = cells;
    }
    this.at[series] = row;
    this.series.push(series);
  }
}

/** Counts of received points are doubles, those of blocks mostly narrower: each loop knows its types. */
function addCounts(values: Float64Array, to: number, from: ArrayLike<number>, at: number, n: number): void {
  if (from instanceof Float64Array) addDoubles(values, to, from, at, n);
  else for (let i = 0; i < n; i++) values[to + i] += from[at + i];
}

function addDoubles(values: Float64Array, to: number, from: Float64Array, at: number, n: number): void {
  for (let i = 0; i < n; i++) values[to + i] += from[at + i];
}
