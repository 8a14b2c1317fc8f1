import { z } from 'zod';
import type { Histogram } from '../domain/histogram.ts';
import { mutationRules, mutationsHealthy, mutationsSilent } from '../domain/mutation-rules.ts';
import { recommend } from '../domain/recommendations.ts';
import type { MutationSpan } from '../store/port.ts';
import {
  type ErrorFacts,
  type MutationFacts,
  type OutcomeCounts,
  readComplexity,
  readDurations,
  readErrors,
  readMutations,
  successful,
  sumOutcomes,
} from './mutation-facts.ts';
import { type DurationSummary, milliseconds, percent, rounded, summarise } from './quantities.ts';
import { recommendationBody, recommendationSchema } from './recommendations.ts';
import type { Asked, Report } from './report.ts';

/** Names in `mutation_breakdown` and types in `error_breakdown`. */
const MAX_MUTATIONS = 20;
const MAX_ERRORS = 10;
/** Traces that prove a recommendation. */
const MAX_EVIDENCE_TRACES = 5;

/** As `z.record` has it, which leaves out what is named `__proto__`. */
const counts = z
  .unknown()
  .refine((value) => value instanceof Object && Object.values(value).every(Number.isFinite))
  .meta({ type: 'object', propertyNames: { type: 'string' }, additionalProperties: { type: 'number' } }) as z.ZodType<
  Readonly<Record<string, number>>
>;

export const mutationBreakdownSchema = counts.describe('Mutations by name, the 20 most frequent.');
export const errorBreakdownSchema = counts.describe('Failures by error type, the 10 most frequent.');
export const complexitySchema = z
  .object({ mean: z.number(), max: z.number() })
  .nullable()
  .describe('Number of fields that a mutation selects; null when none was reported.');

export const mutationsSchema = z.object({
  statistics: z.object({
    total_mutations: z.number(),
    successful_mutations: z.number().describe('Success and partial.'),
    failed_mutations: z.number(),
    partial_mutations: z.number().describe('Resolved, with an error below; successful too.'),
    aborted_mutations: z.number().describe('Never settled; in the total only.'),
    success_rate: z.number().describe('Percent of the total.'),
    execution_time: z
      .object({ mean: z.number(), p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() })
      .describe('Milliseconds, of the mutations that settled.'),
    mutation_breakdown: mutationBreakdownSchema,
    error_breakdown: errorBreakdownSchema,
    complexity_stats: complexitySchema,
  }),
  recommendations: z.array(recommendationSchema),
});

type Body = z.infer<typeof mutationsSchema>;

/** How mutations went in the window, and what to do about it. */
export const reportMutations: Report<Body> = async (store, asked) => {
  const spans = { range: asked.window.range, service: asked.service };
  const [mutations, durations, errors, complexity, slowest, failed] = await Promise.all([
    readMutations(store, asked),
    readDurations(store, asked),
    readErrors(store, asked),
    readComplexity(store, asked),
    store.slowestSpans(spans, MAX_EVIDENCE_TRACES),
    store.failedSpans(spans, MAX_EVIDENCE_TRACES),
  ]);
  const outcomes = sumOutcomes(mutations);
  const times = summarise(durations);
  return {
    statistics: {
      ...countFields(outcomes),
      execution_time: {
        mean: milliseconds(times.mean),
        p50: milliseconds(times.p50),
        p95: milliseconds(times.p95),
        p99: milliseconds(times.p99),
        max: milliseconds(times.max),
      },
      mutation_breakdown: mutationBreakdown(mutations),
      error_breakdown: errorBreakdown(errors),
      complexity_stats: complexityStats(complexity),
    },
    recommendations: recommendations(asked, outcomes, { ...times, settled: durations.count }, { slowest, failed }),
  };
};

function countFields(outcomes: OutcomeCounts) {
  return {
    total_mutations: outcomes.total,
    successful_mutations: successful(outcomes),
    failed_mutations: outcomes.failure,
    partial_mutations: outcomes.partial,
    aborted_mutations: outcomes.aborted,
    success_rate: percent(successful(outcomes), outcomes.total),
  };
}

export function mutationBreakdown(mutations: readonly MutationFacts[]): Record<string, number> {
  return Object.fromEntries(mutations.slice(0, MAX_MUTATIONS).map(({ name, total }) => [name, total]));
}

export function errorBreakdown(errors: readonly ErrorFacts[]): Record<string, number> {
  return Object.fromEntries(errors.slice(0, MAX_ERRORS).map(({ errorType, count }) => [errorType, count]));
}

export function complexityStats(complexity: Histogram | undefined): { mean: number; max: number } | null {
  if (complexity === undefined) return null;
  const { mean, max } = summarise(complexity);
  return { mean: rounded(mean ?? 0), max: rounded(max ?? 0) };
}

function recommendations(
  { window }: Asked,
  outcomes: OutcomeCounts,
  { p95, p99, settled }: DurationSummary & { readonly settled: number },
  spans: { readonly slowest: readonly MutationSpan[]; readonly failed: readonly MutationSpan[] },
): Body['recommendations'] {
  const successRate = outcomes.total > 0 ? successful(outcomes) / outcomes.total : undefined;
  const context = {
    windowSeconds: window.seconds,
    events: outcomes.total,
    traceIds: { slowest: traceIds(spans.slowest), failed: traceIds(spans.failed), none: [] },
  };
  const spoken = recommend(
    mutationRules,
    { success_rate: successRate, p95, p99 },
    { healthy: mutationsHealthy, silent: mutationsSilent },
    { p95: settled, p99: settled },
  );
  return spoken.map((recommendation) => recommendationBody(recommendation, context));
}

/** Several mutations of one request share its trace. */
export function traceIds(spans: readonly MutationSpan[]): string[] {
  return [...new Set(spans.map((span) => span.traceId))];
}
