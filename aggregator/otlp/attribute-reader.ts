import type { Json, Nested, RawAttributes, RawValue } from './attributes.ts';
import { BYTES, FIXED64, malformed, VARINT, type WireReader } from './wire.ts';

/** Attributes of one message, read from protobuf, and whether there was more in it than attributes. */
export interface ReadAttributes {
  readonly attributes: RawAttributes;
  /** Fields of unknown numbers with strings or messages in them: nobody knows what they hold. */
  readonly hasUnknown: boolean;
}

const MAX_DEPTH = 100;

/** Reads the KeyValue fields numbered `field` of the message between two indexes. @throws BodyError */
export function readAttributes(reader: WireReader, start: number, end: number, field: number): ReadAttributes {
  const attributes: (readonly [string, RawValue])[] = [];
  const more = { unknown: false };
  reader.pos = start;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === field * 8 + BYTES) {
      const inner = reader.payloadEnd(end);
      attributes.push(readKeyValue(reader, inner, more, 0));
    } else passUnknown(reader, tag, end, more);
  }
  return { attributes, hasUnknown: more.unknown };
}

interface More {
  unknown: boolean;
}

function passUnknown(reader: WireReader, tag: number, end: number, more: More): void {
  if ((tag & 7) === BYTES) more.unknown = true;
  reader.pass(tag & 7, end);
}

function readKeyValue(reader: WireReader, end: number, more: More, depth: number): readonly [string, RawValue] {
  let key = '';
  let keys = 0;
  let value: RawValue = { json: null, opaque: false };
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 1 * 8 + BYTES) {
      const inner = reader.payloadEnd(end);
      key = reader.text(reader.pos, inner);
      reader.pos = inner;
      if (++keys > 1) more.unknown = true;
    } else if (tag === 2 * 8 + BYTES) value = readAnyValue(reader, reader.payloadEnd(end), more, depth + 1);
    else passUnknown(reader, tag, end, more);
  }
  return [key, value];
}

/** Reads an AnyValue; of several alternatives the last counts, as in protobuf. */
function readAnyValue(reader: WireReader, end: number, more: More, depth: number): RawValue {
  if (depth > MAX_DEPTH) malformed();
  let value: RawValue = { json: null, opaque: false };
  let alternatives = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    const field = tag >>> 3;
    if (field > 7) {
      passUnknown(reader, tag, end, more);
      continue;
    }
    if (++alternatives > 1) more.unknown = true;
    if (tag === 2 * 8 + VARINT) value = reader.varint(end) !== 0;
    else if (tag === 3 * 8 + VARINT) value = readInt64(reader, end);
    else if (tag === 4 * 8 + FIXED64) {
      if (reader.pos + 8 > end) malformed();
      value = reader.readDouble();
    } else if ((tag & 7) === BYTES) value = readLong(reader, field, reader.payloadEnd(end), more, depth);
    else malformed();
  }
  return value;
}

function readInt64(reader: WireReader, end: number): number {
  const at = reader.pos;
  reader.varint(end);
  reader.pos = at;
  return reader.readVarint(true);
}

/** A string, bytes, an array or a map. */
function readLong(reader: WireReader, field: number, end: number, more: More, depth: number): RawValue {
  const start = reader.pos;
  if (field === 5) return readArray(reader, end, more, depth);
  if (field === 6) return readMap(reader, end, more, depth);
  reader.pos = end;
  if (field === 1) return reader.text(start, end);
  if (field !== 7) malformed();
  return { json: Buffer.from(reader.buf.subarray(start, end)).toString('base64'), opaque: true };
}

function readArray(reader: WireReader, end: number, more: More, depth: number): Nested {
  const json: Json[] = [];
  let opaque = false;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag !== 1 * 8 + BYTES) {
      passUnknown(reader, tag, end, more);
      continue;
    }
    const value = readAnyValue(reader, reader.payloadEnd(end), more, depth + 1);
    opaque ||= typeof value === 'object' && value.opaque;
    json.push(typeof value === 'object' ? value.json : value);
  }
  return { json, opaque };
}

function readMap(reader: WireReader, end: number, more: More, depth: number): Nested {
  const json: Record<string, Json> = Object.create(null);
  let opaque = false;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag !== 1 * 8 + BYTES) {
      passUnknown(reader, tag, end, more);
      continue;
    }
    const [key, value] = readKeyValue(reader, reader.payloadEnd(end), more, depth + 1);
    opaque ||= key in json || (typeof value === 'object' && value.opaque);
    json[key] = typeof value === 'object' ? value.json : value;
  }
  return { json, opaque };
}
