import { aligned, type Columns, countBytes, EIGHT, HALF, ONE, widthFor } from './earlier-layout.ts';

/**
 * Counts of blocks of version 2: in groups of eight of a row, the last one of a row filled up with zeros. The width of a
 * group is the number of bits of its largest count, and the number of its bytes: first the lowest bits of all eight, then
 * the next ones, and so on. Neighbours are alike, so that a group fits closer than a row.
 */
const GROUP = 8;
/** Width of a group with a count of more than 32 bits: its counts are doubles. */
const DOUBLES = 64;

/** Groups of rows of so many cells. */
export function groupsOf(cells: Uint16Array): number {
  let groups = 0;
  for (const n of cells) groups += Math.ceil(n / GROUP);
  return groups;
}

/** Bytes of the counts of groups of these widths. */
export function groupBytes(widths: Uint8Array): number {
  let bytes = 0;
  for (const width of widths) bytes += width;
  return bytes;
}

/** The width of a row by the width of its widest group. */
const WIDTH_OF_BITS = Uint8Array.from({ length: DOUBLES + 1 }, (_, bits) => widthFor(2 ** bits - 1));

/** Where each row's counts begin, and their width. */
export interface Places {
  readonly pointer: Uint32Array;
  readonly width: Uint8Array;
  /** Bytes of all counts. */
  readonly used: number;
}

/** Places for the counts of rows, as groups of these widths need them. */
export function placeGroups(cells: Uint16Array, widths: Uint8Array): Places {
  const pointer = new Uint32Array(cells.length);
  const width = new Uint8Array(cells.length);
  let group = 0;
  let used = 0;
  for (let row = 0; row < cells.length; row++) {
    let bits = 0;
    for (let k = 0; k < cells[row]; k += GROUP, group++) if (widths[group] > bits) bits = widths[group];
    width[row] = WIDTH_OF_BITS[bits];
    pointer[row] = aligned(used, width[row]);
    used = pointer[row] + countBytes(cells[row], width[row]);
  }
  return { pointer, width, used };
}

/** Reads the counts, which begin at `at`, into their places. */
export function readGroups(
  { cells, width, pointer, counts }: Columns,
  widths: Uint8Array,
  from: Uint8Array,
  at: number,
): void {
  const view = new DataView(counts.buffer, counts.byteOffset, counts.byteLength);
  let group = 0;
  let next = at;
  for (let row = 0; row < cells.length; row++) {
    const n = cells[row];
    const kind = width[row];
    let to = pointer[row];
    for (let k = 0; k < n; k += GROUP) {
      const bits = widths[group++];
      const end = Math.min(GROUP, n - k);
      if (kind === HALF) readHalves(from, next, bits, view, to, (end + 1) >> 1);
      else if (kind === EIGHT) counts.set(doublesOf(from, next, bits).subarray(0, 8 * end), to);
      else if (kind === ONE && end === GROUP) readEightBytes(from, next, bits, view, to);
      else readBytes(from, next, bits, counts, to, 1 << (kind - 1), end);
      next += bits;
      to += countBytes(end, kind);
    }
  }
}

/** A group of a row that needs doubles, as such. */
function doublesOf(from: Uint8Array, at: number, bits: number): Uint8Array {
  if (bits === DOUBLES) return from.subarray(at, at + DOUBLES);
  const words = new Uint32Array(GROUP);
  readBytes(from, at, bits, new Uint8Array(words.buffer), 0, words.BYTES_PER_ELEMENT, GROUP);
  return new Uint8Array(Float64Array.from(words).buffer);
}

/** Bits of a byte, each at the beginning of a half byte of its own. */
const BIT_OF_HALF = Uint32Array.from({ length: 256 }, (_, byte) => spread(byte, 8, 4));
/** Its lower four bits, each at the beginning of a byte of its own. */
const BIT_OF_BYTE = Uint32Array.from({ length: 16 }, (_, byte) => spread(byte, 4, 8));

function spread(bits: number, n: number, apart: number): number {
  let out = 0;
  for (let i = 0; i < n; i++) out |= ((bits >> i) & 1) << (apart * i);
  return out;
}

/** Eight counts of up to four bits, as half bytes: `bytes` of them. */
function readHalves(from: Uint8Array, at: number, bits: number, to: DataView, start: number, bytes: number): void {
  let eight = 0;
  for (let bit = 0; bit < bits; bit++) eight |= BIT_OF_HALF[from[at + bit]] << bit;
  if (bytes === 4) to.setUint32(start, eight, true);
  else for (let i = 0; i < bytes; i++, eight >>>= 8) to.setUint8(start + i, eight);
}

/** Eight counts of up to eight bits. */
function readEightBytes(from: Uint8Array, at: number, bits: number, to: DataView, start: number): void {
  let low = 0;
  let high = 0;
  for (let bit = 0; bit < bits; bit++) {
    const plane = from[at + bit];
    low |= BIT_OF_BYTE[plane & 15] << bit;
    high |= BIT_OF_BYTE[plane >> 4] << bit;
  }
  to.setUint32(start, low, true);
  to.setUint32(start + 4, high, true);
}

/** `n` counts of `size` bytes each: byte by byte, eight counts of each at a time. */
function readBytes(
  from: Uint8Array,
  at: number,
  bits: number,
  to: Uint8Array,
  start: number,
  size: number,
  n: number,
): void {
  for (let byte = 0; 8 * byte < bits; byte++) {
    let low = 0;
    let high = 0;
    const planes = Math.min(8, bits - 8 * byte);
    for (let bit = 0; bit < planes; bit++) {
      const plane = from[at + 8 * byte + bit];
      low |= BIT_OF_BYTE[plane & 15] << bit;
      high |= BIT_OF_BYTE[plane >> 4] << bit;
    }
    const base = start + byte;
    for (let i = 0; i < n; i++) {
      to[base + size * i] = low;
      low = (low >>> 8) | (high << 24);
      high >>>= 8;
    }
  }
}
