/**
 * A block: everything that happened in one period, immutable, in memory as it is on the disk.
 *
 * | part | type | of |
 * | --- | --- | --- |
 * | header | 4 × u32 | version, checksum of what follows it, number rows N, histogram rows H |
 * | value | f64 | N |
 * | sum | f64 | H |
 * | min, max: their second to fifth byte | u32 each | H |
 * | series, as the difference from the row before | numbers | N, then H |
 * | first byte of min, of max | numbers | H each |
 * | first cell, number of cells, scale, width of a count | numbers | H each |
 * | widths of groups of counts | numbers | groups of all rows that have such |
 * | counts, from the next multiple of eight bytes on | groups, u8, u16, u32 or f64 | |
 * | nothing | 4 bytes | |
 *
 * "Numbers" are columns of `packed-numbers`, "groups" those of `count-groups`. Cells before the first and after the last
 * count that is not zero are not kept, nor are the last three bytes of extremes: eight digits stay, whole numbers to 2^28
 * as they are; the rest is noise that no answer shows. Little-endian, as every platform that Node runs on.
 *
 * Versions 1 and 2 are those of earlier stores; there is no 3, so that no single bit makes one version of another.
 */
export const VERSION = 4;
export const HEADER_BYTES = 16;
/** The checksum is of everything from here on. */
export const CHECKED_FROM = 8;
/** Reading numbers and groups looks ahead. */
export const AHEAD_BYTES = 4;

/** Widths of a count: each group of counts has its own, or as the exponent of its bytes, and one more. */
export const GROUPS = 0;
export const ONE = 1;
export const TWO = 2;
export const FOUR = 3;
export const EIGHT = 4;

/** Where counts of a width may begin from `at` on. */
export function aligned(at: number, width: number): number {
  const align = width === GROUPS ? 0 : (1 << (width - 1)) - 1;
  return (at + align) & ~align;
}
