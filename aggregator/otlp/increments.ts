/** Takes what was added to a series in one minute: always increments, never totals. */
export interface IncrementSink {
  number(series: number, minute: number, value: number): void;
  /** `n` bucket counts stand in `from` at `at`. */
  explicit(
    series: number,
    minute: number,
    sum: number,
    min: number,
    max: number,
    from: Float64Array,
    at: number,
    n: number,
  ): void;
  /** The first of `n` bucket counts has index `offset` at `scale`; `zero` values are too small to have a bucket. */
  exponential(
    series: number,
    minute: number,
    sum: number,
    min: number,
    max: number,
    scale: number,
    zero: number,
    offset: number,
    from: Float64Array,
    at: number,
    n: number,
  ): void;
  /** Edges of the interned list `bounds`. */
  edges(bounds: number): ArrayLike<number>;
}

/** Finest scale that is kept: 16 buckets to the doubling, each 4.4 % wide. */
export const MAX_SCALE = 4;
