import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { type Columns, fixedBytes, HEADER_BYTES, layOut, VERSION } from './block-layout.ts';
import { groupBytes, groupsOf, LARGEST_GROUP, placeGroups, readGroups, writeGroups } from './count-groups.ts';

/**
 * The form of a block on the disk: half of what it takes in memory, where it is read without a detour.
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
/** Higher levels win nothing: most of it is noise. */
const LEVEL = 1;
/** What a header promises is believed up to this; what is longer is put together from pieces. */
const BELIEVED_BYTES = 2 ** 24;

/** Bytes of a number row, and of a histogram row before its counts. */
const NUMBER_BYTES = 8 + 4;
const ROW_BYTES = 24 + 4 + 4 + 1;
/** Of these, those before the number of cells. */
const BEFORE_CELLS = 24 + 4 + 2;

/** The form for the disk, of a block as it is in memory. */
export function compact(block: Uint8Array): Uint8Array {
  const columns = columnsOf(block);
  const { value, sum, min, max, numberSeries, series, first, cells, scale } = columns;
  const groups = groupsOf(cells);
  const plain = new Uint8Array(NUMBER_BYTES * value.length + ROW_BYTES * series.length + groups * (1 + LARGEST_GROUP));
  let at = 0;
  for (const column of [value, sum, min, max]) at = writePlanes(column, plain, at);
  for (const column of [numberSeries, series]) at = writePlanes(differences(column), plain, at);
  for (const column of [first, cells, scale]) at = writePlanes(column, plain, at);
  at = writeGroups(columns, plain, at, groups);
  const params = { [constants.ZSTD_c_compressionLevel]: LEVEL, [constants.ZSTD_c_checksumFlag]: 1 };
  const frame = zstdCompressSync(plain.subarray(0, at), { params, chunkSize: at + 1024 });
  const out = new Uint8Array(HEADER_BYTES + frame.length);
  new Uint32Array(out.buffer, 0, 4).set([COMPACT_VERSION, value.length, series.length, at]);
  out.set(frame, HEADER_BYTES);
  return out;
}

/**
 * A block as it is in memory, of what lies on the disk: in the form for the disk, or, of stores that were written before
 * there was one, in that of memory.
 * @throws Error when the bytes are neither, or are damaged
 */
export function expand(bytes: Uint8Array): Uint8Array {
  if (bytes.length < HEADER_BYTES) throw new Error('not a block');
  const [version, n, h, length] = new Uint32Array(bytes.slice(0, HEADER_BYTES).buffer);
  if (version === VERSION) return bytes;
  if (version !== COMPACT_VERSION) throw new Error('not a block');
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
  new Uint32Array(out.buffer, 0, 4).set([VERSION, n, h, used]);
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

function columnsOf(block: Uint8Array): Columns {
  const whole = block.byteOffset % 8 === 0 ? block : new Uint8Array(block);
  const [, n, h, bytes] = new Uint32Array(whole.buffer, whole.byteOffset, 4);
  return layOut(whole.buffer, whole.byteOffset, n, h, bytes);
}

function differences(ascending: Uint32Array): Uint32Array {
  return ascending.map((id, i) => id - (i === 0 ? 0 : ascending[i - 1]));
}

type Column = Float64Array | Uint32Array | Int16Array | Uint16Array | Int8Array;

/** @returns where the next column's planes begin */
function writePlanes(column: Column, to: Uint8Array, at: number): number {
  const size = column.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
  let next = at;
  for (let plane = 0; plane < size; plane++) for (let i = plane; i < bytes.length; i += size) to[next++] = bytes[i];
  return next;
}

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
