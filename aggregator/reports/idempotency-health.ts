import { z } from 'zod';
import {
  DUPLICATE_WARNING_RATIO,
  type DuplicateHealth,
  duplicateHealth,
  duplicateRatio,
  savedRatio,
} from '../domain/duplicates.ts';
import { duplicateHealthSchema, readIdempotencyRecommendations } from './idempotency.ts';
import { readLocks, readTasks, sumKeys } from './idempotency-facts.ts';
import { percent, percentOrNull, rounded } from './quantities.ts';
import { recommendationSchema } from './recommendations.ts';
import type { Report } from './report.ts';

export const idempotencyHealthSchema = z.object({
  health_status: duplicateHealthSchema,
  duplicate_rate: z.number().describe('Percent of the admitted keys; 0 without any.'),
  slo_compliance: z.object({
    target_duplicate_rate: z.number(),
    actual_duplicate_rate: z.number().nullable().describe('null without requests.'),
    compliant: z.boolean().nullable().describe('Below the target; null without requests.'),
    health_status: duplicateHealthSchema,
    description: z.string(),
  }),
  total_savings: z.object({
    duplicates_prevented: z.number(),
    total_requests: z.number(),
    efficiency_gain: z.number().describe('Percent of all executions asked for that did not have to happen.'),
  }),
  recommendations: z.array(recommendationSchema),
});

const DESCRIPTIONS: Readonly<Record<DuplicateHealth, string>> = {
  healthy: 'Fewer than one idempotency key in a hundred met a duplicate.',
  warning: 'At least one idempotency key in a hundred met a duplicate: something repeats its requests.',
  critical: 'At least three idempotency keys in a hundred met a duplicate: find out what repeats its requests.',
  unknown: 'No idempotency key was admitted in this window.',
};

/** Whether duplicates are rare enough, what preventing them saved, and what is to be done. */
export const reportIdempotencyHealth: Report<z.infer<typeof idempotencyHealthSchema>> = async (store, asked) => {
  const [tasks, locks] = await Promise.all([readTasks(store, asked), readLocks(store, asked)]);
  const keys = sumKeys(tasks);
  const ratio = duplicateRatio(keys);
  const health = duplicateHealth(ratio);
  return {
    health_status: health,
    duplicate_rate: percent(keys.duplicateHits, keys.requests),
    slo_compliance: {
      target_duplicate_rate: rounded(100 * DUPLICATE_WARNING_RATIO),
      actual_duplicate_rate: percentOrNull(ratio),
      compliant: ratio === undefined ? null : ratio < DUPLICATE_WARNING_RATIO,
      health_status: health,
      description: DESCRIPTIONS[health],
    },
    total_savings: {
      duplicates_prevented: keys.prevented,
      total_requests: keys.requests,
      efficiency_gain: rounded(100 * (savedRatio(keys) ?? 0)),
    },
    recommendations: await readIdempotencyRecommendations(store, asked, keys, locks),
  };
};
