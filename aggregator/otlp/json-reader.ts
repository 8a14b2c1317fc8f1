import type { Json, Nested, RawAttributes, RawValue } from './attributes.ts';
import { BodyError } from './receiver.ts';

/**
 * Reads OTLP/JSON: protobuf's JSON mapping with lowerCamelCase names, 64-bit integers as strings or numbers, enums as
 * integers, identifiers in hexadecimal. Unknown fields are passed over; null stands for an absent field. Everything
 * throws `BodyError` where a value cannot be what its field is.
 * @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
export type JsonObject = Readonly<Record<string, unknown>>;

const MAX_DEPTH = 100;
/** Alternatives of AnyValue that hold no others. */
const VALUES = ['stringValue', 'boolValue', 'intValue', 'doubleValue', 'bytesValue'];
const TEMPORALITIES = [
  'AGGREGATION_TEMPORALITY_UNSPECIFIED',
  'AGGREGATION_TEMPORALITY_DELTA',
  'AGGREGATION_TEMPORALITY_CUMULATIVE',
];
const NO_ITEMS: readonly unknown[] = [];
const NO_FIELDS: JsonObject = {};

/** @throws BodyError always */
export function malformedJson(): never {
  throw new BodyError('malformed', 'The body is not well-formed OTLP/JSON.');
}

/** The object that a body is. */
export function parseBody(body: Uint8Array): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    malformedJson();
  }
  return parsed === null ? malformedJson() : objectOf(parsed);
}

/** A message; absent, one without fields. */
export function objectOf(value: unknown): JsonObject {
  if (value === undefined || value === null) return NO_FIELDS;
  if (typeof value !== 'object' || Array.isArray(value)) malformedJson();
  return value as JsonObject;
}

/** A repeated field; absent, an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return NO_ITEMS;
  return Array.isArray(value) ? value : malformedJson();
}

/** A string; absent, ''. */
export function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : malformedJson();
}

/** An integer of any width as a double, exact below 2^53; absent, 0. */
export function integerOf(value: unknown): number {
  if (typeof value === 'string') return integerOfText(value);
  if (typeof value === 'number') return Number.isInteger(value) ? value : malformedJson();
  return value === undefined || value === null ? 0 : malformedJson();
}

function integerOfText(text: string): number {
  return /^-?\d{1,20}$/.test(text) ? Number(text) : malformedJson();
}

/** An integer that is never below zero; absent, 0. */
export function countOf(value: unknown): number {
  const count = integerOf(value);
  return count >= 0 ? count : malformedJson();
}

/** A double; absent, undefined. */
export function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (value === undefined || value === null) return undefined;
  if (value === 'NaN') return Number.NaN;
  if (value === 'Infinity') return Infinity;
  if (value === '-Infinity') return -Infinity;
  const isNumber = typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value);
  return isNumber ? Number(value) : malformedJson();
}

/** An AggregationTemporality: the specification wants the number; the name is what people write by hand. */
export function temporalityOf(value: unknown): number {
  const byName = TEMPORALITIES.indexOf(value as string);
  return byName >= 0 ? byName : integerOf(value);
}

/** A list of KeyValue. */
export function attributesOf(value: unknown): RawAttributes {
  return listOf(value).map((item) => keyValueOf(item, 0));
}

function keyValueOf(item: unknown, depth: number): readonly [string, RawValue] {
  const { key, value } = objectOf(item);
  return [textOf(key), anyValueOf(value, depth + 1)];
}

function anyValueOf(value: unknown, depth: number): RawValue {
  if (depth > MAX_DEPTH) malformedJson();
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = objectOf(value);
  if (isPresent(stringValue)) return textOf(stringValue);
  if (isPresent(boolValue)) return typeof boolValue === 'boolean' ? boolValue : malformedJson();
  if (isPresent(intValue)) return integerOf(intValue);
  if (isPresent(doubleValue)) return doubleOf(doubleValue) as number;
  if (isPresent(arrayValue)) {
    const values = listOf(objectOf(arrayValue).values).map((item) => anyValueOf(item, depth + 1));
    return { json: values.map(jsonOf), opaque: values.some(isOpaque) };
  }
  if (isPresent(kvlistValue)) return mapOf(objectOf(kvlistValue).values, depth);
  return { json: isPresent(bytesValue) ? textOf(bytesValue) : null, opaque: isPresent(bytesValue) };
}

function mapOf(value: unknown, depth: number): Nested {
  const pairs = listOf(value).map((item) => keyValueOf(item, depth));
  const json: Readonly<Record<string, Json>> = Object.fromEntries(pairs.map(([key, inner]) => [key, jsonOf(inner)]));
  return { json, opaque: pairs.some(([, inner]) => isOpaque(inner)) || Object.keys(json).length < pairs.length };
}

/** Whether a list of KeyValue, one that `attributesOf` reads, holds nothing that it does not look at. */
export function hasOnlyAttributes(value: unknown): boolean {
  return listOf(value).every((item) => {
    const { key: _, value: inner, ...more } = objectOf(item);
    return Object.keys(more).length === 0 && isWholeValue(inner);
  });
}

function isWholeValue(value: unknown): boolean {
  const [first, ...more] = Object.entries(objectOf(value));
  if (first === undefined) return true;
  const [kind, inner] = first;
  if (more.length > 0) return false;
  if (kind !== 'arrayValue' && kind !== 'kvlistValue') return VALUES.includes(kind);
  const { values, ...others } = objectOf(inner);
  if (Object.keys(others).length > 0) return false;
  return kind === 'arrayValue' ? listOf(values).every(isWholeValue) : hasOnlyAttributes(values);
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function jsonOf(value: RawValue): Json {
  return typeof value === 'object' ? value.json : value;
}

function isOpaque(value: RawValue): boolean {
  return typeof value === 'object' && value.opaque;
}
