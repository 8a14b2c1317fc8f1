/**
 * The arithmetic of error budgets. Ratios of events, weighted by events over the window. Without events there is no
 * answer: silence is neither healthy nor burning.
 * @see Google SRE workbook, "Implementing SLOs" and "Alerting on SLOs"
 */
import type { EventCounts } from './objective.ts';

/** Share of good events, in [0, 1]; undefined without events. */
export function attainedRatio({ good, total }: EventCounts): number | undefined {
  return total > 0 ? good / total : undefined;
}

/** The share of events that may be bad, in (0, 1). @param objective ratio of good events aimed at, in (0, 1) */
export function errorBudget(objective: number): number {
  // 1 - 0.95 is 0.05 and a bit; exactly five bad events of a hundred spend all of it.
  return Math.round((1 - objective) * 1e12) / 1e12;
}

/**
 * How many times faster than sustainable the error budget is being spent; 1 spends exactly the whole budget by the end
 * of the window.
 * @param counts events in the lookback window
 * @param objective ratio of good events aimed at, in (0, 1)
 * @returns a ratio in [0, 1 / (1 - objective)], or undefined without events
 */
export function burnRate({ good, total }: EventCounts, objective: number): number | undefined {
  return total > 0 ? (total - good) / total / errorBudget(objective) : undefined;
}

/**
 * What is left of the error budget: 1 is all of it, 0 none, below 0 it is overspent. Never clamped.
 * @param counts events in the objective's whole window
 * @returns a ratio of at most 1, or undefined without events
 */
export function budgetRemaining(counts: EventCounts, objective: number): number | undefined {
  const spent = burnRate(counts, objective);
  return spent === undefined ? undefined : 1 - spent;
}

/**
 * How long the budget lasts at a burn rate.
 * @param remaining signed share of the budget that is left
 * @param burn burn rate now, over one hour
 * @returns seconds, 0 when nothing is left, undefined when it is unknown or the budget is not being spent
 */
export function secondsToExhaustion(
  remaining: number | undefined,
  burn: number | undefined,
  windowDays: number,
): number | undefined {
  if (remaining === undefined) return undefined;
  if (remaining <= 0) return 0;
  return burn === undefined || burn === 0 ? undefined : (remaining * windowDays * SECONDS_PER_DAY) / burn;
}

export const SECONDS_PER_DAY = 86_400;
