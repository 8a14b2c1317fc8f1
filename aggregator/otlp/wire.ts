import { PbfReader } from 'pbf';
import { BodyError } from './receiver.ts';

/** Protobuf wire types. The groups (3 and 4) were never part of OTLP and are refused. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

const MAX_VARINT_BYTES = 10;
const MAX_FIELD_NUMBER = 0x1fffffff;
export const TWO_TO_32 = 4294967296;

const utf8 = new TextDecoder('utf-8');

/** @throws BodyError always */
export function malformed(): never {
  throw new BodyError('malformed', 'The body is not a well-formed OTLP message.');
}

/** An unsigned 64-bit integer as a double, exact below 2^53. */
export function fixed64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * TWO_TO_32;
}

/** A signed 64-bit integer as a double, exact below 2^53 either way. */
export function signedFixed64(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getInt32(at + 4, true) * TWO_TO_32;
}

/** The number that protobuf's zigzag coding folded, within 32 bits. */
export function zigzag(n: number): number {
  return n % 2 === 1 ? -(n + 1) / 2 : n / 2;
}

/**
 * pbf's cursor, made to refuse what is not well-formed: pbf itself reads on beyond the end of a message, which is fine
 * for tiles of one's own and not for bodies from anywhere. Every method takes the end of the message it reads in and
 * throws `BodyError` instead of passing it.
 */
export class WireReader extends PbfReader {
  /** A varint of at most 10 bytes, unsigned; exact below 2^53. */
  varint(end: number): number {
    const { buf, pos } = this;
    if (pos >= end) malformed();
    const first = buf[pos];
    if (first < 0x80) {
      this.pos = pos + 1;
      return first;
    }
    const limit = Math.min(end, pos + MAX_VARINT_BYTES);
    let last = pos + 1;
    while (last < limit && buf[last] >= 0x80) last++;
    if (last === limit) malformed();
    return this.readVarint();
  }

  /** A field's tag: field number times 8 plus wire type. */
  tag(end: number): number {
    const at = this.pos;
    const tag = this.varint(end);
    const field = Math.floor(tag / 8);
    if (field === 0 || field > MAX_FIELD_NUMBER || (tag < 0x80 && this.pos !== at + 1)) malformed();
    return tag;
  }

  /** Reads a length; the payload then stands from `pos` to the index returned. */
  payloadEnd(end: number): number {
    if (this.pos >= end) malformed();
    let length = this.buf[this.pos];
    if (length < 0x80) this.pos++;
    else length = this.varint(end);
    const payloadEnd = this.pos + length;
    if (payloadEnd > end) malformed();
    return payloadEnd;
  }

  /** Passes over a field's value, whatever it is. */
  pass(wire: number, end: number): void {
    if (wire === VARINT) this.varint(end);
    else if (wire === BYTES) this.pos = this.payloadEnd(end);
    else if (wire === FIXED64) this.pos += 8;
    else if (wire === FIXED32) this.pos += 4;
    else malformed();
    if (this.pos > end) malformed();
  }

  /** The text between two indexes; bytes that are no UTF-8 come as U+FFFD. */
  text(start: number, end: number): string {
    return utf8.decode(this.buf.subarray(start, end));
  }
}
