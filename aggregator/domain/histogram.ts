/** Adjoining cells as a part of longer arrays, so that nobody has to copy them out. */
export interface CellRange {
  /** The counts from `at` on, `n` of them. */
  readonly counts: ArrayLike<number>;
  readonly at: number;
  readonly n: number;
  /** How many cells, one or more, each count is of: it is shared out evenly over them. */
  readonly parts: number;
  /** The edges of these cells, from the first one's lower edge at `edge` on. */
  readonly edges: ArrayLike<number>;
  readonly edge: number;
}

/**
 * Histograms as the answers see them: adjoining cells with counts, however they came over the wire.
 * Cell `i` holds the values v with `edges[i] < v <= edges[i + 1]`.
 */
export interface Histogram {
  /** Number of values, >= 0. */
  readonly count: number;
  /** Sum of the values, in the metric's unit. */
  readonly sum: number;
  /** Smallest value, Infinity when there is none or it is unknown. */
  readonly min: number;
  /** Largest value, -Infinity when there is none or it is unknown. */
  readonly max: number;
  /**
   * Ascending, one more than there are counts; the first may be -Infinity or 0, the last Infinity. Views of one buffer are
   * ranges of one grid.
   */
  readonly edges: ArrayLike<number>;
  /** Values in each cell, >= 0; their sum is `count`. */
  readonly counts: ArrayLike<number>;
  /** The same cells, and perhaps empty ones at both ends, where they need not be laid out for it; absent elsewhere. */
  readonly range?: CellRange;
}

/** The histogram of no values. */
export const EMPTY_HISTOGRAM: Histogram = { count: 0, sum: 0, min: Infinity, max: -Infinity, edges: [0], counts: [] };

/**
 * The value below which a share of all values lies, interpolated inside its cell and never outside [min, max].
 * @param q share, in [0, 1]
 * @returns a value in the metric's unit, or undefined without values
 */
export function quantile(h: Histogram, q: number): number | undefined {
  return quantileFrom(h, h.range ?? rangeOf(h), q, { cell: 0, below: 0 });
}

/** The same for several shares, in one walk over the cells. @param shares ascending */
export function quantiles(h: Histogram, shares: readonly number[]): (number | undefined)[] {
  const place = { cell: 0, below: 0 };
  const range = h.range ?? rangeOf(h);
  return shares.map((share) => quantileFrom(h, range, share, place));
}

function rangeOf({ edges, counts }: Histogram): CellRange {
  return { counts, at: 0, n: counts.length, parts: 1, edges, edge: 0 };
}

/**
 * Counts that were shared out add up to a whole number but for the last digits, which depend on the order: where a share is
 * reached at the end of a cell, they must not decide whether the next value, however far, is taken.
 */
const REACHED = 1 - 1e-12;

/** A cell, and the values of those before it. */
interface Place {
  cell: number;
  below: number;
}

/** @param place a count, none before which reaches the share; moved on to the one that does */
function quantileFrom(h: Histogram, range: CellRange, q: number, place: Place): number | undefined {
  if (!(h.count > 0)) return undefined;
  const { counts, at, n, parts, edges, edge } = range;
  const rank = q * h.count;
  let { cell, below } = place;
  const reached = rank * REACHED;
  while (cell < n && (below + counts[at + cell] < reached || counts[at + cell] === 0)) below += counts[at + cell++];
  place.cell = cell;
  place.below = below;
  if (cell === n) return Number.isFinite(h.max) ? h.max : undefined;
  const inPart = counts[at + cell] / parts;
  const part = parts === 1 ? 0 : Math.min(parts - 1, Math.max(0, Math.ceil((rank - below) / inPart) - 1));
  const lowerEdge = edge + cell * parts + part;
  const lower = clampToRange(h, edges[lowerEdge]);
  const upper = clampToRange(h, edges[lowerEdge + 1]);
  if (!Number.isFinite(upper)) return Number.isFinite(lower) ? lower : undefined;
  if (!Number.isFinite(lower)) return upper;
  // The last digits that `REACHED` passes over may be more than the whole of a small count.
  return lower + (upper - lower) * Math.min(1, Math.max(0, (rank - below - part * inPart) / inPart));
}

/** Values up to a threshold, and whether their number is exact. */
export interface CountAtMost {
  readonly count: number;
  readonly exact: boolean;
}

/** How many values are at most `threshold`; interpolated when the threshold is not an edge. */
export function countAtMost(h: Histogram, threshold: number): CountAtMost {
  return countFrom(h, threshold, { cell: 0, below: 0 });
}

/** The same for several thresholds, in one walk over the cells. @param thresholds ascending */
export function countsAtMost(h: Histogram, thresholds: readonly number[]): CountAtMost[] {
  const place = { cell: 0, below: 0 };
  return thresholds.map((threshold) => countFrom(h, threshold, place));
}

/** @param place a cell, none before which reaches the threshold, and the values of those; moved on to the threshold's */
function countFrom(h: Histogram, threshold: number, place: Place): CountAtMost {
  if (h.count === 0 || (h.max !== -Infinity && threshold >= h.max)) return { count: h.count, exact: true };
  if (h.min !== Infinity && threshold < h.min) return { count: 0, exact: true };
  const { edges, counts } = h;
  let { cell, below } = place;
  while (cell < counts.length && edges[cell + 1] < threshold && !isSameEdge(edges[cell + 1], threshold))
    below += counts[cell++];
  place.cell = cell;
  place.below = below;
  if (cell === counts.length) return { count: below, exact: true };
  const upper = edges[cell + 1];
  const inCell = counts[cell];
  if (isSameEdge(upper, threshold)) return { count: below + inCell, exact: true };
  const lower = clampToRange(h, edges[cell]);
  const top = clampToRange(h, upper);
  if (inCell === 0 || threshold <= lower) return { count: below, exact: true };
  if (!Number.isFinite(top) || !Number.isFinite(lower)) return { count: below, exact: false };
  return { count: below + (inCell * (threshold - lower)) / (top - lower), exact: false };
}

/** The arithmetic mean, or undefined without values. */
export function mean(h: Histogram): number | undefined {
  return h.count > 0 ? h.sum / h.count : undefined;
}

/**
 * Adds two histograms on the union of their edges. A cell that the union splits is shared out by width, so the counts of
 * the result may be fractions where the edges differ; with the same edges, or adjoining ranges of one grid, it is exact.
 */
export function merge(a: Histogram, b: Histogram): Histogram {
  if (a.count === 0 || a.counts.length === 0) return addTotals(b, a, b.edges, b.counts);
  if (b.count === 0 || b.counts.length === 0) return addTotals(a, b, a.edges, a.counts);
  if (a.edges instanceof Float64Array && b.edges instanceof Float64Array && a.edges.buffer === b.edges.buffer)
    return mergeOnGrid(a, a.edges, b, b.edges);
  const edges = unionOfEdges(a.edges, b.edges);
  const counts = new Float64Array(edges.length - 1);
  spread(a, edges, counts);
  spread(b, edges, counts);
  return addTotals(a, b, edges, counts);
}

/** The same for ranges of one grid: no edge has to be looked at. */
function mergeOnGrid(a: Histogram, aEdges: Float64Array, b: Histogram, bEdges: Float64Array): Histogram {
  const first = Math.min(aEdges.byteOffset, bEdges.byteOffset);
  const end = Math.max(aEdges.byteOffset + aEdges.byteLength, bEdges.byteOffset + bEdges.byteLength);
  const edges = new Float64Array(aEdges.buffer, first, (end - first) / aEdges.BYTES_PER_ELEMENT);
  const counts = new Float64Array(edges.length - 1);
  addAt(counts, (aEdges.byteOffset - first) / aEdges.BYTES_PER_ELEMENT, a.counts);
  addAt(counts, (bEdges.byteOffset - first) / bEdges.BYTES_PER_ELEMENT, b.counts);
  return addTotals(a, b, edges, counts);
}

function addAt(to: Float64Array, at: number, counts: ArrayLike<number>): void {
  for (let i = 0; i < counts.length; i++) to[at + i] += counts[i];
}

function addTotals(a: Histogram, b: Histogram, edges: ArrayLike<number>, counts: ArrayLike<number>): Histogram {
  return {
    count: a.count + b.count,
    sum: a.sum + b.sum,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    edges,
    counts,
  };
}

function unionOfEdges(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const next = j >= b.length || (i < a.length && a[i] <= b[j]) ? a[i++] : b[j++];
    if (out.length === 0 || !isSameEdge(out[out.length - 1], next)) out.push(next);
  }
  return out;
}

/** Adds the counts of `h` to cells whose edges contain those of `h`. */
function spread(h: Histogram, edges: readonly number[], counts: Float64Array): void {
  const from = h.edges;
  const inCells = h.counts;
  let first = 0;
  for (let i = 0; i < inCells.length; i++) {
    while (!isSameEdge(edges[first], from[i])) first++;
    let last = first;
    while (!isSameEdge(edges[last + 1], from[i + 1])) last++;
    const width = edges[last + 1] - edges[first];
    if (first === last) counts[first] += inCells[i];
    else if (!Number.isFinite(width)) counts[Number.isFinite(edges[first]) ? first : last] += inCells[i];
    else for (let c = first; c <= last; c++) counts[c] += (inCells[i] * (edges[c + 1] - edges[c])) / width;
    first = last + 1;
  }
}

/** A minimum or maximum that no sender told, as OTLP allows, stays that of no values, and bounds nothing. */
function clampToRange(h: Histogram, value: number): number {
  const raised = h.min === Infinity ? value : Math.max(value, h.min);
  return h.max === -Infinity ? raised : Math.min(raised, h.max);
}

/** Edges of one grid computed in two ways may differ in their last bits. */
function isSameEdge(a: number, b: number): boolean {
  return (
    a === b ||
    (Number.isFinite(a) && Number.isFinite(b) && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b)))
  );
}
