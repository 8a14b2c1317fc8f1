import { crc32 } from 'node:zlib';
import { EXPLICIT, NUMBER } from '../../otlp/batch.ts';
import {
  AHEAD_BYTES,
  aligned,
  CHECKED_FROM,
  EIGHT,
  FOUR,
  GROUPS,
  HEADER_BYTES,
  ONE,
  TWO,
  VERSION,
} from './block-layout.ts';
import { GROUP, LARGEST_IN_GROUPS, writeGroup } from './count-groups.ts';
import { largestColumn, writeNumbers } from './packed-numbers.ts';
import { CELLS, MAX, MIN, OFFSET, type RowTable, SCALE, SUM } from './rows.ts';
import { atOnce, ROWS_OF_STEP, type Sliced } from './slices.ts';

/** Columns of numbers of histogram rows. */
const COLUMNS = 7;

/** What a block keeps of a histogram's row, without the zeros around its counts. */
interface KeptRow {
  readonly id: number;
  /** Where it begins in the arena, and where its counts do. */
  readonly row: number;
  readonly counts: number;
  readonly first: number;
  readonly cells: number;
  readonly scale: number;
  readonly width: number;
}

/**
 * Writes the rows of a table as a block.
 * @param packed whether counts take as few bits as they can; adding them up takes a sixth to a third longer then, showing
 *   them row by row twice as long
 */
export function encodeBlock(rows: RowTable, packed: boolean): Uint8Array {
  return atOnce(encodeSliced(rows, packed));
}

/** The same in steps, during which nothing may be added to the table. */
export function* encodeSliced(rows: RowTable, packed: boolean): Sliced<Uint8Array> {
  const { directory, arena } = rows;
  const sorted = [...rows.series].sort((a, b) => a - b);
  const numbers = sorted.filter((id) => directory.key(id).kind === NUMBER);
  const histograms = sorted.filter((id) => directory.key(id).kind !== NUMBER);
  yield;
  const kept: KeptRow[] = [];
  for (let i = 0; i < histograms.length; i++) {
    kept.push(keptRow(rows, histograms[i], packed));
    if (i % ROWS_OF_STEP === ROWS_OF_STEP - 1) yield;
  }
  const { counts, groups } = yield* writeCounts(arena.values, kept);
  const [n, h] = [numbers.length, kept.length];
  const columnBytes = largestColumn(n) + COLUMNS * largestColumn(h) + largestColumn(groups.length);
  const fixed = HEADER_BYTES + 8 * n + 16 * h;
  const view = new DataView(new ArrayBuffer(fixed + columnBytes + counts.length + 4 * AHEAD_BYTES));
  view.setUint32(0, VERSION, true);
  view.setUint32(8, n, true);
  view.setUint32(12, h, true);
  numbers.forEach((id, i) => {
    view.setFloat64(HEADER_BYTES + 8 * i, arena.values[rows.at[id]], true);
  });
  yield;
  const sums = HEADER_BYTES + 8 * n;
  const extremes = sums + 8 * h;
  kept.forEach(({ row }, i) => {
    view.setFloat64(sums + 8 * i, arena.values[row + SUM], true);
    view.setUint32(extremes + 4 * i, middleOf(arena.values[row + MIN]), true);
    view.setUint32(extremes + 4 * (h + i), middleOf(arena.values[row + MAX]), true);
  });
  yield;
  const columns = [
    () => differences(numbers),
    () => differences(kept.map(({ id }) => id)),
    () => kept.map(({ row }) => firstByteOf(arena.values[row + MIN])),
    () => kept.map(({ row }) => firstByteOf(arena.values[row + MAX])),
    () => kept.map(({ first }) => first),
    () => kept.map(({ cells }) => cells),
    () => kept.map(({ scale }) => scale),
    () => kept.map(({ width }) => width),
    () => groups,
  ];
  let at = fixed;
  for (const column of columns) {
    at = writeNumbers(column(), view, at);
    yield;
  }
  at = aligned(at, EIGHT);
  const bytes = new Uint8Array(view.buffer, 0, at + counts.length + AHEAD_BYTES);
  bytes.set(counts, at);
  view.setUint32(4, crc32(bytes.subarray(CHECKED_FROM)), true);
  return bytes.slice();
}

function keptRow({ directory, arena, at, cells }: RowTable, id: number, packed: boolean): KeptRow {
  const row = at[id];
  const isExplicit = directory.key(id).kind === EXPLICIT;
  const { values } = arena;
  const counts = row + CELLS;
  let low = 0;
  let high = cells[id] - 1;
  while (low <= high && values[counts + low] === 0) low++;
  while (high >= low && values[counts + high] === 0) high--;
  let largest = 0;
  for (let k = low; k <= high; k++) if (values[counts + k] > largest) largest = values[counts + k];
  return {
    id,
    row,
    counts: counts + low,
    first: (high < low ? 0 : low) + (isExplicit ? 0 : values[row + OFFSET]),
    cells: high - low + 1,
    scale: isExplicit ? 0 : values[row + SCALE],
    width: packed && largest <= LARGEST_IN_GROUPS ? GROUPS : widthFor(largest),
  };
}

function widthFor(largest: number): number {
  return largest < 2 ** 8 ? ONE : largest < 2 ** 16 ? TWO : largest < 2 ** 32 ? FOUR : EIGHT;
}

/** The counts of all rows, and the widths of those that are groups. */
function* writeCounts(
  from: Float64Array,
  rows: readonly KeptRow[],
): Sliced<{ readonly counts: Uint8Array; readonly groups: readonly number[] }> {
  let room = AHEAD_BYTES;
  for (const { cells } of rows) room += 8 * cells + 2 * GROUP;
  const view = new DataView(new ArrayBuffer(room));
  const groups: number[] = [];
  let used = 0;
  for (let i = 0; i < rows.length; i++) {
    used = writeRow(from, rows[i], view, used, groups);
    if (i % ROWS_OF_STEP === ROWS_OF_STEP - 1) yield;
  }
  return { counts: new Uint8Array(view.buffer, 0, used), groups };
}

/** @returns where the counts end */
function writeRow(
  from: Float64Array,
  { counts, cells, width }: KeptRow,
  view: DataView,
  end: number,
  groups: number[],
): number {
  let used = aligned(end, width);
  if (width === GROUPS)
    for (let k = 0; k < cells; k += GROUP) {
      const bits = writeGroup(from, counts + k, Math.min(GROUP, cells - k), view, used);
      groups.push(bits);
      used += bits;
    }
  else
    for (let k = 0; k < cells; k++, used += 1 << (width - 1)) {
      if (width === ONE) view.setUint8(used, from[counts + k]);
      else if (width === TWO) view.setUint16(used, from[counts + k], true);
      else if (width === FOUR) view.setUint32(used, from[counts + k], true);
      else view.setFloat64(used, from[counts + k], true);
    }
  return used;
}

const double = new Float64Array(1);
const [LOW, HIGH] = [0, 1];
const words = new Uint32Array(double.buffer);

/** The second to the fifth byte, from the top: towards zero, so that no maximum rises above a threshold that it keeps. */
function middleOf(extreme: number): number {
  double[0] = extreme;
  return ((words[HIGH] << 8) | (words[LOW] >>> 24)) >>> 0;
}

function firstByteOf(extreme: number): number {
  double[0] = extreme;
  return words[HIGH] >>> 24;
}

function differences(ascending: readonly number[]): number[] {
  return ascending.map((id, i) => id - (i === 0 ? 0 : ascending[i - 1]));
}
