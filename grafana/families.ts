/**
 * The aggregator's Prometheus families that the dashboards read. A typing mistake in a name is a mistake of types, and
 * the checks against a real Prometheus hold this list against what the aggregator serves.
 */
export const families = [
  'graphql_mutation_total',
  'graphql_mutation_success_total',
  'graphql_mutation_failure_total',
  'graphql_mutation_errors_total',
  'graphql_mutation_duration_seconds',
  'graphql_server_mutation_duration_seconds',
  'celery_idempotency_duplicate_rate',
  'celery_idempotency_duplicates_prevented_total',
  'celery_idempotency_requests_total',
  'celery_idempotency_duplicate_hits_total',
  'celery_idempotency_lock_acquired_total',
  'celery_idempotency_lock_failed_total',
  'celery_idempotency_health_score',
  'security_sqli_attempts_total',
  'security_graphql_csrf_violations_total',
  'security_graphql_rate_limit_violations_total',
  'security_graphql_origin_violations_total',
  'security_threat_score',
  'security_top_attacker_violations',
  'security_top_attacker_reputation',
  'slo_objective_ratio',
  'slo_attained_ratio',
  'slo_error_budget_remaining_ratio',
  'slo_burn_rate',
  'slo_state',
  'slo_alert_firing',
  'aggregator_store_age_seconds',
] as const;

export type Family = (typeof families)[number];

/** A family as it is asked for: a summary and a histogram by their parts. */
export type Metric =
  | Family
  | 'graphql_mutation_duration_seconds_sum'
  | 'graphql_mutation_duration_seconds_count'
  | 'graphql_server_mutation_duration_seconds_bucket';
