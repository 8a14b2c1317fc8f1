import { z } from 'zod';
import { acquisitionRatio } from '../domain/duplicates.ts';
import { quantile } from '../domain/histogram.ts';
import {
  endpointBody,
  endpointSchema,
  redisMetrics,
  redisMetricsSchema,
  scopeBreakdown,
  scopeSchema,
  topEndpoints,
} from './idempotency.ts';
import { type LockFacts, readLocks, readTasks, sumKeys } from './idempotency-facts.ts';
import { millisecondsOrNull, percent, percentOrNull } from './quantities.ts';
import type { Report } from './report.ts';

const lockPerformanceSchema = z.object({
  acquire_p95_ms: z.number().nullable().describe('Of the attempts that got the lock; null without any.'),
  hold_p95_ms: z.number().nullable().describe('null when no lock ended.'),
  success_rate: z.number().nullable().describe('Percent of all attempts that got the lock; null without any.'),
  failures_by_reason: z.object({ held: z.number(), timeout: z.number(), error: z.number() }),
  expired: z.number().describe('Locks that ended before their holder was done.'),
  lost: z.number().describe('Locks that somebody else took over.'),
});

export const idempotencyBreakdownSchema = z.object({
  scope_breakdown: z.array(scopeSchema),
  top_endpoints: z.array(endpointSchema.extend({ duplicate_rate: z.number().describe('Percent of its requests.') })),
  redis_metrics: redisMetricsSchema,
  lock_performance: lockPerformanceSchema,
});

/** Which scopes and tasks meet duplicates, and how locks perform. */
export const reportIdempotencyBreakdown: Report<z.infer<typeof idempotencyBreakdownSchema>> = async (store, asked) => {
  const [tasks, locks] = await Promise.all([readTasks(store, asked), readLocks(store, asked)]);
  return {
    scope_breakdown: scopeBreakdown(tasks),
    top_endpoints: topEndpoints(tasks).map((facts) => ({
      ...endpointBody(facts),
      duplicate_rate: percent(facts.duplicateHits, facts.requests),
    })),
    redis_metrics: redisMetrics(sumKeys(tasks), locks),
    lock_performance: lockPerformance(locks),
  };
};

function lockPerformance(locks: LockFacts): z.infer<typeof lockPerformanceSchema> {
  const { held, timeout, error, expired, lost } = locks;
  return {
    acquire_p95_ms: millisecondsOrNull(quantile(locks.acquireDurations, 0.95)),
    hold_p95_ms: millisecondsOrNull(quantile(locks.holdDurations, 0.95)),
    success_rate: percentOrNull(acquisitionRatio(locks)),
    failures_by_reason: { held, timeout, error },
    expired,
    lost,
  };
}
