/** The lines at which numbers change their colour: those by which the aggregator judges, in the units of the panels. */
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { BURN_ALERT_POLICIES, burnThreshold } from '../aggregator/domain/burn-alerts.ts';
import { DUPLICATE_CRITICAL_RATIO, DUPLICATE_WARNING_RATIO } from '../aggregator/domain/duplicates.ts';
import { LOCK_FAULT_LIMIT_RATIO } from '../aggregator/domain/idempotency-rules.ts';
import {
  P95_TARGET_SECONDS,
  P99_CRITICAL_SECONDS,
  P99_TARGET_SECONDS,
  SUCCESS_TARGET_RATIO,
} from '../aggregator/domain/mutation-rules.ts';

/** A colour from a value on; the first begins at minus infinity. */
export interface Step {
  readonly from: number | null;
  readonly color: string;
}

const SLO_WINDOW_DAYS = 30;
const [, SLOW_PAGE, , SLOWEST_TICKET] = BURN_ALERT_POLICIES;

const risingTo = (yellow: number, red: number): readonly Step[] => [
  { from: null, color: 'green' },
  { from: yellow, color: 'yellow' },
  { from: red, color: 'red' },
];

export const neutral: readonly Step[] = [{ from: null, color: 'blue' }];
/** Seconds. */
export const p95Steps = risingTo(P95_TARGET_SECONDS, P99_TARGET_SECONDS);
/** Seconds. */
export const p99Steps = risingTo(P99_TARGET_SECONDS, P99_CRITICAL_SECONDS);
/** Ratio of failures. */
export const failureSteps = risingTo((1 - SUCCESS_TARGET_RATIO) / 2, 1 - SUCCESS_TARGET_RATIO);
/** Ratio of keys that met a duplicate. */
export const duplicateSteps = risingTo(DUPLICATE_WARNING_RATIO, DUPLICATE_CRITICAL_RATIO);
/** Ratio of attempts that got no lock. */
export const lockFailureSteps = risingTo(LOCK_FAULT_LIMIT_RATIO / 2, LOCK_FAULT_LIMIT_RATIO);
/** Burn rates: yellow opens a ticket in the end, red pages. */
export const burnSteps = risingTo(
  burnThreshold(SLOWEST_TICKET, SLO_WINDOW_DAYS),
  burnThreshold(SLOW_PAGE, SLO_WINDOW_DAYS),
);
/** Seconds since the newest data point: senders export every 10 s and may miss a few. */
export const dataAgeSteps = risingTo(60, 300);
/** Share of the error budget that is left. */
export const budgetSteps: readonly Step[] = [
  { from: null, color: 'red' },
  { from: 0, color: 'yellow' },
  { from: 0.25, color: 'green' },
];
/** Score of a client, 0 worst to 100 clean: the lines between the aggregator's risks. */
export const reputationSteps: readonly Step[] = [
  { from: null, color: 'dark-red' },
  { from: 20, color: 'red' },
  { from: 40, color: 'orange' },
  { from: 60, color: 'yellow' },
  { from: 80, color: 'green' },
];
/** Threat score, 0 to 100: the lines between the aggregator's levels. */
export const threatSteps: readonly Step[] = [
  { from: null, color: 'green' },
  { from: 20, color: 'blue' },
  { from: 40, color: 'yellow' },
  { from: 60, color: 'orange' },
  { from: 75, color: 'red' },
];
/** Names of the levels between `threatSteps`. */
export const threatLevelNames = ['low', 'guarded', 'elevated', 'high', 'critical'] as const;

export function thresholdsOf(steps: readonly Step[]): dashboard.ThresholdsConfigBuilder {
  return new dashboard.ThresholdsConfigBuilder()
    .mode(dashboard.ThresholdsMode.Absolute)
    .steps(steps.map(({ from, color }) => ({ value: from, color })));
}
