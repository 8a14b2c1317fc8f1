/** Alerts that are not about an error budget. Over rates, so that they resolve when what they tell of is over. */
import { windowName } from '../domain/alert-labels.ts';
import {
  highDuplicateRate,
  highMutationFailureRate,
  highThreatScore,
  MIN_RATIO_EVENTS,
  type NamedAlert,
  telemetryStopped,
} from '../domain/named-alerts.ts';
import type { Rule } from './rules.ts';

const ratio = (part: string, total: string, { windowSeconds, limit }: NamedAlert): string => {
  const window = windowName(windowSeconds);
  return `sum(rate(${part}[${window}])) / sum(rate(${total}[${window}])) > ${limit}\nand\nsum(increase(${total}[${window}])) >= ${MIN_RATIO_EVENTS}\n`;
};

function rule({ name, forSeconds, severity, summary }: NamedAlert, expr: string, description: string): Rule {
  return {
    alert: name,
    expr,
    for: windowName(forSeconds),
    labels: { severity },
    annotations: { summary, description },
  };
}

export const namedAlerts: readonly Rule[] = [
  rule(
    highMutationFailureRate,
    ratio('graphql_mutation_failure_total', 'graphql_mutation_total', highMutationFailureRate),
    '{{ $value | humanizePercentage }} of the mutations of five minutes failed.',
  ),
  rule(
    highDuplicateRate,
    ratio('celery_idempotency_duplicate_hits_total', 'celery_idempotency_requests_total', highDuplicateRate),
    '{{ $value | humanizePercentage }} of the keys admitted in an hour met a duplicate.',
  ),
  rule(
    highThreatScore,
    `max(security_threat_score) > ${highThreatScore.limit}`,
    'It is {{ $value | humanize }} of 1; hostile requests of the last 24 hours make it.',
  ),
  rule(
    telemetryStopped,
    `max(aggregator_store_age_seconds) > ${telemetryStopped.limit}`,
    'The newest data point is {{ $value | humanizeDuration }} old. Objectives stay as they were meanwhile.',
  ),
  {
    alert: 'VigilAbsent',
    expr: 'absent(aggregator_store_age_seconds)',
    for: '10m',
    labels: { severity: 'page' },
    annotations: {
      summary: 'The aggregator is not scraped, or has never received anything',
      description: 'No alert about objectives can fire while it is away.',
    },
  },
];
