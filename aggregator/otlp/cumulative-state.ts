/** Layout of a cumulative state behind START and TIME: a number's, then what histograms have beside. */
export const VALUE = 2;
export const COUNT = 2;
export const BOUNDS = 3;
export const SUM = 4;
export const CELLS = 5;
export const SCALE = 3;
export const ZERO = 5;
export const OFFSET = 6;
export const BUCKETS = 7;

/** `difference = now - before`; false, and worthless, when any cell fell: the sender began anew. */
export function subtract(
  now: Float64Array,
  nowAt: number,
  before: Float64Array,
  beforeAt: number,
  difference: Float64Array,
  n: number,
): boolean {
  for (let i = 0; i < n; i++) {
    const d = now[nowAt + i] - before[beforeAt + i];
    if (d < 0) return false;
    difference[i] = d;
  }
  return true;
}

/**
 * Makes `n` buckets, the first with index `offset`, as wide as `shift` halvings of the scale say: `length` of them, the
 * first with index `first`, at the beginning of `folded`.
 */
export function fold(
  from: Float64Array,
  at: number,
  n: number,
  offset: number,
  shift: number,
  folded: Float64Array,
  first: number,
  length: number,
): void {
  if (shift === 0) {
    for (let i = 0; i < n; i++) folded[i] = from[at + i];
    return;
  }
  folded.fill(0, 0, length);
  for (let i = 0; i < n; i++) folded[((offset + i) >> shift) - first] += from[at + i];
}

/** Folds the buckets of a cumulative state down to a coarser scale, in place. */
export function foldState(kept: Float64Array, state: number, n: number, scale: number): void {
  const shift = (kept[state + SCALE] | 0) - scale;
  if (shift <= 0) return;
  const offset = kept[state + OFFSET] | 0;
  const first = offset >> shift;
  for (let i = 0; i < n; i++) {
    const count = kept[state + BUCKETS + i];
    kept[state + BUCKETS + i] = 0;
    kept[state + BUCKETS + ((offset + i) >> shift) - first] += count;
  }
  kept[state + SCALE] = scale;
  kept[state + OFFSET] = first;
}

/**
 * Writes `now - before` behind the `length` buckets of `now`; false, and worthless, when any bucket fell: the sender
 * began anew.
 */
export function subtractBuckets(
  kept: Float64Array,
  state: number,
  had: number,
  now: Float64Array,
  length: number,
  first: number,
  zero: number,
): boolean {
  if (zero < kept[state + ZERO]) return false;
  for (let i = 0; i < length; i++) now[length + i] = now[i];
  const shift = (kept[state + OFFSET] | 0) - first;
  for (let i = 0; i < had; i++) {
    const before = kept[state + BUCKETS + i];
    if (before === 0) continue;
    const to = i + shift;
    if (to < 0 || to >= length || now[to] < before) return false;
    now[length + to] -= before;
  }
  return true;
}
