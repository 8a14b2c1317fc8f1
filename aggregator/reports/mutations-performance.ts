import { z } from 'zod';
import { EMPTY_HISTOGRAM, type Histogram, merge, quantile, quantiles } from '../domain/histogram.ts';
import { P95_TARGET_SECONDS, P99_TARGET_SECONDS } from '../domain/mutation-rules.ts';
import type { HistogramRow, Store } from '../store/port.ts';
import {
  type MutationFacts,
  readComplexity,
  readDurations,
  readMutations,
  settledDurations,
} from './mutation-facts.ts';
import { complexitySchema, complexityStats, traceIds } from './mutations.ts';
import { type DurationSummary, descending, milliseconds, percent, summarise } from './quantities.ts';
import type { Asked, Report } from './report.ts';
import { seriesOf, seriesSchema, stepsOf } from './series.ts';

const MAX_SLOWEST = 10;
const MAX_TRACES_PER_MUTATION = 3;

const compliance = z.boolean().nullable().describe('null where there is no data.');

export const mutationsPerformanceSchema = z.object({
  performance_summary: z.object({
    mean_execution_time_ms: z.number(),
    p50_execution_time_ms: z.number(),
    p95_execution_time_ms: z.number(),
    p99_execution_time_ms: z.number(),
    max_execution_time_ms: z.number(),
  }),
  complexity_stats: complexitySchema,
  slo_compliance: z.object({
    p95_target_ms: z.number(),
    p95_actual_ms: z.number().nullable(),
    p95_compliant: compliance,
    p99_target_ms: z.number(),
    p99_actual_ms: z.number().nullable(),
    p99_compliant: compliance,
    overall_compliant: compliance,
  }),
  slowest_mutations: z.array(
    z.object({
      mutation_name: z.string(),
      p95_ms: z.number(),
      p99_ms: z.number(),
      count: z.number(),
      trace_ids: z.array(z.string()).describe('Of its slowest runs in the window, slowest first.'),
    }),
  ),
  series: seriesSchema.describe('p95 in milliseconds.'),
  throughput_series: seriesSchema.describe('Mutations that settled in each step.'),
  success_series: seriesSchema.describe('Share of the settled mutations that had an effect, in percent.'),
});

type Body = z.infer<typeof mutationsPerformanceSchema>;

/** How long mutations took, against their targets. */
export const reportMutationsPerformance: Report<Body> = async (store, asked) => {
  const [durations, complexity, mutations, series] = await Promise.all([
    readDurations(store, asked),
    readComplexity(store, asked),
    readMutations(store, asked),
    readSeries(store, asked),
  ]);
  const times = summarise(durations);
  return {
    performance_summary: {
      mean_execution_time_ms: milliseconds(times.mean),
      p50_execution_time_ms: milliseconds(times.p50),
      p95_execution_time_ms: milliseconds(times.p95),
      p99_execution_time_ms: milliseconds(times.p99),
      max_execution_time_ms: milliseconds(times.max),
    },
    complexity_stats: complexityStats(complexity),
    slo_compliance: sloCompliance(times),
    slowest_mutations: await slowestMutations(store, asked, mutations),
    ...series,
  };
};

/** A percentile equal to its target complies; what is compared is not rounded. */
function sloCompliance({ p95, p99 }: DurationSummary): Body['slo_compliance'] {
  const p95Compliant = p95 === undefined ? null : p95 <= P95_TARGET_SECONDS;
  const p99Compliant = p99 === undefined ? null : p99 <= P99_TARGET_SECONDS;
  return {
    p95_target_ms: milliseconds(P95_TARGET_SECONDS),
    p95_actual_ms: p95 === undefined ? null : milliseconds(p95),
    p95_compliant: p95Compliant,
    p99_target_ms: milliseconds(P99_TARGET_SECONDS),
    p99_actual_ms: p99 === undefined ? null : milliseconds(p99),
    p99_compliant: p99Compliant,
    overall_compliant: p95Compliant === null || p99Compliant === null ? null : p95Compliant && p99Compliant,
  };
}

async function slowestMutations(
  store: Store,
  { window, service }: Asked,
  mutations: readonly MutationFacts[],
): Promise<Body['slowest_mutations']> {
  const settled = mutations.flatMap(({ name, durations }) => {
    const [p95, p99] = quantiles(durations, [0.95, 0.99]);
    return p95 === undefined ? [] : [{ name, p95, p99, count: durations.count }];
  });
  const slowest = descending(
    settled,
    (mutation) => mutation.p95,
    (mutation) => mutation.name,
  ).slice(0, MAX_SLOWEST);
  return Promise.all(
    slowest.map(async ({ name, p95, p99, count }) => {
      const question = { range: window.range, service, mutation: name };
      const spans = await store.slowestSpans(question, MAX_TRACES_PER_MUTATION);
      return {
        mutation_name: name,
        p95_ms: milliseconds(p95),
        p99_ms: milliseconds(p99),
        count,
        trace_ids: traceIds(spans),
      };
    }),
  );
}

async function readSeries(
  store: Store,
  asked: Asked,
): Promise<Pick<Body, 'series' | 'throughput_series' | 'success_series'>> {
  const grid = stepsOf(asked.window.range);
  const by = ['vigil.mutation.outcome'];
  const steps = await store.histogramSteps({ ...settledDurations({ service: asked.service }), ...grid, by });
  const isFailure = ({ key }: HistogramRow): boolean => key[0] === 'failure';
  return {
    series: seriesOf(steps, grid, (rows) => {
      const p95 = quantile(whole(rows), 0.95);
      return p95 === undefined ? null : milliseconds(p95);
    }),
    throughput_series: seriesOf(steps, grid, countOf),
    success_series: seriesOf(steps, grid, (rows) => {
      const total = countOf(rows);
      return total === 0 ? null : percent(total - countOf(rows.filter(isFailure)), total);
    }),
  };
}

function whole(rows: readonly HistogramRow[]): Histogram {
  return rows.map((row) => row.histogram).reduce(merge, EMPTY_HISTOGRAM);
}

function countOf(rows: readonly HistogramRow[]): number {
  return rows.reduce((sum, { histogram }) => sum + histogram.count, 0);
}
