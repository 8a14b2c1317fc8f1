/** Blocks of stores up to version 3, which are read as long as they are kept. None is written. */
import { zstdDecompressSync } from 'node:zlib';
import type { RowVisitor } from './block.ts';
import { groupBytes, groupsOf, placeGroups, readGroups } from './earlier-groups.ts';
import { fixedBytes, HALF, HEADER_BYTES, layOut, WIDE_VERSION } from './earlier-layout.ts';

/**
 * Version 2, for the disk only; it became version 1 when it was read:
 *
 * | part | type | of |
 * | --- | --- | --- |
 * | header | 4 × u32 | version, number rows N, histogram rows H, bytes of what follows |
 * | value | 8 planes | N |
 * | sum, min, max | 8 planes each | H |
 * | series, as the difference from the row before | 4 planes | N, then H |
 * | first cell, number of cells | 2 planes each | H |
 * | scale | i8 | H |
 * | width of a group's counts, in bits | u8 | G |
 * | counts | as many bytes as the width says | G |
 *
 * All behind the header is one zstd frame with a checksum of its content; the header must fit it. Planes: the first byte
 * of every number, then the second of every number, and so on: what numbers have in common lies together.
 */
const COMPACT_VERSION = 2;
/** What a header promises is believed up to this; what is longer is put together from pieces. */
const BELIEVED_BYTES = 2 ** 24;

/** Bytes of a number row, and of a histogram row before its counts. */
const NUMBER_BYTES = 8 + 4;
const ROW_BYTES = 24 + 4 + 4 + 1;
/** Of these, those before the number of cells. */
const BEFORE_CELLS = 24 + 4 + 2;

export function isEarlier(version: number): boolean {
  return version === WIDE_VERSION || version === COMPACT_VERSION;
}

/**
 * A block of an earlier version as it came from the disk, as `visitEarlier` reads it.
 * @throws Error when the bytes are none, or are damaged
 */
export function readEarlier(bytes: Uint8Array): Uint8Array {
  const header = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const [version, n, h, length] = [0, 4, 8, 12].map((at) => header.getUint32(at, true));
  if (version === COMPACT_VERSION) return expand(bytes, n, h, length);
  if (fixedBytes(n, h) + length !== bytes.length) throw new Error('damaged block');
  return bytes;
}

function expand(bytes: Uint8Array, n: number, h: number, length: number): Uint8Array {
  const chunkSize = Math.min(Math.max(64, length + 1), BELIEVED_BYTES);
  const plain = zstdDecompressSync(bytes.subarray(HEADER_BYTES), { chunkSize });
  const rows = NUMBER_BYTES * n + ROW_BYTES * h;
  if (plain.length !== length || rows > length) throw new Error('damaged block');
  const cells = new Uint16Array(h);
  readPlanes(cells, plain, NUMBER_BYTES * n + BEFORE_CELLS * h);
  const groups = groupsOf(cells);
  const widths = plain.subarray(rows, rows + groups);
  if (rows + groups + groupBytes(widths) !== length) throw new Error('damaged block');
  const { pointer, width, used } = placeGroups(cells, widths);
  const out = new Uint8Array(fixedBytes(n, h) + used);
  new Uint32Array(out.buffer, 0, 4).set([WIDE_VERSION, n, h, used]);
  const columns = layOut(out.buffer, 0, n, h, used);
  columns.pointer.set(pointer);
  columns.width.set(width);
  const { value, sum, min, max, numberSeries, series, first, scale } = columns;
  let at = 0;
  for (const column of [value, sum, min, max]) at = readPlanes(column, plain, at);
  for (const column of [numberSeries, series]) {
    at = readPlanes(column, plain, at);
    for (let i = 1; i < column.length; i++) column[i] += column[i - 1];
  }
  for (const column of [first, columns.cells, scale]) at = readPlanes(column, plain, at);
  readGroups(columns, widths, plain, rows + groups);
  return out;
}

type Column = Float64Array | Uint32Array | Int16Array | Uint16Array | Int8Array;

/** Word by word: of a block of histograms, doubles are most of what lies in planes. */
function readDoublePlanes({ buffer, byteOffset, length: n }: Column, from: Uint8Array, at: number): number {
  const words = new Uint32Array(buffer, byteOffset, 2 * n);
  for (let half = 0, plane = at; half < 2; half++, plane += 4 * n)
    for (let i = 0; i < n; i++) {
      const a = plane + i;
      words[2 * i + half] = from[a] | (from[a + n] << 8) | (from[a + 2 * n] << 16) | (from[a + 3 * n] << 24);
    }
  return at + 8 * n;
}

/** @returns where the next column's planes begin */
function readPlanes(column: Column, from: Uint8Array, at: number): number {
  const size = column.BYTES_PER_ELEMENT;
  if (size === 8) return readDoublePlanes(column, from, at);
  const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
  let next = at;
  for (let plane = 0; plane < size; plane++) for (let i = plane; i < bytes.length; i += size) bytes[i] = from[next++];
  return next;
}

/** Half bytes of one row, a byte each, and one more where their number is odd. */
const halves = new Uint8Array(65_536);

/** Shows every row of a block that `readEarlier` gave to a visitor. */
export function visitEarlier(block: Uint8Array, visitor: RowVisitor): void {
  const { buffer, byteOffset, byteLength } = block;
  const u32 = new Uint32Array(buffer, byteOffset, byteLength >> 2);
  const [, n, h] = u32;
  const views = {
    u8: block,
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
