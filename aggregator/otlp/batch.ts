import type { MetricName } from '@vigil/semconv';

/**
 * The staging area between decoding and applying: the points of one request, decoded completely before any of them is
 * applied, so that a request that cannot be parsed leaves no trace.
 *
 * Records stand back to back in one Float64Array that is reused from request to request:
 *
 * | kind | record |
 * | --- | --- |
 * | NUMBER | kind, stream, start, time, value |
 * | EXPLICIT | kind, stream, start, time, count, sum, min, max, bounds, n, n bucket counts |
 * | EXPONENTIAL | kind, stream, start, time, count, sum, min, max, scale, zero count, offset, n, n bucket counts |
 *
 * `start` and `time` are Unix nanoseconds as doubles (exact to 256 ns), 0 where absent; `sum`, `min`, `max` are NaN where
 * absent; `bounds` is the number of an interned list of bucket edges (`StreamTable.bounds`); negative buckets of an
 * exponential histogram are added to its zero count: every metric that Vigil knows measures something that is never
 * below zero.
 */
export const NUMBER = 0;
export const EXPLICIT = 1;
export const EXPONENTIAL = 2;

export type PointKind = typeof NUMBER | typeof EXPLICIT | typeof EXPONENTIAL;

/** Doubles of the record at `at`. */
export function recordLength(values: Float64Array, at: number): number {
  return values[at] === NUMBER ? 5 : values[at] === EXPLICIT ? 10 + values[at + 9] : 12 + values[at + 11];
}

/** Why points were not taken. The message of the partial success is made from it. */
export type RejectReason =
  | 'wrong kind of metric'
  | 'wrong unit'
  | 'no aggregation temporality'
  | 'malformed histogram'
  | 'not a finite number'
  | 'below zero'
  | 'no time'
  | 'older than 24 hours'
  | 'more than 10 minutes ahead'
  | 'too many streams'
  | 'too many different bucket edges';

/** Points that were not taken for one reason. */
export interface Rejected {
  points: number;
  /** Of which metrics, as far as they are known. */
  readonly metrics: Set<MetricName>;
}

/** Room that a batch keeps for the next body: 16 MiB. */
const MAX_IDLE_VALUES = 1 << 21;

export class PointBatch {
  /** The records. Replaced by a larger one when it must grow: never keep a reference across `reserve`. */
  values = new Float64Array(1 << 14);
  /** Used part of `values`. */
  length = 0;
  /** Records staged. */
  points = 0;
  /** Points of metrics that the registry does not know. */
  ignored = 0;
  /** Points without a recorded value (flag bit 0): neither taken nor an error. */
  empty = 0;
  /** Points that were not taken, by reason. */
  readonly rejected = new Map<RejectReason, Rejected>();
  /** True while every string of the body is known to be clean: only then may the body be journaled as received. */
  clean = true;
  /** The body holds something, and nothing that is read here. */
  isForeign = false;

  reset(): void {
    // One huge body must not keep its memory for ever.
    if (this.values.length > MAX_IDLE_VALUES) this.values = new Float64Array(1 << 14);
    this.length = 0;
    this.points = 0;
    this.ignored = 0;
    this.empty = 0;
    this.rejected.clear();
    this.clean = true;
    this.isForeign = false;
  }

  /** Makes room for `n` more values and returns the array to write to. */
  reserve(n: number): Float64Array {
    if (this.length + n > this.values.length) {
      const grown = new Float64Array(Math.max(this.values.length * 2, this.length + n));
      grown.set(this.values.subarray(0, this.length));
      this.values = grown;
    }
    return this.values;
  }

  /** @param metric whose points they are, where that is known */
  reject(reason: RejectReason, metric: MetricName | undefined, points = 1): void {
    let rejected = this.rejected.get(reason);
    if (rejected === undefined) {
      rejected = { points: 0, metrics: new Set() };
      this.rejected.set(reason, rejected);
    }
    rejected.points += points;
    if (metric !== undefined) rejected.metrics.add(metric);
  }
}
