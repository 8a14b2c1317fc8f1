/**
 * Version 1 of a block, as stores up to version 2 kept it on the disk, and those up to version 3 in memory.
 *
 * | part | type | of |
 * | --- | --- | --- |
 * | header | 4 × u32 | version, number rows N, histogram rows H, bytes of counts |
 * | value | f64 | N |
 * | sum, min, max | f64 each | H |
 * | series | u32 | N, then H |
 * | pointer into the counts | u32 | H |
 * | first cell, number of cells | i16, u16 | H |
 * | width of a count, scale | u8, i8 | H |
 * | counts | u4, u8, u16, u32 or f64 | |
 *
 * Cells before the first and after the last count that is not zero are not kept. Little-endian.
 */
export const WIDE_VERSION = 1;
export const HEADER_BYTES = 16;

/** Widths of a count, as the exponent of its bytes but for the first: two counts a byte. */
export const HALF = 0;
export const ONE = 1;
export const TWO = 2;
export const FOUR = 3;
export const EIGHT = 4;

/** The narrowest width that holds counts up to `largest`. */
export function widthFor(largest: number): number {
  return largest < 16 ? HALF : largest < 256 ? ONE : largest < 65536 ? TWO : largest < 2 ** 32 ? FOUR : EIGHT;
}

/** Where counts of a width may begin when so many bytes are used. */
export function aligned(used: number, width: number): number {
  const align = width === HALF ? 0 : (1 << (width - 1)) - 1;
  return (used + align) & ~align;
}

/** Bytes of so many counts. */
export function countBytes(cells: number, width: number): number {
  return width === HALF ? (cells + 1) >> 1 : cells << (width - 1);
}

/** Columns of a block. */
export interface Columns {
  readonly value: Float64Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly numberSeries: Uint32Array;
  readonly series: Uint32Array;
  readonly pointer: Uint32Array;
  readonly first: Int16Array;
  readonly cells: Uint16Array;
  readonly width: Uint8Array;
  readonly scale: Int8Array;
  readonly counts: Uint8Array;
}

/** Columns of a block that begins at `at`, a multiple of eight, of `n` and `h` rows and so many bytes of counts. */
export function layOut(buffer: ArrayBufferLike, at: number, n: number, h: number, bytes: number): Columns {
  let offset = at + HEADER_BYTES;
  const take = (bytes: number) => {
    const here = offset;
    offset += bytes;
    return here;
  };
  const value = new Float64Array(buffer, take(8 * n), n);
  const sum = new Float64Array(buffer, take(8 * h), h);
  const min = new Float64Array(buffer, take(8 * h), h);
  const max = new Float64Array(buffer, take(8 * h), h);
  const numberSeries = new Uint32Array(buffer, take(4 * n), n);
  const series = new Uint32Array(buffer, take(4 * h), h);
  const pointer = new Uint32Array(buffer, take(4 * h), h);
  const first = new Int16Array(buffer, take(2 * h), h);
  const cells = new Uint16Array(buffer, take(2 * h), h);
  const width = new Uint8Array(buffer, take(h), h);
  const scale = new Int8Array(buffer, take(h), h);
  offset = (offset + 7) & ~7;
  const counts = new Uint8Array(buffer, offset, bytes);
  return { value, sum, min, max, numberSeries, series, pointer, first, cells, width, scale, counts };
}

/** Bytes of a block before its counts. */
export function fixedBytes(n: number, h: number): number {
  return (HEADER_BYTES + 12 * n + 38 * h + 7) & ~7;
}
