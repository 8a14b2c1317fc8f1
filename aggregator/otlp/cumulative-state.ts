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

/**
 * Writes `now - before` of `n` cells to `to`; false, and worthless, when any cell fell: the sender began anew.
 */
export function subtract(
  now: Float64Array,
  nowAt: number,
  kept: Float64Array,
  before: number,
  to: Float64Array,
  toAt: number,
  n: number,
): boolean {
  for (let i = 0; i < n; i++) {
    const difference = now[nowAt + i] - kept[before + i];
    if (difference < 0) return false;
    to[toAt + i] = difference;
  }
  return true;
}

/**
 * Writes `now - before` of `length` buckets to `to`, the first with index `first`; false, and worthless, when any bucket
 * fell: the sender began anew.
 * @param had buckets of the state, some of the last may be 0
 */
export function subtractBuckets(
  now: Float64Array,
  nowAt: number,
  length: number,
  first: number,
  kept: Float64Array,
  state: number,
  had: number,
  to: Float64Array,
  toAt: number,
): boolean {
  // Where the state's buckets lie among those of now; what lies outside of them must be empty.
  const shift = (kept[state + OFFSET] | 0) - first;
  const low = Math.min(Math.max(0, shift), length);
  const high = Math.max(low, Math.min(length, shift + had));
  const buckets = state + BUCKETS;
  const before = buckets + Math.min(Math.max(0, low - shift), had);
  if (!isEmpty(kept, buckets, before) || !isEmpty(kept, before + high - low, buckets + had)) return false;
  copy(now, nowAt, to, toAt, low);
  if (!subtract(now, nowAt + low, kept, before, to, toAt + low, high - low)) return false;
  copy(now, nowAt + high, to, toAt + high, length - high);
  return true;
}

function isEmpty(cells: Float64Array, from: number, end: number): boolean {
  for (let i = from; i < end; i++) if (cells[i] !== 0) return false;
  return true;
}

/** A loop: of so few a call would take longer. */
export function copy(from: Float64Array, at: number, to: Float64Array, toAt: number, n: number): void {
  for (let i = 0; i < n; i++) to[toAt + i] = from[at + i];
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
