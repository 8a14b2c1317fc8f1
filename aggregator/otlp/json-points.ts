import { EXPLICIT, EXPONENTIAL, NUMBER } from './batch.ts';
import { countOf, doubleOf, integerOf, type JsonObject, listOf, malformedJson, objectOf } from './json-reader.ts';
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

/** Points of OTLP/JSON, each written as the record at `at` of an array that has room for it; see `judgement.ts`. */

const TEMPORALITIES = [
  'AGGREGATION_TEMPORALITY_UNSPECIFIED',
  'AGGREGATION_TEMPORALITY_DELTA',
  'AGGREGATION_TEMPORALITY_CUMULATIVE',
];

/** An AggregationTemporality: the specification wants the number; the name is what people write by hand. */
export function temporalityOf(value: unknown): number {
  const byName = TEMPORALITIES.indexOf(value as string);
  return byName >= 0 ? byName : integerOf(value);
}

/** @returns whether the point has a value */
export function readNumber(values: Float64Array, at: number, point: JsonObject): boolean {
  readTimes(values, at, NUMBER, point);
  const isInteger = (point.asInt ?? null) !== null;
  const value = isInteger ? integerOf(point.asInt) : doubleOf(point.asDouble);
  values[at + VALUE] = value ?? 0;
  return value !== undefined;
}

/** @returns the bucket edges, and the sum of the bucket counts */
export function readExplicit(
  values: Float64Array,
  at: number,
  point: JsonObject,
): { readonly edges: readonly number[]; readonly total: number } {
  readTotals(values, at, EXPLICIT, point);
  const counts = listOf(point.bucketCounts);
  const edges = listOf(point.explicitBounds).map((edge) => doubleOf(edge) ?? malformedJson());
  values[at + EXPLICIT_N] = counts.length;
  return { edges, total: readCounts(values, at + EXPLICIT_COUNTS, counts) };
}

/** @returns the sum of all bucket counts and the zero count */
export function readExponential(values: Float64Array, at: number, point: JsonObject): number {
  readTotals(values, at, EXPONENTIAL, point);
  const positive = objectOf(point.positive);
  const counts = listOf(positive.bucketCounts);
  const positives = readCounts(values, at + EXPONENTIAL_COUNTS, counts);
  let negatives = 0;
  for (const count of listOf(objectOf(point.negative).bucketCounts)) negatives += countOf(count);
  values[at + SCALE] = integerOf(point.scale);
  values[at + ZERO_COUNT] = countOf(point.zeroCount) + negatives;
  values[at + OFFSET] = integerOf(positive.offset);
  values[at + EXPONENTIAL_N] = counts.length;
  return positives + values[at + ZERO_COUNT];
}

function readTimes(values: Float64Array, at: number, kind: number, point: JsonObject): void {
  values[at] = kind;
  values[at + START] = countOf(point.startTimeUnixNano);
  values[at + TIME] = countOf(point.timeUnixNano);
}

function readTotals(values: Float64Array, at: number, kind: number, point: JsonObject): void {
  readTimes(values, at, kind, point);
  values[at + COUNT] = countOf(point.count);
  values[at + SUM] = optional(point.sum);
  values[at + MIN] = optional(point.min);
  values[at + MAX] = optional(point.max);
}

function optional(value: unknown): number {
  const number = doubleOf(value);
  return number === undefined ? Number.NaN : presentNumber(number);
}

function readCounts(values: Float64Array, at: number, counts: readonly unknown[]): number {
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = countOf(counts[i]);
    if (i < MAX_BUCKETS) values[at + i] = count;
    total += count;
  }
  return total;
}
