import { EXPLICIT, EXPONENTIAL, NUMBER } from './batch.ts';
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
  presentNumber,
  SCALE,
  START,
  SUM,
  TIME,
  VALUE,
  ZERO_COUNT,
} from './judgement.ts';
import { checkMessage, EXEMPLAR, EXEMPLAR_DEPTH } from './schema.ts';
import { BYTES, FIXED64, fixed64, malformed, signedFixed64, WireReader, zigzag } from './wire.ts';

const NO_BYTES = new Uint8Array(0);
/** Bits of the field numbers that a message has; a tag of theirs that no case knows has the wrong wire type. */
const NUMBER_FIELDS = 0b1_1111_1100;
const EXPLICIT_FIELDS = 0b1_1111_1111_1100;
const EXPONENTIAL_FIELDS = 0b111_1111_1111_1110;
const BUCKETS_FIELDS = 0b110;
const EXEMPLAR_ATTRIBUTES = 7;

/**
 * Reads single points of a protobuf body, each straight into the record at `at` of an array that has room for it
 * (`RECORD_ROOM`). Beside the record it leaves behind, until the next point, what its public fields say.
 *
 * Fields may stand in any order, repeated numbers packed or not; of a number that stands twice the last counts. The
 * loops switch on whole tags (number times 8 plus wire type): every field of a point has a tag of one byte.
 */
export class PointReader {
  reader = new WireReader(NO_BYTES);
  /** Where the attribute fields of the point stand, their tags included; both -1 where there are none. */
  attributesStart = -1;
  attributesEnd = -1;
  /** Other fields stand between the attribute fields: they are to be gathered from the whole point. */
  scattered = false;
  /** Nothing was recorded: bit 0 of the flags, or a number that is missing. */
  empty = false;
  /** There may be strings in the point that are no attributes of it. */
  hasMore = false;
  /** Sum of all bucket counts and the zero count. */
  total = 0;
  /** Bucket edges of an explicit histogram: their number, and where they stand in the body; -1: in `gatheredEdges`. */
  edges = 0;
  edgesStart = -1;
  gatheredEdges = new Float64Array(64);

  open(body: Uint8Array): void {
    this.reader = new WireReader(body);
  }

  close(): void {
    this.reader = new WireReader(NO_BYTES);
  }

  /** A NumberDataPoint from `pos` to `end`. */
  number(values: Float64Array, at: number, pos: number, end: number): void {
    const { buf, dataView } = this.reader;
    this.#begin(values, at, NUMBER);
    let hasValue = false;
    while (pos < end) {
      const tag = buf[pos];
      if ((tag & 7) === FIXED64 && pos + 9 > end) malformed();
      switch (tag) {
        case 0x3a: // attributes
          pos = this.#attribute(pos, end);
          break;
        case 0x11: // start_time_unix_nano
          values[at + START] = fixed64(dataView, pos + 1);
          pos += 9;
          break;
        case 0x19: // time_unix_nano
          values[at + TIME] = fixed64(dataView, pos + 1);
          pos += 9;
          break;
        case 0x21: // as_double
          values[at + VALUE] = dataView.getFloat64(pos + 1, true);
          hasValue = true;
          pos += 9;
          break;
        case 0x31: // as_int
          values[at + VALUE] = signedFixed64(dataView, pos + 1);
          hasValue = true;
          pos += 9;
          break;
        case 0x40: // flags
          pos = this.#flags(pos, end);
          break;
        case 0x2a: // exemplars
          pos = this.#exemplar(pos, end);
          break;
        default:
          pos = this.#other(pos, end, NUMBER_FIELDS);
      }
    }
    if (!hasValue) this.empty = true;
  }

  /** A HistogramDataPoint from `pos` to `end`. The record's `bounds` are left to the caller. */
  explicit(values: Float64Array, at: number, pos: number, end: number): void {
    const { buf, dataView } = this.reader;
    this.#beginHistogram(values, at, EXPLICIT);
    let n = 0;
    while (pos < end) {
      const tag = buf[pos];
      if ((tag & 7) === FIXED64 && pos + 9 > end) malformed();
      switch (tag) {
        case 0x32: // bucket_counts, packed
          pos = this.#payload(pos, end);
          n = this.#fixedCounts(values, at + EXPLICIT_COUNTS, n, pos);
          break;
        case 0x31: // bucket_counts, one
          this.reader.pos = pos + 1;
          pos += 9;
          n = this.#fixedCounts(values, at + EXPLICIT_COUNTS, n, pos);
          break;
        case 0x3a: // explicit_bounds, packed
          pos = this.#payload(pos, end);
          this.#moreEdges(pos);
          break;
        case 0x39: // explicit_bounds, one
          this.reader.pos = pos + 1;
          pos += 9;
          this.#moreEdges(pos);
          break;
        case 0x4a: // attributes
          pos = this.#attribute(pos, end);
          break;
        case 0x50: // flags
          pos = this.#flags(pos, end);
          break;
        case 0x42: // exemplars
          pos = this.#exemplar(pos, end);
          break;
        case 0x59: // min
          values[at + MIN] = presentNumber(dataView.getFloat64(pos + 1, true));
          pos += 9;
          break;
        case 0x61: // max
          values[at + MAX] = presentNumber(dataView.getFloat64(pos + 1, true));
          pos += 9;
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
          pos = this.#attribute(pos, end);
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
          pos = this.#payload(pos, end);
          sides = addSide(sides, 1);
          this.#buckets(values, at, pos);
          break;
        case 0x4a: // negative
          pos = this.#payload(pos, end);
          sides = addSide(sides, 2);
          negative = this.#buckets(NEGATIVE, 0, pos);
          break;
        case 0x50: // flags
          pos = this.#flags(pos, end);
          break;
        case 0x5a: // exemplars
          pos = this.#exemplar(pos, end);
          break;
        case 0x61: // min
          values[at + MIN] = presentNumber(dataView.getFloat64(pos + 1, true));
          pos += 9;
          break;
        case 0x69: // max
          values[at + MAX] = presentNumber(dataView.getFloat64(pos + 1, true));
          pos += 9;
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

  #begin(values: Float64Array, at: number, kind: number): void {
    values[at] = kind;
    values[at + START] = 0;
    values[at + TIME] = 0;
    this.attributesStart = -1;
    this.attributesEnd = -1;
    this.scattered = false;
    this.empty = false;
    this.hasMore = false;
  }

  #beginHistogram(values: Float64Array, at: number, kind: number): void {
    this.#begin(values, at, kind);
    values[at + COUNT] = 0;
    values[at + SUM] = Number.NaN;
    values[at + MIN] = Number.NaN;
    values[at + MAX] = Number.NaN;
    this.total = 0;
    if (kind === EXPLICIT) {
      this.edges = 0;
      this.edgesStart = -1;
    } else {
      values[at + SCALE] = 0;
      values[at + OFFSET] = 0;
      values[at + EXPONENTIAL_N] = 0;
    }
  }

  /** The fields that both kinds of histogram share, and those of unknown numbers. */
  #timesAndTotals(values: Float64Array, at: number, pos: number, end: number, known: number): number {
    const { buf, dataView } = this.reader;
    switch (buf[pos]) {
      case 0x11: // start_time_unix_nano
        values[at + START] = fixed64(dataView, pos + 1);
        return pos + 9;
      case 0x19: // time_unix_nano
        values[at + TIME] = fixed64(dataView, pos + 1);
        return pos + 9;
      case 0x21: // count
        values[at + COUNT] = fixed64(dataView, pos + 1);
        return pos + 9;
      case 0x29: // sum
        values[at + SUM] = presentNumber(dataView.getFloat64(pos + 1, true));
        return pos + 9;
      default:
        return this.#other(pos, end, known);
    }
  }

  /** Reads the length after the tag at `pos`. @returns the payload's end; the reader stands at its start */
  #payload(pos: number, end: number): number {
    this.reader.pos = pos + 1;
    return this.reader.payloadEnd(end);
  }

  #attribute(pos: number, end: number): number {
    const to = this.#payload(pos, end);
    if (this.attributesEnd === pos) this.attributesEnd = to;
    else if (this.attributesStart < 0) {
      this.attributesStart = pos;
      this.attributesEnd = to;
    } else this.scattered = true;
    return to;
  }

  #flags(pos: number, end: number): number {
    this.reader.pos = pos + 1;
    this.empty = this.reader.varint(end) % 2 === 1;
    return this.reader.pos;
  }

  #other(pos: number, end: number, known: number): number {
    const { reader } = this;
    reader.pos = pos;
    const tag = reader.tag(end);
    if (tag < 0x80 && (known & (1 << (tag >>> 3))) !== 0) malformed();
    if ((tag & 7) === BYTES) this.hasMore = true;
    reader.pass(tag & 7, end);
    return reader.pos;
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

  /** Doubles from the reader's position to `end`: left where they are when they are the first, else gathered. */
  #moreEdges(end: number): void {
    const { dataView, pos } = this.reader;
    const n = (end - pos) / 8;
    if (!Number.isInteger(n)) malformed();
    if (n === 0) return;
    if (this.edges === 0) {
      this.edgesStart = pos;
      this.edges = n;
      return;
    }
    if (this.edgesStart >= 0) {
      const first = this.edgesStart;
      this.edgesStart = -1;
      for (let i = 0; i < this.edges; i++) this.#keepEdge(i, dataView.getFloat64(first + i * 8, true));
    }
    for (let p = pos; p < end; p += 8) this.#keepEdge(this.edges++, dataView.getFloat64(p, true));
  }

  #keepEdge(i: number, edge: number): void {
    if (i >= MAX_BUCKETS) return;
    if (i >= this.gatheredEdges.length) {
      const grown = new Float64Array(this.gatheredEdges.length * 2);
      grown.set(this.gatheredEdges);
      this.gatheredEdges = grown;
    }
    this.gatheredEdges[i] = edge;
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
        const to = this.#payload(reader.pos, end);
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
      } else this.#other(reader.pos, end, BUCKETS_FIELDS);
    }
    values[at + EXPONENTIAL_N] = n;
    return this.total - before;
  }

  /** Varints from the reader's position to `end`, as `#fixedCounts`. Most take one or two bytes, which are read here. */
  #varintCounts(values: Float64Array, at: number, n: number, end: number): number {
    const { reader } = this;
    const { buf } = reader;
    let total = this.total;
    let pos = reader.pos;
    while (pos < end) {
      let count = buf[pos];
      if (count < 0x80) pos++;
      else if (pos + 1 < end && buf[pos + 1] < 0x80) {
        count = (count & 0x7f) | (buf[pos + 1] << 7);
        pos += 2;
      } else {
        reader.pos = pos;
        count = reader.varint(end);
        pos = reader.pos;
      }
      if (n < MAX_BUCKETS) values[at + n] = count;
      total += count;
      n++;
    }
    reader.pos = pos;
    this.total = total;
    return n;
  }

  /** An exemplar matters only for the strings in it: its trace is found by the spans. */
  #exemplar(pos: number, end: number): number {
    const { reader } = this;
    const to = this.#payload(pos, end);
    const start = reader.pos;
    checkMessage(reader, EXEMPLAR, to, EXEMPLAR_DEPTH);
    reader.pos = start;
    while (reader.pos < to) {
      const tag = reader.tag(to);
      const field = tag >>> 3;
      if (field === EXEMPLAR_ATTRIBUTES || (field > EXEMPLAR_ATTRIBUTES && (tag & 7) === BYTES)) this.hasMore = true;
      reader.pass(tag & 7, to);
    }
    return to;
  }
}

/** Where the negative buckets of an exponential histogram are read to: only their sum counts. */
const NEGATIVE = new Float64Array(EXPONENTIAL_COUNTS + MAX_BUCKETS);

function addSide(sides: number, side: number): number {
  if ((sides & side) !== 0) malformed();
  return sides | side;
}
