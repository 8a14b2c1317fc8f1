import { NUMBER } from './batch.ts';
import { START, TIME, VALUE } from './judgement.ts';
import { checkMessage, EXEMPLAR, EXEMPLAR_DEPTH } from './schema.ts';
import { BYTES, FIXED64, fixed64, malformed, signedFixed64, WireReader } from './wire.ts';

const NO_BODY = new WireReader(new Uint8Array(0));
/** Bits of the numbers of a NumberDataPoint's fields. */
const NUMBER_FIELDS = 0b1_1111_1100;
const EXEMPLAR_ATTRIBUTES = 7;

/**
 * Reads single points of a protobuf body, each straight into the record at `at` of an array that has room for it
 * (`RECORD_ROOM`). Beside the record it leaves behind, until the next point, what its public fields say.
 *
 * Fields may stand in any order, repeated numbers packed or not; of a number that stands twice the last counts. The
 * loops switch on whole tags (number times 8 plus wire type): every field of a point has a tag of one byte.
 */
export class PointReader {
  reader = NO_BODY;
  /** Where the attribute fields of the point stand, their tags included; both -1 where there are none. */
  attributesStart = -1;
  attributesEnd = -1;
  /** Other fields stand between the attribute fields: they are to be gathered from the whole point. */
  scattered = false;
  /** Nothing was recorded: bit 0 of the flags, or a number that is missing. */
  empty = false;
  /** There may be strings in the point that are no attributes of it. */
  hasMore = false;

  open(body: Uint8Array): void {
    this.reader = new WireReader(body);
  }

  close(): void {
    this.reader = NO_BODY;
  }

  /** A NumberDataPoint from `pos` to `end`. */
  number(values: Float64Array, at: number, pos: number, end: number): void {
    const { buf, dataView } = this.reader;
    this.begin(values, at, NUMBER);
    let hasValue = false;
    while (pos < end) {
      const tag = buf[pos];
      if ((tag & 7) === FIXED64 && pos + 9 > end) malformed();
      switch (tag) {
        case 0x3a: // attributes
          pos = this.attribute(pos, end);
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
          pos = this.flags(pos, end);
          break;
        case 0x2a: // exemplars
          pos = this.exemplar(pos, end);
          break;
        default:
          pos = this.other(pos, end, NUMBER_FIELDS);
      }
    }
    if (!hasValue) this.empty = true;
  }

  protected begin(values: Float64Array, at: number, kind: number): void {
    values[at] = kind;
    values[at + START] = 0;
    values[at + TIME] = 0;
    this.attributesStart = -1;
    this.attributesEnd = -1;
    this.scattered = false;
    this.empty = false;
    this.hasMore = false;
  }

  /** Reads the length after the tag at `pos`. @returns the payload's end; the reader stands at its start */
  protected payload(pos: number, end: number): number {
    this.reader.pos = pos + 1;
    return this.reader.payloadEnd(end);
  }

  protected attribute(pos: number, end: number): number {
    const to = this.payload(pos, end);
    if (this.attributesEnd === pos) this.attributesEnd = to;
    else if (this.attributesStart < 0) {
      this.attributesStart = pos;
      this.attributesEnd = to;
    } else this.scattered = true;
    return to;
  }

  protected flags(pos: number, end: number): number {
    this.reader.pos = pos + 1;
    this.empty = this.reader.varint(end) % 2 === 1;
    return this.reader.pos;
  }

  protected other(pos: number, end: number, known: number): number {
    const { reader } = this;
    reader.pos = pos;
    const tag = reader.tag(end);
    if (tag < 0x80 && (known & (1 << (tag >>> 3))) !== 0) malformed();
    if ((tag & 7) === BYTES) this.hasMore = true;
    reader.pass(tag & 7, end);
    return reader.pos;
  }

  /** An exemplar matters only for the strings in it: its trace is found by the spans. */
  protected exemplar(pos: number, end: number): number {
    const { reader } = this;
    const to = this.payload(pos, end);
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
