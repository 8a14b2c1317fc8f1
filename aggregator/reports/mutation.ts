/** One mutation's own page: what the endpoints say of all mutations, of this one. */
import { EMPTY_HISTOGRAM, merge, quantile } from '../domain/histogram.ts';
import type { HistogramRow, MutationSpan, Store } from '../store/port.ts';
import { type ErrorFacts, type MutationFacts, readErrors, readMutations, settledDurations } from './mutation-facts.ts';
import { type DurationSummary, milliseconds, summarise } from './quantities.ts';
import type { Asked } from './report.ts';
import { type Series, seriesOf, stepsOf } from './series.ts';

/** Kept spans that are shown, slow ones and failed ones each. */
const MAX_SPANS = 10;

export interface MutationDetail {
  readonly facts: MutationFacts;
  /** Seconds. */
  readonly times: DurationSummary;
  readonly errors: readonly ErrorFacts[];
  /** Milliseconds. */
  readonly p50: Series;
  readonly p95: Series;
  readonly throughput: Series;
  readonly slowest: readonly MutationSpan[];
  readonly failed: readonly MutationSpan[];
}

/** @returns undefined when no mutation of that name ran in the window */
export async function readMutation(store: Store, asked: Asked, name: string): Promise<MutationDetail | undefined> {
  const where = { 'vigil.mutation.name': [name] };
  const facts = (await readMutations(store, asked, where))[0];
  if (facts === undefined) return undefined;
  const grid = stepsOf(asked.window.range);
  const question = settledDurations({ service: asked.service });
  const spans = { range: asked.window.range, service: asked.service, mutation: name };
  const [errors, steps, slowest, failed] = await Promise.all([
    readErrors(store, asked, where),
    store.histogramSteps({ ...question, ...grid, where: { ...question.where, ...where } }),
    store.slowestSpans(spans, MAX_SPANS),
    store.failedSpans(spans, MAX_SPANS),
  ]);
  const whole = (rows: readonly HistogramRow[]) => rows.map((row) => row.histogram).reduce(merge, EMPTY_HISTOGRAM);
  const percentile = (share: number) => (rows: readonly HistogramRow[]) => {
    const value = quantile(whole(rows), share);
    return value === undefined ? null : milliseconds(value);
  };
  return {
    facts,
    times: summarise(facts.durations),
    errors,
    p50: seriesOf(steps, grid, percentile(0.5)),
    p95: seriesOf(steps, grid, percentile(0.95)),
    throughput: seriesOf(steps, grid, (rows) => whole(rows).count),
    slowest,
    failed,
  };
}
