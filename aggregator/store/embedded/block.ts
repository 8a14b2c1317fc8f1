import { EXPLICIT, NUMBER } from '../../otlp/batch.ts';
import {
  aligned,
  type Columns,
  countBytes,
  FOUR,
  fixedBytes,
  HALF,
  HEADER_BYTES,
  layOut,
  ONE,
  TWO,
  VERSION,
  widthFor,
} from './block-layout.ts';
import { CELLS, MAX, MIN, OFFSET, type RowTable, SCALE, SUM } from './rows.ts';

/** Writes the rows of a table as a block. */
export function encodeBlock(rows: RowTable): Uint8Array {
  const { directory, arena } = rows;
  const sorted = [...rows.series].sort((a, b) => a - b);
  const numbers = sorted.filter((id) => directory.key(id).kind === NUMBER);
  const histograms = sorted.filter((id) => directory.key(id).kind !== NUMBER);
  let room = 0;
  for (const id of histograms) room += 8 * rows.cells[id] + 8;
  const buffer = new ArrayBuffer(fixedBytes(numbers.length, histograms.length) + room);
  const columns = layOut(buffer, 0, numbers.length, histograms.length, room);
  numbers.forEach((id, i) => {
    columns.numberSeries[i] = id;
    columns.value[i] = arena.values[rows.at[id]];
  });
  let used = 0;
  histograms.forEach((id, i) => {
    const row = rows.at[id];
    const isExplicit = directory.key(id).kind === EXPLICIT;
    columns.series[i] = id;
    columns.sum[i] = arena.values[row + SUM];
    columns.min[i] = shortened(arena.values[row + MIN]);
    columns.max[i] = shortened(arena.values[row + MAX]);
    columns.scale[i] = isExplicit ? 0 : arena.values[row + SCALE];
    used = writeCounts(columns, i, used, arena.values, row + CELLS, rows.cells[id]);
    if (!isExplicit) columns.first[i] += arena.values[row + OFFSET];
  });
  const header = new Uint32Array(buffer, 0, 4);
  header.set([VERSION, numbers.length, histograms.length, used]);
  return new Uint8Array(buffer.slice(0, fixedBytes(numbers.length, histograms.length) + used));
}

const double = new Float64Array(1);
const wordsOfDouble = new Uint32Array(double.buffer);

/**
 * An extreme as blocks keep it: the last three of its eight bytes are zero. Eight digits stay, whole numbers to 2^28 as
 * they are; the rest is noise that no answer shows and nothing compresses. Towards zero, so that no maximum rises above a
 * threshold that it keeps.
 */
function shortened(extreme: number): number {
  double[0] = extreme;
  wordsOfDouble[0] &= 0xff000000;
  return double[0];
}

/** Writes the counts of one row without the zeros around them. @returns where the next row's counts may begin */
function writeCounts(columns: Columns, i: number, used: number, from: Float64Array, at: number, n: number): number {
  let low = 0;
  let high = n - 1;
  while (low < n && from[at + low] === 0) low++;
  while (high >= low && from[at + high] === 0) high--;
  let largest = 0;
  for (let k = low; k <= high; k++) if (from[at + k] > largest) largest = from[at + k];
  const width = widthFor(largest);
  const pointer = aligned(used, width);
  const cells = high - low + 1;
  columns.first[i] = cells === 0 ? 0 : low;
  columns.cells[i] = cells;
  columns.width[i] = width;
  columns.pointer[i] = pointer;
  const view = new DataView(columns.counts.buffer, columns.counts.byteOffset, columns.counts.byteLength);
  for (let k = 0; k < cells; k++) {
    const count = from[at + low + k];
    if (width === HALF) {
      view.setUint8(pointer + (k >> 1), k & 1 ? view.getUint8(pointer + (k >> 1)) | (count << 4) : count);
    } else if (width === ONE) view.setUint8(pointer + k, count);
    else if (width === TWO) view.setUint16(pointer + 2 * k, count, true);
    else if (width === FOUR) view.setUint32(pointer + 4 * k, count, true);
    else view.setFloat64(pointer + 8 * k, count, true);
  }
  return pointer + countBytes(cells, width);
}

/**
 * Takes what blocks and tables hold, row by row.
 *
 * A histogram's sum stands in `totals` at `total`, its minimum and maximum `step` and twice `step` behind: doubles that are
 * arguments become objects. Its `n` counts stand in `from` at `at`. Both are valid during the call only.
 */
export interface RowVisitor {
  /** The group of each series: rows of series without one (below 0, or beyond the end) are not shown. All are when absent. */
  readonly groupOf?: Int32Array;
  /** Numbers are passed over when absent. */
  number?(series: number, value: number): void;
  /** Histograms are passed over when absent. */
  histogram?(
    series: number,
    totals: Float64Array,
    total: number,
    step: number,
    scale: number,
    first: number,
    from: ArrayLike<number>,
    at: number,
    n: number,
  ): void;
}

/** Half bytes of one row, a byte each, and one more where their number is odd. */
const halves = new Uint8Array(65_536);

/**
 * Shows every row of a block to a visitor. Four views of the whole block serve all of its columns: a view a column would
 * cost a question more than its numbers do.
 * @throws Error when the bytes are no block of a version that is known
 */
export function visitBlock(bytes: Uint8Array, visitor: RowVisitor): void {
  const u8 = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset, byteLength } = u8;
  const u32 = new Uint32Array(buffer, byteOffset, byteLength >> 2);
  const [version, n, h, bytesOfCounts] = u32;
  if (version !== VERSION || fixedBytes(n, h) + bytesOfCounts !== byteLength) throw new Error('not a block');
  const views = {
    u8,
    u16: new Uint16Array(buffer, byteOffset, byteLength >> 1),
    u32,
    f64: new Float64Array(buffer, byteOffset, byteLength >> 3),
  };
  if (visitor.number !== undefined) visitNumbers(views, n, h, visitor);
  if (visitor.histogram !== undefined) visitHistograms(views, n, h, visitor);
}

/** A block as numbers of each width. */
interface Views {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
}

function visitNumbers({ u32, f64 }: Views, n: number, h: number, visitor: RowVisitor): void {
  const { groupOf } = visitor;
  const value = HEADER_BYTES >> 3;
  const series = (HEADER_BYTES + 8 * n + 24 * h) >> 2;
  for (let i = 0; i < n; i++) {
    const id = u32[series + i];
    if (groupOf === undefined || groupOf[id] >= 0) visitor.number?.(id, f64[value + i]);
  }
}

function visitHistograms({ u8, u16, u32, f64 }: Views, n: number, h: number, visitor: RowVisitor): void {
  const { groupOf } = visitor;
  const sum = (HEADER_BYTES + 8 * n) >> 3;
  const series = (HEADER_BYTES + 12 * n + 24 * h) >> 2;
  const first = (HEADER_BYTES + 12 * n + 32 * h) >> 1;
  const width = HEADER_BYTES + 12 * n + 36 * h;
  const counts = fixedBytes(n, h);
  const sources = [halves, u8, u16, u32, f64];
  for (let i = 0; i < h; i++) {
    const id = u32[series + i];
    if (groupOf !== undefined && !(groupOf[id] >= 0)) continue;
    const cells = u16[first + h + i];
    const kind = u8[width + i];
    let at = counts + u32[series + h + i];
    if (kind === HALF) {
      for (let k = 0; k < cells; k += 2, at++) {
        const pair = u8[at];
        halves[k] = pair & 15;
        halves[k + 1] = pair >> 4;
      }
      at = 0;
    } else at >>= kind - 1;
    visitor.histogram?.(
      id,
      f64,
      sum + i,
      h,
      (u8[width + h + i] << 24) >> 24,
      (u16[first + i] << 16) >> 16,
      sources[kind],
      at,
      cells,
    );
  }
}

/** The same block with the last 16 bits of its sums cleared: eleven digits stay, and the zeros compress. */
export function roundSums(bytes: Uint8Array): Uint8Array {
  const rounded = new Uint8Array(bytes);
  const [, n, h] = new Uint32Array(rounded.buffer, 0, 4);
  const words = new Uint16Array(rounded.buffer, HEADER_BYTES + 8 * n, 4 * h);
  for (let i = 0; i < words.length; i += 4) words[i] = 0;
  return rounded;
}

/** Shows every row of a table to a visitor. */
export function visitRows(rows: RowTable, visitor: RowVisitor): void {
  const { values } = rows.arena;
  const { groupOf } = visitor;
  for (const id of rows.series) {
    if (groupOf !== undefined && !(groupOf[id] >= 0)) continue;
    const row = rows.at[id];
    const { kind } = rows.directory.key(id);
    if (kind === NUMBER) visitor.number?.(id, values[row]);
    else {
      const isExplicit = kind === EXPLICIT;
      visitor.histogram?.(
        id,
        values,
        row + SUM,
        1,
        isExplicit ? 0 : values[row + SCALE],
        isExplicit ? 0 : values[row + OFFSET],
        values,
        row + CELLS,
        rows.cells[id],
      );
    }
  }
}

/**
 * A visitor that adds everything to a table.
 * @param numbers the number to add a series under; its own when absent
 */
export function addingTo(rows: RowTable, numbers: (series: number) => number = (id) => id): RowVisitor {
  return {
    number: (id, value) => rows.number(numbers(id), value),
    histogram: (id, totals, total, step, scale, first, from, at, n) => {
      const series = numbers(id);
      const [sum, min, max] = [totals[total], totals[total + step], totals[total + 2 * step]];
      if (rows.directory.key(series).kind === EXPLICIT) rows.explicit(series, sum, min, max, first, from, at, n);
      else rows.exponential(series, sum, min, max, scale, 0, first, from, at, n);
    },
  };
}
