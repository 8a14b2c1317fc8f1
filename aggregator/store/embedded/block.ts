import { crc32 } from 'node:zlib';
import { EXPLICIT, NUMBER } from '../../otlp/batch.ts';
import { type BlockRows, LEFT_NUMBERS, type LeftRows } from './add-rows.ts';
import { aligned, CHECKED_FROM, EIGHT, GROUPS, HEADER_BYTES, VERSION } from './block-layout.ts';
import { GROUP, readGroup } from './count-groups.ts';
import { isEarlier, readEarlier, visitEarlier } from './earlier-blocks.ts';
import { endOfNumbers, readNumbers } from './packed-numbers.ts';
import { CELLS, OFFSET, type RowTable, SCALE, SUM } from './rows.ts';
import { ROWS_OF_STEP, type Sliced } from './slices.ts';

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
  /**
   * Takes the histograms of a block together. Those that it leaves are shown one by one.
   * @returns undefined when it takes none
   */
  addRows?(block: BlockRows): LeftRows | undefined;
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

/**
 * A block as it came from the disk, in the form that is read in memory: its own, or that of an earlier version.
 * @throws Error when the bytes are no block, or are damaged
 */
export function checkBlock(bytes: Uint8Array): Uint8Array {
  const view = viewOf(bytes);
  if (view.byteLength < HEADER_BYTES) throw new Error('not a block');
  const version = view.getUint32(0, true);
  if (isEarlier(version)) return readEarlier(bytes);
  if (version !== VERSION) throw new Error('not a block');
  if (view.getUint32(4, true) !== crc32(bytes.subarray(CHECKED_FROM))) throw new Error('damaged block');
  return bytes;
}

/**
 * Shows every row of a block to a visitor.
 * @param bytes a block that was written here, or checked
 */
export function visitBlock(bytes: Uint8Array, visitor: RowVisitor): void {
  const block = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const view = viewOf(block);
  if (isEarlier(view.getUint32(0, true))) {
    visitEarlier(block, visitor);
    return;
  }
  const n = view.getUint32(8, true);
  const h = view.getUint32(12, true);
  if (visitor.number !== undefined) visitNumbers(view, n, h, visitor, 0, n);
  if (visitor.histogram !== undefined) visitHistograms(block, view, n, h, visitor);
}

/** The same in steps; a block of an earlier version is one step. */
export function* visitBlockSliced(bytes: Uint8Array, visitor: RowVisitor): Sliced {
  const block = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const view = viewOf(block);
  if (isEarlier(view.getUint32(0, true))) {
    visitEarlier(block, visitor);
    yield;
    return;
  }
  const n = view.getUint32(8, true);
  const h = view.getUint32(12, true);
  for (let from = 0; from < n; from += ROWS_OF_STEP) {
    visitNumbers(view, n, h, visitor, from, Math.min(from + ROWS_OF_STEP, n));
    yield;
  }
  for (let from = 0; from < h; from += ROWS_OF_STEP) {
    columnsFor(h);
    const { counts } = readColumns(view, n, h);
    showRows(view, from, Math.min(from + ROWS_OF_STEP, h), counts, sourcesOf(block), visitor);
    yield;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Columns of the block that is read: as long as the longest that was, and used again. */
function newColumns(rows: number) {
  const column = () => new Int32Array(rows);
  const totals = new Float64Array(3 * rows);
  return {
    rows,
    series: column(),
    firstByte: column(),
    first: column(),
    cells: column(),
    scale: column(),
    width: column(),
    /** The sums of all rows, their minima, and their maxima. */
    totals,
    wordsOfTotals: new Uint32Array(totals.buffer),
  };
}

let columns = newColumns(1024);
let groupWidths = new Int32Array(8192);
/** The counts of a row of groups. */
const shorts = new Uint16Array(2 ** 16 + GROUP);
const pairsOfShorts = new Uint32Array(shorts.buffer);

function columnsFor(rows: number): typeof columns {
  if (rows > columns.rows) columns = newColumns(2 * rows);
  return columns;
}

/** Shows the rows of numbers from one to before another of all `n`. */
function visitNumbers(view: DataView, n: number, h: number, visitor: RowVisitor, from: number, to: number): void {
  const { groupOf } = visitor;
  const { series } = columnsFor(n);
  readNumbers(series, n, view, HEADER_BYTES + 8 * n + 16 * h);
  let id = 0;
  for (let i = 0; i < from; i++) id += series[i];
  for (let i = from; i < to; i++) {
    id += series[i];
    if (groupOf === undefined || groupOf[id] >= 0) visitor.number?.(id, view.getFloat64(HEADER_BYTES + 8 * i, true));
  }
}

function visitHistograms(block: Uint8Array, view: DataView, n: number, h: number, visitor: RowVisitor): void {
  const rows = columnsFor(h);
  const sources = sourcesOf(block);
  const { counts, groups } = readColumns(view, n, h);
  const left = visitor.addRows?.({
    rows: h,
    columns: rows,
    widths: groupWidths.subarray(0, groups),
    counts: block.subarray(counts),
  });
  if (left === undefined) showRows(view, 0, h, counts, sources, visitor);
  else
    for (let i = 0; i < left.length; i += LEFT_NUMBERS)
      showRow(view, left[i], left[i + 1], counts + left[i + 2], left[i + 3], sources, visitor);
}

/** Shows the rows from one to before another. */
function showRows(
  view: DataView,
  from: number,
  to: number,
  counts: number,
  sources: Sources,
  visitor: RowVisitor,
): void {
  const { groupOf } = visitor;
  const { series, cells, width } = columns;
  for (let i = 0, id = 0, at = counts, group = 0; i < to; i++) {
    id += series[i];
    at = aligned(at, width[i]);
    if (i >= from && (groupOf === undefined || groupOf[id] >= 0)) showRow(view, i, id, at, group, sources, visitor);
    if (width[i] !== GROUPS) at += cells[i] << (width[i] - 1);
    else for (const end = group + groupsOf(cells[i]); group < end; group++) at += groupWidths[group];
  }
}

/** @param group the first of its groups of counts */
function showRow(
  view: DataView,
  i: number,
  id: number,
  at: number,
  group: number,
  sources: Sources,
  visitor: RowVisitor,
): void {
  const { rows: step, first, cells, scale, width, totals } = columns;
  const kind = width[i];
  if (kind === GROUPS)
    for (let k = 0, from = at, g = group; k < cells[i]; k += GROUP, from += groupWidths[g++])
      readGroup(view, from, groupWidths[g], pairsOfShorts, k >> 1);
  visitor.histogram?.(
    id,
    totals,
    i,
    step,
    scale[i],
    first[i],
    sources[kind],
    kind === GROUPS ? 0 : at >> (kind - 1),
    cells[i],
  );
}

function groupsOf(cells: number): number {
  return (cells + GROUP - 1) >> 3;
}

type Sources = readonly ArrayLike<number>[];

/** Counts by width. */
function sourcesOf({ buffer, byteOffset, byteLength }: Uint8Array): Sources {
  return [
    shorts,
    new Uint8Array(buffer, byteOffset, byteLength),
    new Uint16Array(buffer, byteOffset, byteLength >> 1),
    new Uint32Array(buffer, byteOffset, byteLength >> 2),
    new Float64Array(buffer, byteOffset, byteLength >> 3),
  ];
}

/** Reads all that is known of histogram rows but for their counts. @returns where these begin, and how many groups there are */
function readColumns(view: DataView, n: number, h: number): { readonly counts: number; readonly groups: number } {
  const { rows: step, series, first, cells, scale, width, totals } = columns;
  const sums = HEADER_BYTES + 8 * n;
  totals.set(new Float64Array(view.buffer, view.byteOffset + sums, h));
  let at = endOfNumbers(n, view, sums + 16 * h);
  at = readNumbers(series, h, view, at);
  at = readExtremes(step, h, view, sums + 8 * h, at);
  at = readExtremes(2 * step, h, view, sums + 12 * h, at);
  for (const column of [first, cells, scale, width]) at = readNumbers(column, h, view, at);
  let groups = 0;
  for (let i = 0; i < h; i++) if (width[i] === GROUPS) groups += groupsOf(cells[i]);
  if (groups > groupWidths.length) groupWidths = new Int32Array(2 * groups);
  return { counts: aligned(readNumbers(groupWidths, groups, view, at), EIGHT), groups };
}

/** Puts minima or maxima together. @returns where the column of their first bytes ends */
function readExtremes(to: number, h: number, view: DataView, middle: number, firstBytes: number): number {
  const { firstByte, wordsOfTotals: words } = columns;
  const end = readNumbers(firstByte, h, view, firstBytes);
  const fours = new Uint32Array(view.buffer, view.byteOffset + middle, h);
  for (let i = 0, word = 2 * to; i < h; i++, word += 2) {
    words[word] = fours[i] << 24;
    words[word + 1] = (firstByte[i] << 24) | (fours[i] >>> 8);
  }
  return end;
}

/** Shows every row of a table to a visitor, or those from one to before another. */
export function visitRows(rows: RowTable, visitor: RowVisitor, from = 0, to: number = rows.series.length): void {
  const { values } = rows.arena;
  const { groupOf } = visitor;
  for (let i = from; i < to; i++) {
    const id = rows.series[i];
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

/** The same in steps, during which nothing may be added to the table. */
export function* visitRowsSliced(rows: RowTable, visitor: RowVisitor): Sliced {
  for (let from = 0; from < rows.series.length; from += ROWS_OF_STEP) {
    visitRows(rows, visitor, from, Math.min(from + ROWS_OF_STEP, rows.series.length));
    yield;
  }
}

/**
 * A visitor that adds everything to a table, but for rows of series that nobody knows: earlier versions could write such.
 * @param numbers the number to add a series under; its own when absent
 */
export function addingTo(rows: RowTable, numbers: (series: number) => number = (id) => id): RowVisitor {
  return {
    number: (id, value) => {
      const series = numbers(id);
      if (rows.directory.series[series] !== undefined) rows.number(series, value);
    },
    histogram: (id, totals, total, step, scale, first, from, at, n) => {
      const series = numbers(id);
      const kind = rows.directory.series[series]?.kind;
      if (kind === undefined) return;
      const [sum, min, max] = [totals[total], totals[total + step], totals[total + 2 * step]];
      if (kind === EXPLICIT) rows.explicit(series, sum, min, max, first, from, at, n);
      else rows.exponential(series, sum, min, max, scale, 0, first, from, at, n);
    },
  };
}
