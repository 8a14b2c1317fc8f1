import { BYTES, FIXED32, FIXED64, malformed, VARINT, type WireReader } from './wire.ts';

/**
 * What OTLP's messages look like on the wire, as far as framing goes. It serves to check what nobody reads deeply (the
 * points of unknown metrics, exemplars) and to check a whole body before anything new in it is given a number.
 * @see https://github.com/open-telemetry/opentelemetry-proto, version 1.x
 */
interface Field {
  readonly wire: number;
  /** The message inside, where it is one. A function, since messages may hold each other. */
  readonly message?: () => Message;
  /** Wire type of the elements of a repeated number, which may come packed or one by one. */
  readonly element?: number;
  /** Of fields with the same slot only one may stand in a message: where two stand, decoders disagree on what it means. */
  readonly slot?: number;
}

/** Fields by their number. */
type Message = readonly (Field | undefined)[];

const varint: Field = { wire: VARINT };
const fixed64: Field = { wire: FIXED64 };
const fixed32: Field = { wire: FIXED32 };
const bytes: Field = { wire: BYTES };
const repeated = (message: () => Message): Field => ({ wire: BYTES, message });
const once = (message: () => Message, slot = 0): Field => ({ wire: BYTES, message, slot });
function message(fields: Readonly<Record<number, Field>>): Message {
  const byNumber: (Field | undefined)[] = new Array(17).fill(undefined);
  for (const [number, field] of Object.entries(fields)) byNumber[Number(number)] = field;
  return byNumber;
}

const anyValue: Message = message({
  1: bytes,
  2: varint,
  3: varint,
  4: fixed64,
  5: once(() => arrayValue),
  6: once(() => keyValueList),
  7: bytes,
});
const arrayValue = message({ 1: repeated(() => anyValue) });
const keyValue = message({ 1: bytes, 2: once(() => anyValue) });
const attribute = repeated(() => keyValue);
const keyValueList = message({ 1: attribute });
const resourceMessage = message({ 1: attribute, 2: varint, 3: bytes });
const scopeMessage = message({ 1: bytes, 2: bytes, 3: attribute, 4: varint });
const resource = once(() => resourceMessage);
const scope = once(() => scopeMessage);

export const EXEMPLAR = message({ 2: fixed64, 3: fixed64, 4: bytes, 5: bytes, 6: fixed64, 7: attribute });
const exemplars = repeated(() => EXEMPLAR);
const numberPoint = message({
  2: fixed64,
  3: fixed64,
  4: fixed64,
  5: exemplars,
  6: fixed64,
  7: attribute,
  8: varint,
});
const histogramPoint = message({
  2: fixed64,
  3: fixed64,
  4: fixed64,
  5: fixed64,
  6: { wire: BYTES, element: FIXED64 },
  7: { wire: BYTES, element: FIXED64 },
  8: exemplars,
  9: attribute,
  10: varint,
  11: fixed64,
  12: fixed64,
});
const buckets = message({ 1: varint, 2: { wire: BYTES, element: VARINT } });
const exponentialPoint = message({
  1: attribute,
  2: fixed64,
  3: fixed64,
  4: fixed64,
  5: fixed64,
  6: varint,
  7: fixed64,
  8: once(() => buckets, 0),
  9: once(() => buckets, 1),
  10: varint,
  11: exemplars,
  12: fixed64,
  13: fixed64,
  14: fixed64,
});
const quantile = message({ 1: fixed64, 2: fixed64 });
const summaryPoint = message({
  2: fixed64,
  3: fixed64,
  4: fixed64,
  5: fixed64,
  6: repeated(() => quantile),
  7: attribute,
  8: varint,
});
const data = (point: Message): Field => {
  const dataMessage = message({ 1: repeated(() => point), 2: varint, 3: varint });
  return once(() => dataMessage);
};

export const METRIC = message({
  1: bytes,
  2: bytes,
  3: bytes,
  5: data(numberPoint),
  7: data(numberPoint),
  9: data(histogramPoint),
  10: data(exponentialPoint),
  11: data(summaryPoint),
  12: attribute,
});
const scopeMetrics = message({ 1: scope, 2: repeated(() => METRIC), 3: bytes });
const resourceMetrics = message({ 1: resource, 2: repeated(() => scopeMetrics), 3: bytes });
export const METRICS_REQUEST = message({ 1: repeated(() => resourceMetrics) });

const event = message({ 1: fixed64, 2: bytes, 3: attribute, 4: varint });
const link = message({ 1: bytes, 2: bytes, 3: bytes, 4: attribute, 5: varint, 6: fixed32 });
const status = message({ 2: bytes, 3: varint });
const span = message({
  1: bytes,
  2: bytes,
  3: bytes,
  4: bytes,
  5: bytes,
  6: varint,
  7: fixed64,
  8: fixed64,
  9: attribute,
  10: varint,
  11: repeated(() => event),
  12: varint,
  13: repeated(() => link),
  14: varint,
  15: once(() => status),
  16: fixed32,
});
const scopeSpans = message({ 1: scope, 2: repeated(() => span), 3: bytes });
const resourceSpans = message({ 1: resource, 2: repeated(() => scopeSpans), 3: bytes });
export const TRACE_REQUEST = message({ 1: repeated(() => resourceSpans) });

/** How deep these stand in a request. */
export const METRIC_DEPTH = 3;
export const EXEMPLAR_DEPTH = 6;

/** Deepest nesting, as in other implementations of protobuf: attribute values may hold each other without end. */
const MAX_DEPTH = 100;

/**
 * Checks the framing of the message from the reader's position to `end`, with all that is in it: every length, every
 * wire type, every varint.
 * @throws BodyError
 */
export function checkMessage(reader: WireReader, fields: Message, end: number, depth = 0): void {
  if (depth > MAX_DEPTH) malformed();
  let taken = 0;
  while (reader.pos < end) {
    const tag = reader.tag(end);
    const field = fields[tag >>> 3];
    const wire = tag & 7;
    if (field === undefined) reader.pass(wire, end);
    else if (field.message !== undefined) {
      if (wire !== BYTES) malformed();
      if (field.slot !== undefined) {
        if ((taken & (1 << field.slot)) !== 0) malformed();
        taken |= 1 << field.slot;
      }
      const inner = reader.payloadEnd(end);
      checkMessage(reader, field.message(), inner, depth + 1);
    } else if (wire === field.wire) {
      if (field.element === undefined) reader.pass(wire, end);
      else checkPacked(reader, field.element, reader.payloadEnd(end));
    } else if (wire === field.element) reader.pass(wire, end);
    else malformed();
  }
}

function checkPacked(reader: WireReader, element: number, end: number): void {
  while (reader.pos < end) reader.pass(element, end);
}
