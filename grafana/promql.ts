/** Expressions in PromQL, made so that every series is chosen by the dashboard's variables. */
import type { Metric } from './families.ts';

/** What every series is chosen by: the variables of the same names. `service` is a label of the scrape's target. */
export const TARGET_MATCHERS = 'job=~"$job",instance=~"$instance",service=~"$service"';

/**
 * The series of a metric that the variables choose.
 * @param matchers further ones, such as `window="1h"`
 */
export function series(metric: Metric, ...matchers: readonly string[]): string {
  return `${metric}{${[TARGET_MATCHERS, ...matchers].join(',')}}`;
}

/** Events a second, of a counter. */
export function perSecond(metric: Metric, ...matchers: readonly string[]): string {
  return `rate(${series(metric, ...matchers)}[$__rate_interval])`;
}

/** Events within the range of time that the dashboard shows, of a counter. */
export function inRange(metric: Metric, ...matchers: readonly string[]): string {
  return `increase(${series(metric, ...matchers)}[$__range])`;
}

export function sum(expression: string, ...by: readonly string[]): string {
  return aggregate('sum', expression, by);
}

/** The worst of several services where a sum would mean nothing. */
export function worst(expression: string, ...by: readonly string[]): string {
  return aggregate('max', expression, by);
}

/** The worst where less is worse. */
export function least(expression: string, ...by: readonly string[]): string {
  return aggregate('min', expression, by);
}

function aggregate(operator: string, expression: string, by: readonly string[]): string {
  return by.length === 0 ? `${operator}(${expression})` : `${operator} by (${by.join(', ')}) (${expression})`;
}

/** Of the rows of `expression` those that the best of a ranking have, by a label. */
export function among(ranking: string, label: string, expression: string): string {
  return `${expression} and on (${label}) ${ranking}`;
}

/** A quantile, in [0, 1], of the times that mutations took, in seconds; as fine as the buckets are. */
export function mutationQuantile(quantile: number): string {
  const buckets = sum(perSecond('graphql_server_mutation_duration_seconds_bucket'), 'le');
  return `histogram_quantile(${quantile}, ${buckets})`;
}
