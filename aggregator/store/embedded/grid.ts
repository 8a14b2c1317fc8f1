/**
 * Answers are given on one grid: 16 cells to the doubling from a microsecond to 12 days, in seconds. Buckets of a
 * coarser scale are first added up as they are, on a level of their own, and shared out over the grid's cells once.
 */
import { EMPTY_HISTOGRAM, type Histogram } from '../../domain/histogram.ts';
import { MAX_SCALE } from '../../otlp/temporality.ts';
import { ZERO_INDEX } from './rows.ts';

const FIRST = ZERO_INDEX;
const CELLS = -2 * ZERO_INDEX;
const GRID = Float64Array.from({ length: CELLS + 1 }, (_, i) => (i === 0 ? 0 : 2 ** ((FIRST + i) / 2 ** MAX_SCALE)));

/** The coarsest level: a bucket is four doublings wide. Coarser ones are rare, and shared out at once. */
export const MAX_LEVEL = 6;
/** Levels larger than this are not kept for the next question. */
const MAX_SPARE_BYTES = 16 * 2 ** 20;

/** Buckets of one scale, of all groups. */
export interface GridLevel {
  readonly level: number;
  /** Buckets of a group. */
  readonly width: number;
  /** All zero outside of [low, high] of each group. */
  readonly cells: Float64Array;
  /** First and last bucket of each group that something was added to; high < low when there is none. */
  readonly low: Int32Array;
  readonly high: Int32Array;
}

/**
 * Levels that the last question left, all zero: a fresh megabyte a question costs more than all the rest of a short one.
 * Questions are answered without a pause, so none finds what another still uses.
 */
const spare: (GridLevel | undefined)[] = [];

/** A level, all zero. */
export function takeLevel(level: number, groups: number): GridLevel {
  const found = spare[level];
  spare[level] = undefined;
  if (found !== undefined && found.low.length >= groups) return found;
  const width = CELLS >> level;
  return {
    level,
    width,
    cells: new Float64Array(groups * width),
    low: new Int32Array(groups).fill(width),
    high: new Int32Array(groups).fill(-1),
  };
}

/** Lets the next question have a level whose groups were all emptied. */
export function giveBack(level: GridLevel): void {
  if (level.cells.byteLength <= MAX_SPARE_BYTES) spare[level.level] = level;
}

/** Adds buckets to a group of the level of their scale. @returns false when they do not all lie on it: nothing was added */
export function addBuckets(
  level: GridLevel,
  group: number,
  scale: number,
  first: number,
  from: ArrayLike<number>,
  at: number,
  n: number,
): boolean {
  const low = first - (FIRST >> level.level);
  if (scale !== MAX_SCALE - level.level || low < 0 || low + n > level.width) return false;
  if (n === 0) return true;
  if (low < level.low[group]) level.low[group] = low;
  if (low + n - 1 > level.high[group]) level.high[group] = low + n - 1;
  const to = group * level.width + low;
  // Apart, so that each of the commonest loops knows its types: one loop for all takes twice as long.
  if (from instanceof Uint16Array) addShorts(level.cells, to, from, at, n);
  else if (from instanceof Uint8Array) addBytes(level.cells, to, from, at, n);
  else addCounts(level.cells, to, from, at, n);
  return true;
}

/** Four at a time takes four fifths of the time of one at a time. */
function addShorts(cells: Float64Array, start: number, from: Uint16Array, at: number, n: number): void {
  let to = start;
  let i = 0;
  for (const whole = n & ~3; i < whole; i += 4, to += 4) {
    const from4 = at + i;
    cells[to] += from[from4];
    cells[to + 1] += from[from4 + 1];
    cells[to + 2] += from[from4 + 2];
    cells[to + 3] += from[from4 + 3];
  }
  for (; i < n; i++, to++) cells[to] += from[at + i];
}

function addBytes(cells: Float64Array, start: number, from: Uint8Array, at: number, n: number): void {
  let to = start;
  let i = 0;
  for (const whole = n & ~3; i < whole; i += 4, to += 4) {
    const from4 = at + i;
    cells[to] += from[from4];
    cells[to + 1] += from[from4 + 1];
    cells[to + 2] += from[from4 + 2];
    cells[to + 3] += from[from4 + 3];
  }
  for (; i < n; i++, to++) cells[to] += from[at + i];
}

function addCounts(cells: Float64Array, to: number, from: ArrayLike<number>, at: number, n: number): void {
  for (let i = 0; i < n; i++) cells[to + i] += from[at + i];
}

/** Shares wider buckets out over the grid's cells at once, and puts what lies outside the grid at its ends. */
export function addOffGrid(
  grid: GridLevel,
  group: number,
  scale: number,
  first: number,
  from: ArrayLike<number>,
  at: number,
  n: number,
): void {
  const parts = 2 ** (MAX_SCALE - scale);
  const base = group * CELLS;
  for (let i = 0; i < n; i++) {
    const count = from[at + i];
    if (count === 0) continue;
    const low = (first + i) * parts - FIRST;
    const isOutside = low >= CELLS || low + parts <= 0;
    const share = isOutside ? count : count / parts;
    for (let part = 0; part < (isOutside ? 1 : parts); part++) {
      const cell = Math.min(CELLS - 1, Math.max(0, low + part));
      grid.cells[base + cell] += share;
      if (cell < grid.low[group]) grid.low[group] = cell;
      if (cell > grid.high[group]) grid.high[group] = cell;
    }
  }
}

/** What a level held at one moment: the buckets of each group, one group behind the other. */
export interface LevelSums {
  readonly level: number;
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly counts: Float64Array;
}

export function levelSums({ level, width, cells, low, high }: GridLevel): LevelSums {
  let length = 0;
  for (let group = 0; group < low.length; group++) length += Math.max(0, high[group] - low[group] + 1);
  const counts = new Float64Array(length);
  let to = 0;
  for (let group = 0; group < low.length; group++)
    for (let i = low[group]; i <= high[group]; i++) counts[to++] = cells[group * width + i];
  return { level, low: low.slice(), high: high.slice(), counts };
}

export function addLevelSums(level: GridLevel, { low, high, counts }: LevelSums): void {
  let from = 0;
  // A level that was taken from the spare ones may have more groups than were asked for.
  for (let group = 0; group < Math.min(low.length, level.low.length); group++) {
    const n = high[group] - low[group] + 1;
    if (n <= 0) continue;
    if (low[group] < level.low[group]) level.low[group] = low[group];
    if (high[group] > level.high[group]) level.high[group] = high[group];
    addCounts(level.cells, group * level.width + low[group], counts, from, n);
    from += n;
  }
}

/** Shares a coarser level out over the grid's cells, and empties it. */
export function spreadLevel(level: GridLevel, grid: GridLevel): void {
  const parts = 1 << level.level;
  for (let group = 0; group < level.low.length; group++) {
    const low = level.low[group];
    const high = level.high[group];
    if (high < low) continue;
    for (let i = low; i <= high; i++) {
      const share = level.cells[group * level.width + i] / parts;
      if (share === 0) continue;
      const to = group * grid.width + i * parts;
      for (let part = 0; part < parts; part++) grid.cells[to + part] += share;
    }
    if (low * parts < grid.low[group]) grid.low[group] = low * parts;
    if ((high + 1) * parts - 1 > grid.high[group]) grid.high[group] = (high + 1) * parts - 1;
    clearGroup(level, group);
  }
}

/** What the grid holds of a group, without a sum; the group is empty afterwards. */
export function takeGroup(grid: GridLevel, group: number): Histogram {
  const base = group * grid.width;
  let low = grid.low[group];
  let high = grid.high[group];
  while (low <= high && grid.cells[base + low] === 0) low++;
  while (high >= low && grid.cells[base + high] === 0) high--;
  if (high < low) {
    clearGroup(grid, group);
    return EMPTY_HISTOGRAM;
  }
  const counts = grid.cells.slice(base + low, base + high + 1);
  clearGroup(grid, group);
  return { count: totalOf(counts), sum: 0, min: Infinity, max: -Infinity, edges: GRID.subarray(low, high + 2), counts };
}

function clearGroup(level: GridLevel, group: number): void {
  const base = group * level.width;
  if (level.high[group] >= level.low[group]) level.cells.fill(0, base + level.low[group], base + level.high[group] + 1);
  level.low[group] = level.width;
  level.high[group] = -1;
}

/** The sum of all counts. */
export function totalOf(counts: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i];
  return sum;
}
