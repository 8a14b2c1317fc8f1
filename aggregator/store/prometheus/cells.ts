/** Histograms as the domain knows them, from what Prometheus and VictoriaMetrics answer. */
import { EMPTY_HISTOGRAM, type Histogram, merge } from '../../domain/histogram.ts';
import type { Cell, NativeHistogram } from './samples.ts';

/** One classic bucket: all values up to `le`, or the cell that VictoriaMetrics names `lower...upper`. */
export interface Bucket {
  readonly le: string;
  readonly vmrange: string;
  readonly count: number;
}

/** Prometheus keeps no smallest and largest value: they are the outermost edges of cells with values. */
export function histogramOf(cells: readonly Cell[], sum: number): Histogram {
  const layers: Cell[][] = [];
  for (const cell of cells.toSorted((a, b) => a.lower - b.lower || a.upper - b.upper)) {
    if (!(cell.count > 0)) continue;
    // Cells of several scales may overlap; those of one never do.
    const layer = layers.find((known) => known[known.length - 1].upper <= cell.lower);
    if (layer === undefined) layers.push([cell]);
    else layer.push(cell);
  }
  const whole = layers.map(layerHistogram).reduce(merge, EMPTY_HISTOGRAM);
  return { ...whole, sum };
}

export function nativeHistogram({ cells, sum }: NativeHistogram): Histogram {
  return histogramOf(cells.map(rounded), sum);
}

export function classicHistogram(buckets: readonly Bucket[], sum: number): Histogram {
  const ranges = buckets.filter(({ vmrange }) => vmrange !== '').map(rangeCell);
  return histogramOf([...ranges, ...cumulativeCells(buckets.filter(({ le }) => le !== ''))].map(rounded), sum);
}

/** Events are whole; `increase()` gives fractions of them. */
function rounded(cell: Cell): Cell {
  return { ...cell, count: Math.round(cell.count) };
}

function rangeCell({ vmrange, count }: Bucket): Cell {
  const [lower, upper] = vmrange.split('...');
  return { lower: Math.max(0, Number(lower)), upper: Number(upper), count };
}

/** `le` may be written in several ways, and lists of different edges make the sums fall now and then. */
function cumulativeCells(buckets: readonly Bucket[]): Cell[] {
  const upTo = new Map<number, number>();
  for (const { le, count } of buckets) upTo.set(edgeOf(le), (upTo.get(edgeOf(le)) ?? 0) + count);
  let below = 0;
  let lower = 0;
  return [...upTo]
    .sort(([a], [b]) => a - b)
    .map(([upper, count]) => {
      const total = Math.max(below, count);
      const cell = { lower: upper > lower ? lower : -Infinity, upper, count: total - below };
      below = total;
      lower = upper;
      return cell;
    });
}

function edgeOf(le: string): number {
  return le === '+Inf' ? Infinity : Number(le);
}

function layerHistogram(cells: readonly Cell[]): Histogram {
  const edges: number[] = [cells[0].lower];
  const counts: number[] = [];
  for (const { lower, upper, count } of cells) {
    if (lower > edges[edges.length - 1]) {
      edges.push(lower);
      counts.push(0);
    }
    edges.push(upper);
    counts.push(count);
  }
  const count = counts.reduce((total, each) => total + each, 0);
  return { count, sum: 0, min: edges[0], max: edges[edges.length - 1], edges, counts };
}
