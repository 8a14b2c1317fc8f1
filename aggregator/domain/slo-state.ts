import type { AlertState, Severity } from './burn-alerts.ts';
import { budgetRemaining } from './error-budget.ts';
import type { EventCounts } from './objective.ts';

/** Worst first; `no_data` stands last, as it is neither good nor bad. */
export const SLO_STATES = ['exhausted', 'burning', 'at_risk', 'meeting', 'no_data'] as const;
export type SloState = (typeof SLO_STATES)[number];

/** Of fewer events nothing is said: among 19 a single bad one is more than the whole budget of an objective of 0.95. */
export const MIN_EVENTS = 20;

/**
 * How an objective stands: `exhausted` without budget, `burning` while a page fires, `at_risk` while a ticket does.
 * @param counts events in the objective's whole window
 */
export function sloState(
  counts: EventCounts,
  objective: number,
  alerts: readonly { readonly severity: Severity; readonly state: AlertState }[],
): SloState {
  const remaining = budgetRemaining(counts, objective);
  if (remaining === undefined || counts.total < MIN_EVENTS) return 'no_data';
  if (remaining <= 0) return 'exhausted';
  const fires = (severity: Severity) => alerts.some((alert) => alert.severity === severity && alert.state === 'firing');
  return fires('page') ? 'burning' : fires('ticket') ? 'at_risk' : 'meeting';
}

/** What an event spends of the budget, by the name of what it happened to. */
export interface Spender {
  readonly name: string;
  /** Of all bad events, in (0, 1]. */
  readonly share: number;
}

/** Who spent the budget, most first; names without bad events are left out. */
export function spenders(events: Iterable<readonly [name: string, counts: EventCounts]>): Spender[] {
  const bad = [...events].map(([name, { good, total }]) => ({ name, bad: total - good })).filter(({ bad }) => bad > 0);
  const all = bad.reduce((sum, each) => sum + each.bad, 0);
  return bad
    .sort((a, b) => b.bad - a.bad || (a.name < b.name ? -1 : 1))
    .map(({ name, bad }) => ({ name, share: bad / all }));
}
