/**
 * By how much a budget from recording rules may differ from one that counts events. Two causes, and nothing else:
 *
 * - `increase()` over five minutes, recorded every minute, counts each event five times over, extrapolated; not so at
 *   the edges. The last minutes are counted fewer times, what a series shows first is not counted at all, and where a
 *   series rises from near zero it is not extrapolated below zero. Every event of these minutes has a weight between 0
 *   and twice that of any other: with B bad of N events, b and n of them at the edges, the ratio is off by at most
 *   (b + n·B/N) / (N - n).
 * - Events in the cell of a histogram that holds the threshold: each side may share them out in its own way, so the
 *   ratio is off by their share at most. Buckets are exposed as whole numbers, which adds one event.
 *
 * Both divided by the error budget.
 */
import type { BurnAlert } from '../../../aggregator/domain/burn-alerts.ts';
import { errorBudget } from '../../../aggregator/domain/error-budget.ts';
import type { Slo } from '../../../aggregator/reports/report.ts';
import type { ScrapedSeries } from './engine.ts';
import type { Truth } from './truth.ts';

const WINDOW_MINUTES = 5;

/** @returns the bound at the evaluation after a minute; Infinity while all that there is are edges */
export function budgetBound(slo: Slo, truth: Truth, series: readonly ScrapedSeries[]): (minute: number) => number {
  const edges = edgeMinutes(series);
  const bad = (from: number, to: number): number => {
    const total = truthTotal(truth, from, to);
    return slo.indicator.partIs === 'bad' ? truth.part(from, to) : total - truth.part(from, to);
  };
  const edgeTotals = runningSums(edges, (minute) => truthTotal(truth, minute, minute + 1));
  const edgeBad = runningSums(edges, (minute) => bad(minute, minute + 1));
  return (minute) => {
    const tail = Math.max(0, minute + 1 - WINDOW_MINUTES);
    const total = truthTotal(truth, 0, minute + 1);
    const n = edgeTotals(tail) + truthTotal(truth, tail, minute + 1);
    const b = edgeBad(tail) + bad(tail, minute + 1);
    if (n >= total) return Infinity;
    const ofEdges = (b + (n * bad(0, minute + 1)) / total) / (total - n);
    const ofCells = slo.indicator.part.atMost === undefined ? 0 : (truth.unplaced(0, minute + 1) + 1) / total;
    return (ofEdges + ofCells) / errorBudget(slo.objective);
  };
}

/**
 * Whether the ratio of an alert's window lies on its threshold: above it with the window's oldest minute, or with the
 * events that no bucket places, and below without. `increase()` of Prometheus 3 sees one interval less than the window.
 */
export function onTheLine(slo: Slo, truth: Truth, alert: BurnAlert): (minute: number) => boolean {
  const limit = alert.threshold * errorBudget(slo.objective);
  return (minute) =>
    [alert.longSeconds, alert.shortSeconds].some((seconds) => {
      const ratios = [0, 1].flatMap((less) => {
        const from = minute + 1 - seconds / 60 + less;
        const { good, total } = truth.counts(from, minute + 1);
        const off = truth.unplaced(from, minute + 1);
        return total === 0 ? [] : [(total - good - off) / total, (total - good + off) / total];
      });
      return Math.min(...ratios) <= limit && limit <= Math.max(...ratios);
    });
}

function truthTotal(truth: Truth, from: number, to: number): number {
  return truth.counts(from, to).total;
}

/** Minutes in a window over which a series begins, or rises from near zero. */
function edgeMinutes(series: readonly ScrapedSeries[]): boolean[] {
  const edges = new Array<boolean>(series[0].values.length).fill(false);
  for (const { values } of series)
    values.forEach((value, at) => {
      const first = at < WINDOW_MINUTES ? Number.NaN : values[at - WINDOW_MINUTES];
      // Extrapolated by a quarter at most: less than that above zero, and it stops there.
      const isWhole = value === first || first > (value - first) / 4;
      if (!isWhole && !Number.isNaN(value)) edges.fill(true, Math.max(0, at - WINDOW_MINUTES), at + 1);
    });
  return edges;
}

function runningSums(where: readonly boolean[], of: (minute: number) => number): (to: number) => number {
  let sum = 0;
  const before = [0, ...where.map((isIn, minute) => (sum += isIn ? of(minute) : 0))];
  return (to) => before[to];
}
