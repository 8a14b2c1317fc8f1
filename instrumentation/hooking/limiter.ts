import { OTHER } from '@vigil/semconv';

/** Lets a bounded number of distinct values through; every value beyond them becomes `_OTHER`. */
export type Limiter = (value: string) => string;

/** @param most how many distinct values pass, at least 0; the first ones seen are kept for good */
export function createLimiter(most: number): Limiter {
  const kept = new Set<string>();
  return (value) => {
    if (kept.has(value)) return value;
    if (kept.size >= most) return OTHER;
    kept.add(value);
    return value;
  };
}
