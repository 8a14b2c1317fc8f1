/**
 * Takes what was added to a series in one minute: always increments, never totals. Histograms come as records of a batch
 * (`batch.ts`), of which what says whose and when they are is not looked at: a number that is handed over becomes an object.
 */
export interface IncrementSink {
  number(series: number, minute: number, value: number): void;
  /** An EXPLICIT record stands in `values` at `at`. */
  explicit(series: number, minute: number, values: Float64Array, at: number): void;
  /** An EXPONENTIAL record stands in `values` at `at`. */
  exponential(series: number, minute: number, values: Float64Array, at: number): void;
  /** Edges of the interned list `bounds`. */
  edges(bounds: number): ArrayLike<number>;
}

/** Finest scale that is kept: 16 buckets to the doubling, each 4.4 % wide. */
export const MAX_SCALE = 4;
