/**
 * Questions as PromQL. `increase()` extrapolates to the edges of its range and does not see a series' first value, so
 * what was added is read from the values themselves: the last one in the range less the last one before it. Series
 * whose counter began anew inside the range are the exception: those take `increase()`.
 */
import type { MetricName } from '@vigil/semconv';
import type { Question, TimeRange } from '../port.ts';
import { labelName, type ServiceLabel, seriesName, serviceMatcher, valuesMatcher } from './names.ts';

/** How long before a range the value that it began with is looked for: a sender that was silent for longer begins at 0. */
const BASELINE = '1h';
const BASELINE_AND_RANGE_MS = 3_600_000;

/** Where ranges lie: at a fixed time, or at each step of a range query. */
export interface Span {
  readonly lengthMs: number;
  /** Unix ms of the last moment that belongs to it; of each step when absent. */
  readonly lastMs?: number;
}

/** A range as PromQL has it: open to the left and closed to the right. */
export function spanOf({ fromMs, toMs }: TimeRange): Span {
  return { lengthMs: toMs - fromMs, lastMs: toMs - 1 };
}

export type Scope = Pick<Question, 'metric' | 'by' | 'service' | 'where'>;

/** What each cell of a classic histogram is told by: `vmrange` is VictoriaMetrics' own. */
const CELL_LABELS = ['le', 'vmrange'] as const;

/** Sum of what was added, by group. */
export function countExpression(scope: Scope, span: Span, label: ServiceLabel): string {
  return sumBy(labelsOf(scope, label), added(selector(scope, '', label), span));
}

export interface HistogramExpressions {
  /** Native histograms, by group. */
  readonly native: string;
  /** Explicit buckets, by group and cell. */
  readonly buckets: string;
  /** Sums of the values behind explicit buckets, by group. */
  readonly sums: string;
}

export function histogramExpressions(scope: Scope, span: Span, label: ServiceLabel): HistogramExpressions {
  const by = labelsOf(scope, label);
  return {
    native: sumBy(by, addedNative(selector(scope, '', label), span)),
    buckets: sumBy([...by, ...CELL_LABELS], added(selector(scope, '_bucket', label), span)),
    sums: sumBy(by, added(selector(scope, '_sum', label), span)),
  };
}

/** The labels of a question's groups, in its order. */
function labelsOf({ by = [] }: Pick<Scope, 'by'>, label: ServiceLabel): string[] {
  return by.map((attribute) => labelName(attribute, label));
}

function selector({ metric, service, where = {} }: Scope, suffix: string, label: ServiceLabel): string {
  const matchers = Object.entries(where).map(([attribute, values]) =>
    valuesMatcher(labelName(attribute, label), values),
  );
  if (service !== undefined) matchers.push(serviceMatcher(service, label));
  return `${seriesName(metric satisfies MetricName)}${suffix}{${matchers.join(',')}}`;
}

function sumBy(labels: readonly string[], expression: string): string {
  return `sum by (${labels.join(', ')}) (${expression})`;
}

/** A value below the one before the range says that the counter began anew at its edge: all of it was added. */
function added(series: string, span: Span): string {
  const [last, before] = ends(series, span);
  return withResets(series, span, `(${last} - ${before} >= 0) or ${nameless(last)}`, span.lengthMs);
}

/** Histograms cannot be compared: a reset at the edge is looked for as far back as the value before. */
function addedNative(series: string, span: Span): string {
  const [last, before] = ends(series, span);
  return withResets(series, span, `(${last} - ${before}) or ${nameless(last)}`, span.lengthMs + BASELINE_AND_RANGE_MS);
}

/** `last_over_time` keeps the metric's name and differences do not: VictoriaMetrics' `or` would take them for two series. */
function nameless(expression: string): string {
  return `1 * ${expression}`;
}

function ends(series: string, { lengthMs, lastMs }: Span): readonly [last: string, before: string] {
  const before =
    lastMs === undefined ? `[${BASELINE}] offset ${lengthMs}ms` : `[${BASELINE}] @ ${seconds(lastMs - lengthMs)}`;
  return [`last_over_time(${series}[${lengthMs}ms]${at(lastMs)})`, `last_over_time(${series}${before})`];
}

function withResets(series: string, { lengthMs, lastMs }: Span, exact: string, watchedMs: number): string {
  const resets = `resets(${series}[${watchedMs}ms]${at(lastMs)}) > 0`;
  return `((${exact}) unless (${resets})) or increase(${series}[${lengthMs}ms]${at(lastMs)})`;
}

function at(lastMs: number | undefined): string {
  return lastMs === undefined ? '' : ` @ ${seconds(lastMs)}`;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
