import { EXPLICIT, EXPONENTIAL } from './batch.ts';
import { EdgeList } from './edge-list.ts';
import {
  COUNT,
  EXPLICIT_COUNTS,
  EXPLICIT_N,
  EXPONENTIAL_COUNTS,
  EXPONENTIAL_N,
  MAX,
  MAX_BUCKETS,
  MIN,
  OFFSET,
  SCALE,
  START,
  SUM,
  TIME,
  ZERO_COUNT,
} from './judgement.ts';
import { PointReader } from './point-reader.ts';
import { FIXED64, fixed64, malformed, TWO_TO_32, zigzag } from './wire.ts';

/** Bits of the numbers of a message's fields: a tag of one of them that no case knows has the wrong wire type. */
const EXPLICIT_FIELDS = 0b1_1111_1111_1100;
const EXPONENTIAL_FIELDS = 0b111_1111_1111_1110;
const BUCKETS_FIELDS = 0b110;

/** Reads the points of histograms, too. */
export class HistogramReader extends PointReader {
  /** Sum of all bucket counts and the zero count. */
  total = 0;
  /** Bucket edges of an explicit histogram. */
  readonly edges = new EdgeList();

  /** A HistogramDataPoint from `pos` to `end`. The record's `bounds` are left to the caller. */
  explicit(values: Float64Array, at: number, pos: number, end: number): void {
    const { buf } = this.reader;
    this.#beginHistogram(values, at, EXPLICIT);
    let n = 0;
    while (pos < end) {
      const tag = buf[pos];
      if ((tag & 7) === FIXED64 && pos + 9 > end) malformed();
      switch (tag) {
        case 0x32: // bucket_counts, packed
          pos = this.payload(pos, end);
          n = this.#fixedCounts(values, at + EXPLICIT_COUNTS, n, pos);
          break;
        case 0x31: // bucket_counts, one
          this.reader.pos = pos + 1;
          pos += 9;
          n = this.#fixedCounts(values, at + EXPLICIT_COUNTS, n, pos);
          break;
        case 0x3a: // explicit_bounds, packed
          pos = this.payload(pos, end);
          this.edges.append(this.reader, pos);
          break;
        case 0x39: // explicit_bounds, one
          this.reader.pos = pos + 1;
          pos += 9;
          this.edges.append(this.reader, pos);
          break;
        case 0x4a: // attributes
          pos = this.attribute(pos, end);
          break;
        case 0x50: // flags
          pos = this.flags(pos, end);
          break;
        case 0x42: // exemplars
          pos = this.exemplar(pos, end);
          break;
        case 0x59: // min
          pos = this.#presentNumber(values, at + MIN, pos);
          break;
        case 0x61: // max
          pos = this.#presentNumber(values, at + MAX, pos);
          break;
        default:
          pos = this.#timesAndTotals(values, at, pos, end, EXPLICIT_FIELDS);
      }
    }
    values[at + EXPLICIT_N] = n;
  }

  /** An ExponentialHistogramDataPoint from `pos` to `end`. */
  exponential(values: Float64Array, at: number, pos: number, end: number): void {
    const { buf, dataView } = this.reader;
    this.#beginHistogram(values, at, EXPONENTIAL);
    let sides = 0;
    let zeroCount = 0;
    let negative = 0;
    while (pos < end) {
      const tag = buf[pos];
      if ((tag & 7) === FIXED64 && pos + 9 > end) malformed();
      switch (tag) {
        case 0x0a: // attributes
          pos = this.attribute(pos, end);
          break;
        case 0x30: // scale
          this.reader.pos = pos + 1;
          values[at + SCALE] = zigzag(this.reader.varint(end));
          pos = this.reader.pos;
          break;
        case 0x39: // zero_count
          zeroCount = fixed64(dataView, pos + 1);
          pos += 9;
          break;
        case 0x42: // positive
          pos = this.payload(pos, end);
          sides = addSide(sides, 1);
          this.#buckets(values, at, pos);
          break;
        case 0x4a: // negative
          pos = this.payload(pos, end);
          sides = addSide(sides, 2);
          negative = this.#buckets(NEGATIVE, 0, pos);
          break;
        case 0x50: // flags
          pos = this.flags(pos, end);
          break;
        case 0x5a: // exemplars
          pos = this.exemplar(pos, end);
          break;
        case 0x61: // min
          pos = this.#presentNumber(values, at + MIN, pos);
          break;
        case 0x69: // max
          pos = this.#presentNumber(values, at + MAX, pos);
          break;
        case 0x71: // zero_threshold
          pos += 9;
          break;
        default:
          pos = this.#timesAndTotals(values, at, pos, end, EXPONENTIAL_FIELDS);
      }
    }
    this.total += zeroCount;
    values[at + ZERO_COUNT] = zeroCount + negative;
  }

  #beginHistogram(values: Float64Array, at: number, kind: number): void {
    this.begin(values, at, kind);
    values[at + COUNT] = 0;
    values[at + SUM] = Number.NaN;
    values[at + MIN] = Number.NaN;
    values[at + MAX] = Number.NaN;
    this.total = 0;
    if (kind === EXPLICIT) this.edges.clear();
    else {
      values[at + SCALE] = 0;
      values[at + OFFSET] = 0;
      values[at + EXPONENTIAL_N] = 0;
    }
  }

  /** The fields that both kinds of histogram share, and those of unknown numbers. */
  #timesAndTotals(values: Float64Array, at: number, pos: number, end: number, known: number): number {
    const { buf } = this.reader;
    switch (buf[pos]) {
      case 0x11: // start_time_unix_nano
        return this.#fixed64(values, at + START, pos);
      case 0x19: // time_unix_nano
        return this.#fixed64(values, at + TIME, pos);
      case 0x21: // count
        return this.#fixed64(values, at + COUNT, pos);
      case 0x29: // sum
        return this.#presentNumber(values, at + SUM, pos);
      default:
        return this.other(pos, end, known);
    }
  }

  /** The number behind the tag at `pos`, straight to its place: one that is handed over becomes an object. @returns its end */
  #fixed64(values: Float64Array, at: number, pos: number): number {
    const { dataView } = this.reader;
    values[at] = dataView.getUint32(pos + 1, true) + dataView.getUint32(pos + 5, true) * TWO_TO_32;
    return pos + 9;
  }

  /** `presentNumber` of the double behind the tag at `pos`, likewise. @returns its end */
  #presentNumber(values: Float64Array, at: number, pos: number): number {
    const value = this.reader.dataView.getFloat64(pos + 1, true);
    // Not Number.isNaN: it would be handed over to that.
    values[at] = value <= Infinity ? value : Infinity;
    return pos + 9;
  }

  /** Fixed64 counts from the reader's position to `end`, appended to the `n` counts from `at` on. @returns the new `n` */
  #fixedCounts(values: Float64Array, at: number, n: number, end: number): number {
    const { dataView, pos } = this.reader;
    if ((end - pos) % 8 !== 0) malformed();
    let total = this.total;
    for (let p = pos; p < end; p += 8, n++) {
      const count = fixed64(dataView, p);
      if (n < MAX_BUCKETS) values[at + n] = count;
      total += count;
    }
    this.total = total;
    return n;
  }

  /** A Buckets message from the reader's position to `end`, into the record at `at`. @returns the sum of its counts */
  #buckets(values: Float64Array, at: number, end: number): number {
    const { reader } = this;
    const before = this.total;
    let n = 0;
    values[at + OFFSET] = 0;
    while (reader.pos < end) {
      const tag = reader.buf[reader.pos];
      if (tag === 0x12) {
        // bucket_counts, packed
        const to = this.payload(reader.pos, end);
        n = this.#varintCounts(values, at + EXPONENTIAL_COUNTS, n, to);
      } else if (tag === 0x08) {
        // offset
        reader.pos++;
        values[at + OFFSET] = zigzag(reader.varint(end));
      } else if (tag === 0x10) {
        // bucket_counts, one
        reader.pos++;
        const count = reader.varint(end);
        if (n < MAX_BUCKETS) values[at + EXPONENTIAL_COUNTS + n] = count;
        this.total += count;
        n++;
      } else this.other(reader.pos, end, BUCKETS_FIELDS);
    }
    values[at + EXPONENTIAL_N] = n;
    return this.total - before;
  }

  /**
   * Varints from the reader's position to `end`, as `#fixedCounts`. Four that take a byte each are read at once, and one
   * that takes one or two bytes without asking which: there is no guessing it right.
   */
  #varintCounts(values: Float64Array, at: number, n: number, end: number): number {
    const { reader } = this;
    const { dataView } = reader;
    let pos = reader.pos;
    let total = 0;
    // As many as there is room for, whatever comes.
    const last = Math.min(end, pos + MAX_BUCKETS - n) - 4;
    while (pos <= last) {
      const word = dataView.getInt32(pos, true);
      const more = (word >> 7) & 1;
      if ((word & 0x80808080) === 0) {
        const [first, second, third, fourth] = [word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, word >>> 24];
        values[at + n] = first;
        values[at + n + 1] = second;
        values[at + n + 2] = third;
        values[at + n + 3] = fourth;
        total += first + second + third + fourth;
        n += 4;
        pos += 4;
      } else if ((more & (word >> 15)) === 0) {
        const count = (word & 0x7f) | ((word >> 1) & 0x3f80 & -more);
        values[at + n++] = count;
        total += count;
        pos += 1 + more;
      } else {
        reader.pos = pos;
        const count = reader.varint(end);
        values[at + n++] = count;
        total += count;
        pos = reader.pos;
      }
    }
    reader.pos = pos;
    while (reader.pos < end) {
      const count = reader.varint(end);
      if (n < MAX_BUCKETS) values[at + n] = count;
      total += count;
      n++;
    }
    this.total += total;
    return n;
  }
}

/** Where the negative buckets of an exponential histogram are read to: only their sum counts. */
const NEGATIVE = new Float64Array(EXPONENTIAL_COUNTS + MAX_BUCKETS);

function addSide(sides: number, side: number): number {
  if ((sides & side) !== 0) malformed();
  return sides | side;
}
