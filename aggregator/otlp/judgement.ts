import { type MetricDefinition, type MetricName, metrics } from '@vigil/semconv';
import { EXPLICIT, EXPONENTIAL, NUMBER, type PointKind, type RejectReason } from './batch.ts';
import { CUMULATIVE, DELTA, type MetricIdentity, type Temporality } from './identity.ts';

/**
 * What is taken and what is not, the same for protobuf and JSON. Points are judged as records that stand after the used
 * part of a batch (`batch.ts`), before they count. A reader writes NaN for a `sum`, `min` or `max` that is absent and
 * Infinity for one that is present and no finite number.
 */

/** OTLP's field numbers of the kinds of data in a metric. */
export const GAUGE_DATA = 5;
export const SUM_DATA = 7;
export const HISTOGRAM_DATA = 9;
export const EXPONENTIAL_DATA = 10;
export const SUMMARY_DATA = 11;

/** Most buckets in one point, explicit or exponential; SDKs send 320 at most. */
export const MAX_BUCKETS = 4096;
/** Room in a batch for any one record. */
export const RECORD_ROOM = MAX_BUCKETS + 12;

/** Indexes into a record. */
export const STREAM = 1;
export const START = 2;
export const TIME = 3;
export const VALUE = 4;
export const COUNT = 4;
export const SUM = 5;
export const MIN = 6;
export const MAX = 7;
export const BOUNDS = 8;
export const EXPLICIT_N = 9;
export const EXPLICIT_COUNTS = 10;
export const SCALE = 8;
export const ZERO_COUNT = 9;
export const OFFSET = 10;
export const EXPONENTIAL_N = 11;
export const EXPONENTIAL_COUNTS = 12;

const MIN_SCALE = -10;
const MAX_SCALE = 20;
/** Of the smallest double and above the largest, as powers of two: in buckets beyond there is no value. */
const MIN_EXPONENT = -1074;
const MAX_EXPONENT = 1024;

/** A metric as it is declared on the wire. */
export interface Descriptor {
  readonly name: string;
  readonly unit: string;
  readonly scope: string;
  /** One of OTLP's field numbers above. */
  readonly data: number;
  readonly temporality: number;
  readonly monotonic: boolean;
}

/** Why a metric's points are not taken: because of what it says, or because it is none of ours. */
export type Refusal = RefusedMetric | 'unknown';
export interface RefusedMetric {
  readonly name: MetricName;
  readonly reason: RejectReason;
}

/** @returns what the metric's points have in common, or why none of them is taken */
export function judgeMetric(descriptor: Descriptor): MetricIdentity | Refusal {
  const { name, unit, scope, data, temporality, monotonic } = descriptor;
  if (!isMetricName(name)) return 'unknown';
  const definition = metrics[name];
  const kind = kindOf(definition, data);
  if (kind === undefined) return { name, reason: 'wrong kind of metric' };
  if (unit !== '' && unit !== definition.unit) return { name, reason: 'wrong unit' };
  if (!isTemporality(temporality)) return { name, reason: 'no aggregation temporality' };
  return { name, scope, kind, temporality, monotonic: kind === NUMBER && monotonic };
}

export function isRefusal(judged: object | 'unknown'): judged is Refusal {
  return judged === 'unknown' || 'reason' in judged;
}

function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(metrics, name);
}

function isTemporality(n: number): n is Temporality {
  return n === DELTA || n === CUMULATIVE;
}

function kindOf(definition: MetricDefinition, data: number): PointKind | undefined {
  if (definition.kind === 'counter') return data === SUM_DATA ? NUMBER : undefined;
  if (data === HISTOGRAM_DATA) return EXPLICIT;
  return data === EXPONENTIAL_DATA ? EXPONENTIAL : undefined;
}

/** Judges a NUMBER record. @param monotonic whether the sum never falls */
export function numberProblem(values: Float64Array, at: number, monotonic: boolean): RejectReason | undefined {
  if (values[at + TIME] === 0) return 'no time';
  if (!Number.isFinite(values[at + VALUE])) return 'not a finite number';
  return monotonic && values[at + VALUE] < 0 ? 'below zero' : undefined;
}

/**
 * Judges an EXPLICIT record, its `bounds` apart.
 * @param edges number of bucket edges
 * @param total sum of the bucket counts
 */
export function explicitProblem(
  values: Float64Array,
  at: number,
  edges: number,
  total: number,
): RejectReason | undefined {
  const n = values[at + EXPLICIT_N];
  if (values[at + TIME] === 0) return 'no time';
  if (n === 0 && edges === 0) {
    // Totals only: all values lie in one bucket without edges, which is the other way to say so.
    values[at + EXPLICIT_N] = 1;
    values[at + EXPLICIT_COUNTS] = values[at + COUNT];
  } else if (n > MAX_BUCKETS || n !== edges + 1 || total !== values[at + COUNT]) return 'malformed histogram';
  return totalsProblem(values, at);
}

/** Judges an EXPONENTIAL record. @param total sum of the bucket counts and the zero count */
export function exponentialProblem(values: Float64Array, at: number, total: number): RejectReason | undefined {
  if (values[at + TIME] === 0) return 'no time';
  const n = values[at + EXPONENTIAL_N];
  const offset = values[at + OFFSET];
  const scale = values[at + SCALE];
  if (n > MAX_BUCKETS || !(scale >= MIN_SCALE && scale <= MAX_SCALE)) return 'malformed histogram';
  if (n === 0) values[at + OFFSET] = 0;
  else if (!((offset + 1) / 2 ** scale >= MIN_EXPONENT && (offset + n - 1) / 2 ** scale < MAX_EXPONENT))
    return 'malformed histogram';
  if (total !== values[at + COUNT]) return 'malformed histogram';
  return totalsProblem(values, at);
}

/** An SDK may send an infinite minimum and maximum of no values: those count as absent. */
function totalsProblem(values: Float64Array, at: number): RejectReason | undefined {
  if (values[at + COUNT] === 0) {
    if (!Number.isFinite(values[at + MIN])) values[at + MIN] = Number.NaN;
    if (!Number.isFinite(values[at + MAX])) values[at + MAX] = Number.NaN;
  }
  for (let i = at + SUM; i <= at + MAX; i++)
    if (values[i] === Infinity || values[i] === -Infinity) return 'not a finite number';
  return undefined;
}

/** How a `sum`, `min` or `max` that is present is written into a record: NaN would say that it is absent. */
export function presentNumber(value: number): number {
  return Number.isNaN(value) ? Infinity : value;
}

/** Whether these can be the edges of buckets: finite and strictly ascending. */
export function areEdges(edges: ArrayLike<number>, n: number): boolean {
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(edges[i])) return false;
    if (i > 0 && edges[i] <= edges[i - 1]) return false;
  }
  return true;
}
