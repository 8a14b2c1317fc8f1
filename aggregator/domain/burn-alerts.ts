/** Alerts on the speed at which an error budget is spent, over two windows each: a long one that proves it, a short one that ends it. */
import { burnRate, errorBudget, SECONDS_PER_DAY } from './error-budget.ts';
import type { EventCounts, Objective } from './objective.ts';

export type Severity = 'page' | 'ticket';

/** The share of the whole budget that may be gone within the long window before somebody is told. */
export interface BurnAlertPolicy {
  readonly severity: Severity;
  readonly longSeconds: number;
  readonly shortSeconds: number;
  readonly budgetShare: number;
}

const HOUR = 3600;

/**
 * Most urgent first.
 * @see Google SRE workbook, "Alerting on SLOs", table 5-8: recommended parameters for multiwindow, multi-burn-rate alerts
 */
export const BURN_ALERT_POLICIES: readonly BurnAlertPolicy[] = [
  { severity: 'page', longSeconds: HOUR, shortSeconds: HOUR / 12, budgetShare: 0.02 },
  { severity: 'page', longSeconds: 6 * HOUR, shortSeconds: HOUR / 2, budgetShare: 0.05 },
  { severity: 'ticket', longSeconds: 24 * HOUR, shortSeconds: 2 * HOUR, budgetShare: 0.1 },
  { severity: 'ticket', longSeconds: 72 * HOUR, shortSeconds: 6 * HOUR, budgetShare: 0.1 },
];

/**
 * Fewer bad events than this in the long window alert nobody: with little traffic a single failure is a high burn rate.
 * 20 is what keeps the relative error of a count near a quarter (1/sqrt(20)).
 */
export const MIN_BAD_EVENTS = 20;

export interface BurnAlert extends BurnAlertPolicy {
  /** Burn rate above which it fires, > 0. */
  readonly threshold: number;
}

/** Burn rate that spends `budgetShare` of the budget within the long window. */
export function burnThreshold({ budgetShare, longSeconds }: BurnAlertPolicy, windowDays: number): number {
  return (budgetShare * windowDays * SECONDS_PER_DAY) / longSeconds;
}

/** The alerts of an objective, most urgent first, and a sentence for each one that is left out. */
export function deriveBurnAlerts(
  { id, objective, windowDays }: Pick<Objective, 'id' | 'objective' | 'windowDays'>,
  policies: readonly BurnAlertPolicy[] = BURN_ALERT_POLICIES,
): { readonly alerts: readonly BurnAlert[]; readonly warnings: readonly string[] } {
  const highest = 1 / errorBudget(objective);
  const alerts: BurnAlert[] = [];
  const warnings: string[] = [];
  for (const policy of policies) {
    const threshold = burnThreshold(policy, windowDays);
    const name = `The ${policy.severity} over ${policy.longSeconds / HOUR} h of ${id}`;
    if (policy.longSeconds >= windowDays * SECONDS_PER_DAY)
      warnings.push(`${name} is left out: the objective's own window is not longer.`);
    else if (threshold >= highest)
      warnings.push(
        `${name} is left out, as it could never fire: its threshold is a burn rate of ${shown(threshold)}, and with an objective of ${objective} the highest possible is ${shown(highest)}.`,
      );
    else alerts.push({ ...policy, threshold });
  }
  return { alerts, warnings };
}

function shown(value: number): number {
  return Math.round(value * 100) / 100;
}

/** `no_data`: nothing happened in the long window, or data does not reach back to its beginning. */
export type AlertState = 'firing' | 'inactive' | 'no_data';

/** What an alert is judged by. */
export interface BurnEvidence {
  readonly long: EventCounts;
  readonly short: EventCounts;
  /** Whether data reaches back to the beginning of the long window. */
  readonly isCovered: boolean;
}

/** Fires when both windows burn faster than the threshold, and enough bad events say so. */
export function judgeBurnAlert(
  { threshold }: BurnAlert,
  objective: number,
  { long, short, isCovered }: BurnEvidence,
): AlertState {
  const longBurn = burnRate(long, objective);
  const shortBurn = burnRate(short, objective);
  if (longBurn === undefined || shortBurn === undefined || !isCovered) return 'no_data';
  if (long.total - long.good < MIN_BAD_EVENTS) return 'inactive';
  return longBurn > threshold && shortBurn > threshold ? 'firing' : 'inactive';
}
