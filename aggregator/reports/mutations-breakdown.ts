import { z } from 'zod';
import { quantile } from '../domain/histogram.ts';
import { readErrors, readMutations, successful } from './mutation-facts.ts';
import { errorBreakdown, errorBreakdownSchema, mutationBreakdown, mutationBreakdownSchema } from './mutations.ts';
import { milliseconds, percent } from './quantities.ts';
import type { Report } from './report.ts';

/** Rows of `top_mutations` and `top_errors`. */
const MAX_ROWS = 10;

export const mutationsBreakdownSchema = z.object({
  mutation_breakdown: mutationBreakdownSchema,
  error_breakdown: errorBreakdownSchema,
  top_mutations: z.array(
    z.object({
      mutation_name: z.string(),
      count: z.number(),
      failed: z.number(),
      success_rate: z.number(),
      p95_ms: z.number(),
    }),
  ),
  top_errors: z.array(z.object({ error_type: z.string(), count: z.number() })),
});

/** Which mutations there were, and which errors. */
export const reportMutationsBreakdown: Report<z.infer<typeof mutationsBreakdownSchema>> = async (store, asked) => {
  const [mutations, errors] = await Promise.all([readMutations(store, asked), readErrors(store, asked)]);
  return {
    mutation_breakdown: mutationBreakdown(mutations),
    error_breakdown: errorBreakdown(errors),
    top_mutations: mutations.slice(0, MAX_ROWS).map((mutation) => ({
      mutation_name: mutation.name,
      count: mutation.total,
      failed: mutation.failure,
      success_rate: percent(successful(mutation), mutation.total),
      p95_ms: milliseconds(quantile(mutation.durations, 0.95)),
    })),
    top_errors: errors.slice(0, MAX_ROWS).map(({ errorType, count }) => ({ error_type: errorType, count })),
  };
};
