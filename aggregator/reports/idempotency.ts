import { z } from 'zod';
import {
  brokenLeaseRatio,
  DUPLICATE_HEALTHS,
  duplicateHealth,
  duplicateRatio,
  type LockCounts,
  lockFaultRatio,
} from '../domain/duplicates.ts';
import { idempotencyHealthy, idempotencyRules, idempotencySilent } from '../domain/idempotency-rules.ts';
import { type Recommendation, recommend, type Signals, sortByLevel } from '../domain/recommendations.ts';
import type { Store } from '../store/port.ts';
import {
  readCheckDurations,
  readLocks,
  readTasks,
  sumKeys,
  type TaskCounts,
  type TaskFacts,
} from './idempotency-facts.ts';
import { descending, millisecondsOrNull, percent, rounded, summarise } from './quantities.ts';
import { type RecommendationBody, recommendationBody, recommendationSchema } from './recommendations.ts';
import type { Asked, Report } from './report.ts';
import { readStandingLocks } from './standing-locks.ts';

/** Rows of `top_endpoints`. */
const MAX_ENDPOINTS = 20;
/** Rows of `scope_breakdown`: a scope's name may be a user's own, and their number is bounded by nothing else. */
const MAX_SCOPES = 50;

export const duplicateHealthSchema = z
  .enum(DUPLICATE_HEALTHS)
  .describe('By the duplicate rate: healthy below 1 %, warning below 3 %, else critical; unknown without requests.');

export const scopeSchema = z.object({
  scope: z.string(),
  total_requests: z.number(),
  duplicate_hits: z.number(),
  total_duplicates: z.number().describe('Executions that did not happen.'),
});

export const endpointSchema = z.object({
  endpoint: z.string(),
  total_requests: z.number(),
  duplicate_hits: z.number(),
  avg_hit_count: z.number().describe('Duplicates for each key that met one.'),
});

export const redisMetricsSchema = z.object({
  duplicate_detected: z.number(),
  lock_acquired: z.number(),
  lock_failed: z.number().describe('Held by somebody else, timed out, or an error.'),
});

const duration = z.number().nullable().describe('Milliseconds; null where nothing was measured.');

export const idempotencySchema = z.object({
  statistics: z.object({
    window_hours: z.number(),
    total_requests: z.number().describe('Distinct keys that were admitted.'),
    duplicate_hits: z.number().describe('Keys that met at least one duplicate.'),
    duplicate_rate: z.number().describe('Percent of the admitted keys; 0 without any.'),
    duplicates_prevented: z.number().describe('Executions that did not happen.'),
    duplicates_escaped: z.number().describe('Duplicates that ran all the same.'),
    health_status: duplicateHealthSchema,
    scope_breakdown: z.array(scopeSchema),
    top_endpoints: z.array(endpointSchema),
    redis_metrics: redisMetricsSchema,
    check_time: z.object({ p50: duration, p95: duration, p99: duration }),
  }),
  recommendations: z.array(recommendationSchema),
});

/** How often tasks were asked for twice, and what came of it. */
export const reportIdempotency: Report<z.infer<typeof idempotencySchema>> = async (store, asked) => {
  const [tasks, locks, checks] = await Promise.all([
    readTasks(store, asked),
    readLocks(store, asked),
    readCheckDurations(store, asked),
  ]);
  const keys = sumKeys(tasks);
  const { p50, p95, p99 } = summarise(checks);
  return {
    statistics: {
      window_hours: rounded(asked.window.seconds / 3600),
      total_requests: keys.requests,
      duplicate_hits: keys.duplicateHits,
      duplicate_rate: percent(keys.duplicateHits, keys.requests),
      duplicates_prevented: keys.prevented,
      duplicates_escaped: keys.escaped,
      health_status: duplicateHealth(duplicateRatio(keys)),
      scope_breakdown: scopeBreakdown(tasks),
      top_endpoints: topEndpoints(tasks).map(endpointBody),
      redis_metrics: redisMetrics(keys, locks),
      check_time: { p50: millisecondsOrNull(p50), p95: millisecondsOrNull(p95), p99: millisecondsOrNull(p99) },
    },
    recommendations: await readIdempotencyRecommendations(store, asked, keys, locks),
  };
};

/** What is to be said about the tasks of a window, and about locks that do not come free; worst first. */
export async function readIdempotencyRecommendations(
  store: Store,
  asked: Asked,
  keys: TaskCounts,
  locks: LockCounts,
): Promise<RecommendationBody[]> {
  const standing = await readStandingLocks(store, asked);
  const context = {
    windowSeconds: asked.window.seconds,
    events: keys.requests + keys.prevented + keys.escaped,
    traceIds: { slowest: [], failed: [], none: [] },
  };
  const said = recommendIdempotency(keys, locks)
    // Where a lock does not come free, "healthy" would not be true.
    .filter(({ id }) => standing.length === 0 || !REMARKS.includes(id))
    .map((one) => recommendationBody(one, context));
  return sortByLevel([...said, ...standing]);
}

const REMARKS: readonly string[] = [idempotencyHealthy.id, idempotencySilent.id];

function recommendIdempotency(keys: TaskCounts, locks: LockCounts): readonly Recommendation[] {
  const happened = keys.requests + keys.prevented + keys.escaped + keys.duplicateHits > 0;
  const signals: Signals = {
    duplicate_rate: duplicateRatio(keys),
    escaped_duplicates: happened ? keys.escaped : undefined,
    lock_fault_rate: lockFaultRatio(locks),
    broken_lease_rate: brokenLeaseRatio(locks),
  };
  const events = {
    duplicate_rate: keys.requests,
    lock_fault_rate: locks.acquired + locks.timeout + locks.error,
    broken_lease_rate: locks.released + locks.expired + locks.lost,
  };
  return recommend(idempotencyRules, signals, { healthy: idempotencyHealthy, silent: idempotencySilent }, events);
}

/** Most requests first. */
export function scopeBreakdown(tasks: readonly TaskFacts[]): z.infer<typeof scopeSchema>[] {
  const byScope = Map.groupBy(tasks, ({ scope }) => scope);
  const rows = [...byScope].map(([scope, of]) => ({ scope, ...sumKeys(of) }));
  return descending(
    rows,
    (row) => row.requests,
    (row) => row.scope,
  )
    .slice(0, MAX_SCOPES)
    .map(({ scope, requests, duplicateHits, prevented }) => ({
      scope,
      total_requests: requests,
      duplicate_hits: duplicateHits,
      total_duplicates: prevented,
    }));
}

export interface EndpointFacts extends TaskCounts {
  readonly endpoint: string;
}

/** Most keys with duplicates first; among equal ones most requests first. */
export function topEndpoints(tasks: readonly TaskFacts[]): EndpointFacts[] {
  const byTask = Map.groupBy(tasks, ({ task }) => task);
  const rows = [...byTask].map(([endpoint, of]) => ({ endpoint, ...sumKeys(of) }));
  const byRequests = descending(
    rows,
    (row) => row.requests,
    (row) => row.endpoint,
  );
  return byRequests.sort((a, b) => b.duplicateHits - a.duplicateHits).slice(0, MAX_ENDPOINTS);
}

export function endpointBody(facts: EndpointFacts): z.infer<typeof endpointSchema> {
  const { endpoint, requests, duplicateHits, prevented, escaped } = facts;
  return {
    endpoint,
    total_requests: requests,
    duplicate_hits: duplicateHits,
    avg_hit_count: duplicateHits > 0 ? rounded((prevented + escaped) / duplicateHits) : 0,
  };
}

export function redisMetrics(keys: TaskCounts, locks: LockCounts): z.infer<typeof redisMetricsSchema> {
  return {
    duplicate_detected: keys.duplicateHits,
    lock_acquired: locks.acquired,
    lock_failed: locks.held + locks.timeout + locks.error,
  };
}
