import { DUPLICATE_CRITICAL_RATIO, DUPLICATE_EXCELLENT_RATIO, DUPLICATE_WARNING_RATIO } from './duplicates.ts';
import type { RecommendationRule, Remark } from './recommendations.ts';

/** One acquisition in twenty that goes wrong is felt by whoever waits for the work. */
export const LOCK_FAULT_LIMIT_RATIO = 0.05;

/** A lease that ends early lets two run at once: rarer by far than a failed attempt, and worse. */
export const BROKEN_LEASE_LIMIT_RATIO = 0.01;

const AREA = 'idempotency';
const IDEMPOTENCY = '/monitoring/celery/idempotency/';
const BREAKDOWN = '/monitoring/celery/idempotency/breakdown/';
const HEALTH = '/monitoring/celery/idempotency/health/';

/** Signals: `duplicate_rate`, `escaped_duplicates`, `lock_fault_rate`, `broken_lease_rate`. */
export const idempotencyRules: readonly RecommendationRule[] = [
  {
    id: 'duplicate-escaped',
    area: AREA,
    level: 'critical',
    signal: 'escaped_duplicates',
    unit: 'count',
    speaks: 'above',
    threshold: 0,
    source: 'idempotency promises that no duplicate runs',
    message: 'Duplicates that ran all the same: {value}; there must be {threshold}.',
    action:
      'Look for locks that were lost and for a store that was down at that time, and check what the repeated work changed.',
    traces: 'none',
    link: BREAKDOWN,
  },
  {
    id: 'duplicate-rate-critical',
    area: AREA,
    level: 'critical',
    signal: 'duplicate_rate',
    unit: 'ratio',
    speaks: 'from',
    threshold: DUPLICATE_CRITICAL_RATIO,
    source: 'three times the objective task-duplicates',
    message: '{value} of the idempotency keys met a duplicate; from {threshold} on that is critical.',
    action:
      'Find the endpoint with the most duplicates and what repeats its requests: a retry, a schedule, a double click.',
    traces: 'none',
    link: BREAKDOWN,
  },
  {
    id: 'duplicate-rate',
    area: AREA,
    level: 'warning',
    signal: 'duplicate_rate',
    unit: 'ratio',
    speaks: 'from',
    threshold: DUPLICATE_WARNING_RATIO,
    until: DUPLICATE_CRITICAL_RATIO,
    source: 'objective task-duplicates',
    message: '{value} of the idempotency keys met a duplicate; the target is below {threshold}.',
    action: 'Look at the endpoints with the most duplicates: clients and queues may repeat too eagerly.',
    traces: 'none',
    link: BREAKDOWN,
  },
  {
    id: 'lock-faults',
    area: AREA,
    level: 'warning',
    signal: 'lock_fault_rate',
    unit: 'ratio',
    speaks: 'above',
    threshold: LOCK_FAULT_LIMIT_RATIO,
    source: 'one acquisition in twenty',
    message: '{value} of the lock acquisitions timed out, failed or were lost; at most {threshold} should.',
    action: 'Check the store of the locks and its latency, and how long work holds a lock that others wait for.',
    traces: 'none',
    link: BREAKDOWN,
  },
  {
    id: 'broken-leases',
    area: AREA,
    level: 'warning',
    signal: 'broken_lease_rate',
    unit: 'ratio',
    speaks: 'above',
    threshold: BROKEN_LEASE_LIMIT_RATIO,
    source: 'one lease in a hundred',
    message: '{value} of the locks expired or were lost before their holder was done; at most {threshold} should.',
    action: 'Renew locks while the work runs, or make their time to live longer than the slowest run.',
    traces: 'none',
    link: BREAKDOWN,
  },
  {
    id: 'duplicate-rate-excellent',
    area: AREA,
    level: 'info',
    signal: 'duplicate_rate',
    unit: 'ratio',
    speaks: 'below',
    threshold: DUPLICATE_EXCELLENT_RATIO,
    source: 'half of the objective task-duplicates',
    message: 'Excellent: {value} of the idempotency keys met a duplicate, less than {threshold}.',
    action: 'Nothing to do.',
    traces: 'none',
    link: HEALTH,
  },
];

export const idempotencyHealthy: Remark = {
  id: 'idempotency-healthy',
  area: AREA,
  message: 'Tasks are healthy: duplicates and locks are within their targets.',
  action: 'Nothing to do.',
  link: HEALTH,
};

export const idempotencySilent: Remark = {
  id: 'idempotency-no-data',
  area: AREA,
  message: 'No tasks with an idempotency key and no locks were recorded in this window.',
  action:
    'If there should have been some, check that the workers run with the instrumentation and can reach this service.',
  link: IDEMPOTENCY,
};
