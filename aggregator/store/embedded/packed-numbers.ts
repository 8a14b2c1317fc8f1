/**
 * A column of whole numbers of 32 bits at most: the smallest, i32; how many bits the largest difference from it has, u8;
 * and the difference of each in as many bits, one behind the other. Where all are the same these are five bytes.
 *
 * Reading looks up to three bytes ahead: so many must follow, whatever they are.
 */
const HEADER_BYTES = 5;
/** Wider ones take whole words, so that every number lies within the four bytes that are read for it. */
const WIDEST_BITS = 25;

/** Bytes that a column of so many numbers takes at most. */
export function largestColumn(numbers: number): number {
  return HEADER_BYTES + 4 * numbers;
}

/** Writes a column to bytes that are zero. @returns where it ends */
export function writeNumbers(numbers: ArrayLike<number>, to: DataView, at: number): number {
  let smallest = numbers.length === 0 ? 0 : Infinity;
  let largest = -Infinity;
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] < smallest) smallest = numbers[i];
    if (numbers[i] > largest) largest = numbers[i];
  }
  const needed = numbers.length === 0 ? 0 : 32 - Math.clz32(largest - smallest);
  const bits = needed > WIDEST_BITS ? 32 : needed;
  to.setInt32(at, smallest, true);
  to.setUint8(at + 4, bits);
  const start = at + HEADER_BYTES;
  for (let i = 0; i < numbers.length; i++) writeBits(to, start, i * bits, numbers[i] - smallest);
  return start + Math.ceil((numbers.length * bits) / 8);
}

/** Writes a number that ends within 32 bits of the byte that it begins in. */
export function writeBits(to: DataView, at: number, bit: number, value: number): void {
  const byte = at + (bit >>> 3);
  to.setUint32(byte, to.getUint32(byte, true) | (value << (bit & 7)), true);
}

/** Where a column of so many numbers ends. */
export function endOfNumbers(n: number, from: DataView, at: number): number {
  return at + HEADER_BYTES + Math.ceil((n * from.getUint8(at + 4)) / 8);
}

/** Reads the first `n` numbers of `into`. @returns where the column ends */
export function readNumbers(into: Int32Array, n: number, from: DataView, at: number): number {
  const smallest = from.getInt32(at, true);
  const bits = from.getUint8(at + 4);
  const start = at + HEADER_BYTES;
  if (bits === 0) into.fill(smallest, 0, n);
  else if (bits <= 4) readEights(into, n, from, start, bits, smallest);
  else if (bits < 32) readEach(into, 0, n, from, start, bits, smallest);
  else for (let i = 0; i < n; i++) into[i] = smallest + from.getInt32(start + 4 * i, true);
  return start + Math.ceil((n * bits) / 8);
}

/** Eight numbers of up to four bits lie in one word. */
function readEights(into: Int32Array, n: number, from: DataView, start: number, bits: number, smallest: number): void {
  const mask = (1 << bits) - 1;
  const whole = n & ~7;
  for (let i = 0, at = start; i < whole; i += 8, at += bits) {
    const word = from.getUint32(at, true);
    into[i] = smallest + (word & mask);
    into[i + 1] = smallest + ((word >>> bits) & mask);
    into[i + 2] = smallest + ((word >>> (2 * bits)) & mask);
    into[i + 3] = smallest + ((word >>> (3 * bits)) & mask);
    into[i + 4] = smallest + ((word >>> (4 * bits)) & mask);
    into[i + 5] = smallest + ((word >>> (5 * bits)) & mask);
    into[i + 6] = smallest + ((word >>> (6 * bits)) & mask);
    into[i + 7] = smallest + ((word >>> (7 * bits)) & mask);
  }
  readEach(into, whole, n, from, start, bits, smallest);
}

function readEach(
  into: Int32Array,
  first: number,
  n: number,
  from: DataView,
  start: number,
  bits: number,
  smallest: number,
): void {
  const mask = (1 << bits) - 1;
  for (let i = first, bit = first * bits; i < n; i++, bit += bits)
    into[i] = smallest + ((from.getUint32(start + (bit >>> 3), true) >>> (bit & 7)) & mask);
}
