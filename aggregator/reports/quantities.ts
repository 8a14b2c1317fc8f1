import type { Histogram } from '../domain/histogram.ts';
import { mean, quantiles } from '../domain/histogram.ts';

/** Bodies show two decimals; what is compared with a threshold is never rounded. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Ratios of objectives are shown with six decimals: a millionth is one bad event of a million. */
export function roundedRatio(value: number): number {
  return Math.round(value * 1e6) / 1e6;
}

/** Seconds as the milliseconds of bodies; 0 where there is nothing, as the contract says. */
export function milliseconds(seconds: number | undefined): number {
  return rounded((seconds ?? 0) * 1000);
}

/** Seconds as milliseconds; null where there is nothing. */
export function millisecondsOrNull(seconds: number | undefined): number | null {
  return seconds === undefined ? null : milliseconds(seconds);
}

/** A ratio in percent; null where there is nothing. */
export function percentOrNull(ratio: number | undefined): number | null {
  return ratio === undefined ? null : rounded(100 * ratio);
}

/** part / whole in percent, 0 without a whole. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? rounded((100 * part) / whole) : 0;
}

/** What people ask of durations, in seconds; undefined without values. */
export interface DurationSummary {
  readonly mean: number | undefined;
  readonly p50: number | undefined;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
  readonly max: number | undefined;
}

export function summarise(h: Histogram): DurationSummary {
  const [p50, p95, p99, highest] = quantiles(h, [0.5, 0.95, 0.99, 1]);
  // A sender may leave the maximum out.
  return { mean: mean(h), p50, p95, p99, max: Number.isFinite(h.max) ? h.max : highest };
}

/** Largest number first; equal ones by name, so that an answer is the same whenever its data is. */
export function descending<Item>(
  items: Iterable<Item>,
  number: (item: Item) => number,
  name: (item: Item) => string,
): Item[] {
  return [...items].sort((a, b) => number(b) - number(a) || (name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : 0));
}
