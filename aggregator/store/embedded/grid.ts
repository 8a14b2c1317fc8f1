/**
 * Answers are given on one grid: 16 cells to the doubling from a microsecond to 12 days, in seconds. Buckets of a
 * coarser scale are first added up as they are, on a level of their own, and shared out over the grid's cells once.
 */
import type { CellRange } from '../../domain/histogram.ts';
import { MAX_SCALE } from '../../otlp/increments.ts';
import { ZERO_INDEX } from './rows.ts';

const FIRST = ZERO_INDEX;
/** At the finest level. */
export const GRID_CELLS = -2 * ZERO_INDEX;
const GRID = Float64Array.from({ length: GRID_CELLS + 1 }, (_, i) =>
  i === 0 ? 0 : 2 ** ((FIRST + i) / 2 ** MAX_SCALE),
);

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
  return newLevel(level, groups);
}

function newLevel(level: number, groups: number): GridLevel {
  const width = GRID_CELLS >> level;
  return {
    level,
    width,
    cells: new Float64Array(groups * width),
    low: new Int32Array(groups).fill(width),
    high: new Int32Array(groups).fill(-1),
  };
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

function addDoubles(cells: Float64Array, start: number, from: Float64Array, at: number, n: number): void {
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

/** @returns their sum */
function copyDoubles(into: Float64Array, to: number, from: Float64Array, at: number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) {
    const count = from[at + i];
    into[to + i] = count;
    sum += count;
  }
  return sum;
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
  const base = group * GRID_CELLS;
  for (let i = 0; i < n; i++) {
    const count = from[at + i];
    if (count === 0) continue;
    const low = (first + i) * parts - FIRST;
    const isOutside = low >= GRID_CELLS || low + parts <= 0;
    const share = isOutside ? count : count / parts;
    for (let part = 0; part < (isOutside ? 1 : parts); part++) {
      const cell = Math.min(GRID_CELLS - 1, Math.max(0, low + part));
      grid.cells[base + cell] += share;
      if (cell < grid.low[group]) grid.low[group] = cell;
      if (cell > grid.high[group]) grid.high[group] = cell;
    }
  }
}

/** What a level held at one moment: the buckets of each group, one group behind the other. */
export interface LevelSums {
  readonly level: number;
  /** All counts of each group together. */
  readonly total: Float64Array;
  /** First and last bucket of each group; high < low when there is none. */
  readonly low: Int32Array;
  readonly high: Int32Array;
  /** Where each group's buckets begin in `counts`. */
  readonly start: Int32Array;
  readonly counts: Float64Array;
}

/** @param groups of those that the level has room for, the ones that were asked for */
export function levelSums({ level, width, cells, low, high }: GridLevel, groups: number): LevelSums {
  const start = new Int32Array(groups);
  let length = 0;
  for (let group = 0; group < groups; group++) {
    start[group] = length;
    length += Math.max(0, high[group] - low[group] + 1);
  }
  const counts = new Float64Array(length);
  const total = new Float64Array(groups);
  for (let group = 0; group < groups; group++)
    total[group] = copyDoubles(counts, start[group], cells, group * width + low[group], high[group] - low[group] + 1);
  return { level, total, low: low.slice(0, groups), high: high.slice(0, groups), start, counts };
}

export function addLevelSums(level: GridLevel, { low, high, start, counts }: LevelSums): void {
  for (let group = 0; group < low.length; group++) {
    const n = high[group] - low[group] + 1;
    if (n <= 0) continue;
    if (low[group] < level.low[group]) level.low[group] = low[group];
    if (high[group] > level.high[group]) level.high[group] = high[group];
    addDoubles(level.cells, group * level.width + low[group], counts, start[group], n);
  }
}

/** Lets the next question have a level. */
export function giveBack(level: GridLevel): void {
  if (level.cells.byteLength > MAX_SPARE_BYTES) return;
  clear(level);
  spare[level.level] = level;
}

function clear({ width, cells, low, high }: GridLevel): void {
  for (let group = 0; group < low.length; group++) {
    if (high[group] < low[group]) continue;
    cells.fill(0, group * width + low[group], group * width + high[group] + 1);
    low[group] = width;
    high[group] = -1;
  }
}

/** Cells of the grid, with their counts. */
export interface GridCells {
  readonly edges: Float64Array;
  readonly counts: Float64Array;
}

const { BYTES_PER_ELEMENT } = Float64Array;
const CHUNK_CELLS = 16_384;
/** Where counts that are put together stand: memory of their own for each group costs twice as much. */
let chunk = new Float64Array(CHUNK_CELLS);
let chunkUsed = 0;

/** Room for so many counts in `chunk`, all zero. @returns where it begins */
function takeRoom(cells: number): number {
  if (chunkUsed + cells > chunk.length) {
    chunk = new Float64Array(Math.max(cells, CHUNK_CELLS));
    chunkUsed = 0;
  }
  chunkUsed += cells;
  return chunkUsed - cells;
}

const NO_CELLS: GridRange = { counts: new Float64Array(0), at: 0, n: 0, parts: 1, edges: GRID, edge: 0 };

/** A range of the grid's cells. */
export interface GridRange extends CellRange {
  readonly counts: Float64Array;
  readonly edges: Float64Array;
}

/** The buckets of a group in all sums: on the level of all, or, where levels differ, on the finest. */
export function rangeOf(all: readonly LevelSums[], group: number): GridRange {
  let only: LevelSums | undefined;
  let isOne = true;
  let finest = MAX_LEVEL;
  let coarsest = 0;
  let first = GRID_CELLS;
  let end = 0;
  for (const sums of all) {
    const { level, low, high } = sums;
    if (high[group] < low[group]) continue;
    isOne = only === undefined;
    only = sums;
    if (level < finest) finest = level;
    if (level > coarsest) coarsest = level;
    if (low[group] << level < first) first = low[group] << level;
    if ((high[group] + 1) << level > end) end = (high[group] + 1) << level;
  }
  if (only === undefined) return NO_CELLS;
  const level = finest === coarsest ? finest : 0;
  const n = (end - first) >> level;
  const parts = 1 << level;
  if (isOne) return { counts: only.counts, at: only.start[group], n, parts, edges: GRID, edge: first };
  const at = takeRoom(n);
  for (const sums of all)
    if (sums.high[group] >= sums.low[group]) addGroup(sums, group, level, chunk, at - (first >> level));
  return { counts: chunk, at, n, parts, edges: GRID, edge: first };
}

/** Adds a group's buckets to cells of a level of which the first would stand at `base`. */
function addGroup(
  { level, low, high, start, counts }: LevelSums,
  group: number,
  to: number,
  cells: Float64Array,
  base: number,
): void {
  const n = high[group] - low[group] + 1;
  if (level === to) addDoubles(cells, base + low[group], counts, start[group], n);
  else shareOut(counts, start[group], n, 1 << level, cells, base + (low[group] << level));
}

/** Adds counts to cells that are a part of theirs. */
function shareOut(counts: Float64Array, from: number, n: number, parts: number, cells: Float64Array, to: number): void {
  for (let i = 0, at = to; i < n; i++, at += parts) {
    const share = counts[from + i] / parts;
    if (share !== 0) for (let part = 0; part < parts; part++) cells[at + part] += share;
  }
}

/** The cells of a range that lie between empty ones. */
export function cellsOf({ counts, at, n, parts, edge }: GridRange): GridCells {
  let low = 0;
  let high = n;
  while (low < high && counts[at + low] === 0) low++;
  while (high > low && counts[at + high - 1] === 0) high--;
  const cells = (high - low) * parts;
  const edges = new Float64Array(GRID.buffer, (edge + low * parts) * BYTES_PER_ELEMENT, cells + 1);
  if (parts === 1) return { edges, counts: new Float64Array(counts.buffer, (at + low) * BYTES_PER_ELEMENT, cells) };
  const to = takeRoom(cells);
  shareOut(counts, at + low, high - low, parts, chunk, to);
  return { edges, counts: new Float64Array(chunk.buffer, to * BYTES_PER_ELEMENT, cells) };
}

/** The sum of all counts. */
export function totalOf(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}
