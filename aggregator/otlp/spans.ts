import type { AttributeKey } from '@vigil/semconv';
import type { MutationSpan } from '../store/port.ts';
import { readAttributes } from './attribute-reader.ts';
import { type Door, OPEN_DOOR, type RawAttributes, textOfValue } from './attributes.ts';
import { attributesOf, countOf, type JsonObject, listOf, objectOf, parseBody, textOf } from './json-reader.ts';
import type { ReceivedBody } from './receiver.ts';
import { checkMessage, TRACE_REQUEST } from './schema.ts';
import { located } from './unreadable.ts';
import { BYTES, FIXED64, VARINT, WireReader } from './wire.ts';

/** What a trace body held. */
export interface DecodedSpans {
  /** The spans of mutations, all text in them sanitised. */
  readonly spans: readonly MutationSpan[];
  /** All others: taken, and of no use here. */
  readonly ignored: number;
  /** See `PointBatch.isForeign`. */
  readonly isForeign: boolean;
}

/** Spans of other names are passed over without a look at their attributes. */
const NAME_PREFIX = 'mutation ';
const STATUS_ERROR = 2;

/** A span of either encoding, whose name begins as a mutation's does. */
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Unix nanoseconds, exact: a double would be off by up to 128. */
  readonly startNanos: bigint;
  readonly endNanos: bigint;
  readonly statusCode: number;
  readonly attributes: RawAttributes;
}

/** @throws BodyError 'malformed' when the body cannot be parsed */
export function decodeSpans(
  body: Uint8Array,
  encoding: ReceivedBody['encoding'],
  door: Door = OPEN_DOOR,
): DecodedSpans {
  const spans: MutationSpan[] = [];
  let ignored = 0;
  const take = (service: string, span: RawSpan | undefined): void => {
    const kept = span === undefined ? undefined : keep(door, service, span);
    if (kept === undefined) ignored++;
    else spans.push(kept);
  };
  const isForeign = encoding === 'json' ? visitJson(body, take) : visitProtobuf(body, take);
  return { spans, ignored, isForeign };
}

type Take = (service: string, span: RawSpan | undefined) => void;

/** @returns undefined for what is no span of a mutation: without the mutation's name, identifiers or times */
function keep(door: Door, service: string, span: RawSpan): MutationSpan | undefined {
  const text = (key: AttributeKey) => door.sanitise(attributeText(span.attributes, key));
  const mutation = text('vigil.mutation.name');
  const durationMs = Number(span.endNanos - span.startNanos) / 1e6;
  const isIdentified = /^(?!0*$)[0-9a-f]{32}$/.test(span.traceId) && /^(?!0*$)[0-9a-f]{16}$/.test(span.spanId);
  if (mutation === '' || !isIdentified || span.startNanos === 0n || !(durationMs >= 0)) return undefined;
  const byStatus = span.statusCode === STATUS_ERROR ? 'failure' : 'success';
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    service: door.sanitise(service),
    mutation,
    outcome: text('vigil.mutation.outcome') || byStatus,
    errorType: text('error.type'),
    endMs: Number(span.endNanos / 1000n) / 1000,
    durationMs,
  };
}

/** Text of the last attribute of that key; '' without one. */
function attributeText(attributes: RawAttributes, key: string): string {
  const found = attributes.findLast(([name]) => name === key);
  return found === undefined ? '' : textOfValue(found[1]);
}

/** @returns whether it holds something, and no spans */
function visitJson(body: Uint8Array, take: Take): boolean {
  const request = parse(body);
  for (const item of listOf(request.resourceSpans)) {
    const { resource, scopeSpans } = objectOf(item);
    const service = attributeText(attributesOf(objectOf(resource).attributes), 'service.name');
    for (const scope of listOf(scopeSpans))
      for (const span of listOf(objectOf(scope).spans)) take(service, readJsonSpan(objectOf(span)));
  }
  return Object.keys(request).length > 0 && !Object.hasOwn(request, 'resourceSpans');
}

function parse(body: Uint8Array): JsonObject {
  try {
    return parseBody(body);
  } catch (error) {
    throw located(error, body, 'json', undefined);
  }
}

function readJsonSpan(span: JsonObject): RawSpan | undefined {
  if (!textOf(span.name).startsWith(NAME_PREFIX)) return undefined;
  return {
    traceId: textOf(span.traceId).toLowerCase(),
    spanId: textOf(span.spanId).toLowerCase(),
    startNanos: nanosOf(span.startTimeUnixNano),
    endNanos: nanosOf(span.endTimeUnixNano),
    statusCode: statusCodeOf(objectOf(span.status).code),
    attributes: attributesOf(span.attributes),
  };
}

function nanosOf(value: unknown): bigint {
  const rounded = countOf(value);
  return BigInt(typeof value === 'string' ? value : rounded);
}

function statusCodeOf(code: unknown): number {
  return code === 'STATUS_CODE_ERROR'
    ? STATUS_ERROR
    : code === 'STATUS_CODE_OK' || code === 'STATUS_CODE_UNSET'
      ? 0
      : countOf(code);
}

/** Checks the whole body, then walks it. @returns false: what is no request for spans is not well-formed either */
function visitProtobuf(body: Uint8Array, take: Take): boolean {
  const reader = new WireReader(body);
  try {
    checkMessage(reader, TRACE_REQUEST, body.length);
  } catch (error) {
    throw located(error, body, 'protobuf', reader.pos);
  }
  reader.pos = 0;
  eachMessage(reader, 0, body.length, 1, (start, end) => {
    let service = '';
    eachMessage(reader, start, end, 1, (from, to) => {
      service = attributeText(readAttributes(reader, from, to, 1).attributes, 'service.name');
    });
    eachMessage(reader, start, end, 2, (from, to) =>
      eachMessage(reader, from, to, 2, (spanStart, spanEnd) => take(service, readSpan(reader, spanStart, spanEnd))),
    );
  });
  return false;
}

/** Calls `visit` for each length-delimited field of that number in the message between two indexes. */
function eachMessage(
  reader: WireReader,
  start: number,
  end: number,
  field: number,
  visit: (start: number, end: number) => void,
): void {
  let pos = start;
  while (pos < end) {
    reader.pos = pos;
    const tag = reader.tag(end);
    if (tag === field * 8 + BYTES) {
      pos = reader.payloadEnd(end);
      visit(reader.pos, pos);
    } else {
      reader.pass(tag & 7, end);
      pos = reader.pos;
    }
  }
}

function readSpan(reader: WireReader, start: number, end: number): RawSpan | undefined {
  let isMutation = false;
  const span = { traceId: '', spanId: '', startNanos: 0n, endNanos: 0n, statusCode: 0 };
  reader.pos = start;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 7 * 8 + FIXED64) span.startNanos = readNanos(reader);
    else if (tag === 8 * 8 + FIXED64) span.endNanos = readNanos(reader);
    else if ((tag & 7) !== BYTES) reader.pass(tag & 7, end);
    else {
      const to = reader.payloadEnd(end);
      const field = tag >>> 3;
      if (field === 1) span.traceId = hex(reader, to);
      else if (field === 2) span.spanId = hex(reader, to);
      else if (field === 5) isMutation = reader.text(reader.pos, Math.min(to, reader.pos + 9)) === NAME_PREFIX;
      else if (field === 15) span.statusCode = readStatusCode(reader, to);
      reader.pos = to;
    }
  }
  return isMutation ? { ...span, attributes: readAttributes(reader, start, end, 9).attributes } : undefined;
}

function readNanos(reader: WireReader): bigint {
  reader.pos += 8;
  return reader.dataView.getBigUint64(reader.pos - 8, true);
}

function hex(reader: WireReader, end: number): string {
  return Buffer.from(reader.buf.subarray(reader.pos, end)).toString('hex');
}

function readStatusCode(reader: WireReader, end: number): number {
  let code = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    if (tag === 3 * 8 + VARINT) code = reader.varint(end);
    else reader.pass(tag & 7, end);
  }
  return code;
}
