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

/** As with objectives, silence ends nothing: without events an alert that fires goes on, with a value of 0. */
const ratio = (part: string, total: string, { name, windowSeconds, limit }: NamedAlert): string => {
  const window = windowName(windowSeconds);
  const conditions = [
    `sum(rate(${part}[${window}])) / sum(rate(${total}[${window}])) > ${limit}`,
    `and sum(increase(${total}[${window}])) >= ${MIN_RATIO_EVENTS}`,
  ];
  const frozen = [
    `0 * max(ALERTS{alertname="${name}", alertstate="firing"})`,
    `unless sum(rate(${total}[${window}])) > 0`,
  ];
  return `(\n  ${conditions.join('\n  ')}\n)\nor\n(\n  ${frozen.join('\n  ')}\n)\n`;
};

/** A sentence on the share. @param silence what is said instead while nothing happens */
const sharing = (what: string, silence: string): string =>
  `{{ if $value }}{{ $value | humanizePercentage }} of ${what}{{ else }}${silence}{{ end }}.`;

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
    sharing(
      'the mutations of five minutes failed',
      'No mutation has come lately: the alert stays as it was when the last one did',
    ),
  ),
  rule(
    highDuplicateRate,
    ratio('celery_idempotency_duplicate_hits_total', 'celery_idempotency_requests_total', highDuplicateRate),
    sharing(
      'the keys admitted in an hour met a duplicate',
      'No key was admitted lately: the alert stays as it was when the last one was',
    ),
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
