/** Alerts that are not about an error budget, as data: Prometheus' rules and this service's own alerts are made of them. */
import type { Severity } from './burn-alerts.ts';
import { DUPLICATE_CRITICAL_RATIO } from './duplicates.ts';
import { SUCCESS_TARGET_RATIO } from './mutation-rules.ts';
import { TELEMETRY_STOPPED_SECONDS } from './telemetry-rules.ts';

export interface NamedAlert {
  readonly name: string;
  readonly severity: Severity;
  /** It fires when the value is above this. */
  readonly limit: number;
  /** Length of the window that the value is of; the threat score and the silence have none of their own. */
  readonly windowSeconds: number;
  /** How long it must have been above the limit: one late export alerts nobody. */
  readonly forSeconds: number;
  readonly summary: string;
}

/** Fewer events than this in the window are too few for a ratio. */
export const MIN_RATIO_EVENTS = 20;

const FIVE_MINUTES = 300;

/** Failed mutations of all mutations. */
export const highMutationFailureRate: NamedAlert = {
  name: 'HighMutationFailureRate',
  severity: 'ticket',
  // 1 - 0.95 is 0.05 and a bit.
  limit: Number((1 - SUCCESS_TARGET_RATIO).toFixed(12)),
  windowSeconds: FIVE_MINUTES,
  forSeconds: FIVE_MINUTES,
  summary: 'More than 5 % of the mutations fail',
};

/** Idempotency keys that met a duplicate of all keys. */
export const highDuplicateRate: NamedAlert = {
  name: 'HighDuplicateRate',
  severity: 'ticket',
  limit: DUPLICATE_CRITICAL_RATIO,
  windowSeconds: 3600,
  forSeconds: FIVE_MINUTES,
  summary: 'More than 3 % of the idempotency keys meet a duplicate',
};

/** On the scale of the family, 0 to 1; the line of the recommendation about the threat score. */
export const highThreatScore: NamedAlert = {
  name: 'HighThreatScore',
  severity: 'page',
  limit: 0.75,
  windowSeconds: 0,
  forSeconds: FIVE_MINUTES,
  summary: 'The threat score is critical',
};

/** Seconds since the newest data point. */
export const telemetryStopped: NamedAlert = {
  name: 'VigilTelemetryStopped',
  severity: 'ticket',
  limit: TELEMETRY_STOPPED_SECONDS,
  windowSeconds: 0,
  forSeconds: FIVE_MINUTES,
  summary: 'No telemetry arrives',
};
