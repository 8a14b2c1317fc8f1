/** Alerts that are not about an error budget. Over rates, so that they resolve when what they tell of is over. */
import { DUPLICATE_CRITICAL_RATIO } from '../domain/duplicates.ts';
import { SUCCESS_TARGET_RATIO } from '../domain/mutation-rules.ts';
import { TELEMETRY_STOPPED_SECONDS } from '../domain/telemetry-rules.ts';
import type { Rule } from './rules.ts';

/** Fewer events than this in the window are too few for a ratio. */
const MIN_EVENTS = 20;
/** On the scale of the family, 0 to 1; the line of the recommendation about the threat score. */
const THREAT_LIMIT = 0.75;

const ratio = (part: string, total: string, window: string, limit: number): string =>
  `sum(rate(${part}[${window}])) / sum(rate(${total}[${window}])) > ${limit}\nand\nsum(increase(${total}[${window}])) >= ${MIN_EVENTS}\n`;

export const namedAlerts: readonly Rule[] = [
  {
    alert: 'HighMutationFailureRate',
    expr: ratio(
      'graphql_mutation_failure_total',
      'graphql_mutation_total',
      '5m',
      Number((1 - SUCCESS_TARGET_RATIO).toFixed(12)),
    ),
    for: '5m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: 'More than 5 % of the mutations fail',
      description: '{{ $value | humanizePercentage }} of the mutations of five minutes failed.',
    },
  },
  {
    alert: 'HighDuplicateRate',
    expr: ratio(
      'celery_idempotency_duplicate_hits_total',
      'celery_idempotency_requests_total',
      '1h',
      DUPLICATE_CRITICAL_RATIO,
    ),
    for: '5m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: 'More than 3 % of the idempotency keys meet a duplicate',
      description: '{{ $value | humanizePercentage }} of the keys admitted in an hour met a duplicate.',
    },
  },
  {
    alert: 'HighThreatScore',
    expr: `max(security_threat_score) > ${THREAT_LIMIT}`,
    for: '5m',
    labels: { severity: 'page' },
    annotations: {
      summary: 'The threat score is critical',
      description: 'It is {{ $value | humanize }} of 1; hostile requests of the last 24 hours make it.',
    },
  },
  {
    alert: 'VigilTelemetryStopped',
    expr: `max(aggregator_store_age_seconds) > ${TELEMETRY_STOPPED_SECONDS}`,
    for: '5m',
    labels: { severity: 'ticket' },
    annotations: {
      summary: 'No telemetry arrives',
      description:
        'The newest data point is {{ $value | humanizeDuration }} old. Objectives stay as they were meanwhile.',
    },
  },
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
