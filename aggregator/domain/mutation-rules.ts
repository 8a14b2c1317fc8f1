import type { RecommendationRule, Remark } from './recommendations.ts';

/** 95 % of mutations aim to take at most this; the objective `mutation-latency-p95`. */
export const P95_TARGET_SECONDS = 0.5;

/** 99 % of mutations aim to take at most this; the objective `mutation-latency-p99`. */
export const P99_TARGET_SECONDS = 1;

/** Share of mutations that aims not to fail; the objective `mutation-success`. */
export const SUCCESS_TARGET_RATIO = 0.95;

/** Slower than this, a mutation looks hung to the one who waits: three times what the slowest hundredth may take. */
export const P99_CRITICAL_SECONDS = 3 * P99_TARGET_SECONDS;

const AREA = 'mutations';
const MUTATIONS = '/monitoring/graphql/mutations/';
const PERFORMANCE = '/monitoring/graphql/mutations/performance/';
const BREAKDOWN = '/monitoring/graphql/mutations/breakdown/';

/** Signals: `success_rate`, `p95`, `p99`. */
export const mutationRules: readonly RecommendationRule[] = [
  {
    id: 'mutation-success-rate',
    area: AREA,
    level: 'warning',
    signal: 'success_rate',
    unit: 'ratio',
    speaks: 'below',
    threshold: SUCCESS_TARGET_RATIO,
    source: 'objective mutation-success',
    message: 'Only {value} of the mutations succeeded; at least {threshold} should.',
    action: 'Look at the most frequent error types and at the mutations that they come from.',
    traces: 'failed',
    link: BREAKDOWN,
  },
  {
    id: 'mutation-p95',
    area: AREA,
    level: 'warning',
    signal: 'p95',
    unit: 'seconds',
    speaks: 'above',
    threshold: P95_TARGET_SECONDS,
    source: 'objective mutation-latency-p95',
    message: 'One mutation in 20 took longer than {value} (p95); the target is {threshold}.',
    few: {
      below: 20,
      message: 'The slowest mutation of {events} took about {value} (p95); the target is {threshold}.',
    },
    further: {
      threshold: P99_TARGET_SECONDS,
      message: 'It is above {threshold} too, which only one in 100 may exceed.',
    },
    action: 'Open the slowest mutations: their traces show where the time goes.',
    traces: 'slowest',
    link: PERFORMANCE,
  },
  {
    id: 'mutation-p99',
    area: AREA,
    level: 'critical',
    signal: 'p99',
    unit: 'seconds',
    speaks: 'above',
    threshold: P99_CRITICAL_SECONDS,
    source: 'three times the p99 target of the objective mutation-latency-p99',
    message: 'One mutation in 100 took longer than {value} (p99); above {threshold} people give up waiting.',
    few: {
      below: 100,
      message: 'The slowest mutation of {events} took about {value} (p99); above {threshold} people give up waiting.',
    },
    action:
      'Look for locks, missing indexes and slow calls to other services in the traces, and set time limits on them.',
    traces: 'slowest',
    link: PERFORMANCE,
  },
];

export const mutationsHealthy: Remark = {
  id: 'mutations-healthy',
  area: AREA,
  message: 'Mutations are healthy: success rate and response times are within their targets.',
  action: 'Nothing to do.',
  link: MUTATIONS,
};

export const mutationsSilent: Remark = {
  id: 'mutations-no-data',
  area: AREA,
  message: 'No mutations were recorded in this window.',
  action:
    'If there should have been some, check that the application runs with the instrumentation and can reach this service.',
  link: MUTATIONS,
};
