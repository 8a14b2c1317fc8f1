import { writeBits } from './packed-numbers.ts';

/**
 * Counts below 2^16 in groups of eight of a row, the last one of a row filled up with zeros. Neighbours are alike, so that
 * a group fits closer than a row: the width of a group is the number of bits of its largest count, and the number of its
 * bytes. First come the four counts at even places, then those at odd ones: two are read at a time, as the halves of a word.
 */
export const GROUP = 8;
export const LARGEST_IN_GROUPS = 2 ** 16 - 1;

/** Writes up to eight counts to bytes that are zero. @returns their width in bits, which is also the number of bytes */
export function writeGroup(from: ArrayLike<number>, at: number, n: number, to: DataView, next: number): number {
  let largest = 0;
  for (let i = 0; i < n; i++) if (from[at + i] > largest) largest = from[at + i];
  const bits = 32 - Math.clz32(largest);
  for (let i = 0; i < n; i++) writeBits(to, next, placeOf(i) * bits, from[at + i]);
  return bits;
}

export function placeOf(i: number): number {
  return (i & 1) * (GROUP >> 1) + (i >> 1);
}

/** Reads eight counts as four words. */
export function readGroup(from: DataView, at: number, bits: number, into: Uint32Array, to: number): void {
  if (bits <= 4) readNibbles(from.getUint32(at, true), bits, into, to);
  else if (bits <= 8) readBytes(from, at, bits, into, to);
  else
    for (let i = 0, mask = (1 << bits) - 1; i < GROUP; i += 2) {
      const low = placeOf(i) * bits;
      const high = placeOf(i + 1) * bits;
      into[to + (i >> 1)] =
        ((from.getUint32(at + (low >> 3), true) >>> (low & 7)) & mask) |
        (((from.getUint32(at + (high >> 3), true) >>> (high & 7)) & mask) << 16);
    }
}

function readNibbles(all: number, bits: number, into: Uint32Array, to: number): void {
  const mask = (1 << bits) - 1;
  const half = 4 * bits;
  const pairs = (all & ((1 << half) - 1)) | ((all >>> half) << 16);
  const masks = mask | (mask << 16);
  into[to] = pairs & masks;
  into[to + 1] = (pairs >>> bits) & masks;
  into[to + 2] = (pairs >>> (2 * bits)) & masks;
  into[to + 3] = (pairs >>> (3 * bits)) & masks;
}

function readBytes(from: DataView, at: number, bits: number, into: Uint32Array, to: number): void {
  const mask = (1 << bits) - 1;
  const even = from.getUint32(at, true);
  const odd = from.getUint32(at + (bits >> 1), true) >>> (4 * (bits & 1));
  into[to] = (even & mask) | ((odd & mask) << 16);
  into[to + 1] = ((even >>> bits) & mask) | (((odd >>> bits) & mask) << 16);
  into[to + 2] = ((even >>> (2 * bits)) & mask) | (((odd >>> (2 * bits)) & mask) << 16);
  into[to + 3] = ((even >>> (3 * bits)) & mask) | (((odd >>> (3 * bits)) & mask) << 16);
}
