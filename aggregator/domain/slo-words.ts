import { SECONDS_PER_DAY } from './error-budget.ts';
import type { SloState, Spender } from './slo-state.ts';
import { durationInWords, percentInWords, timesInWords } from './words.ts';

/** What a sentence about an objective is made from. */
export interface SloInWords {
  readonly state: SloState;
  readonly windowDays: number;
  readonly remaining: number | undefined;
  readonly secondsToExhaustion: number | undefined;
  readonly spentBy: readonly Spender[];
  /** Share of the window that data reaches back over, in [0, 1]. */
  readonly coverage: number;
}

/**
 * One or two sentences that a person understands: "At this speed the 30-day budget lasts 1.2 days; CreateJob spent 61 %
 * of it. Measured for 3 days so far."
 */
export function sloInWords(slo: SloInWords): string {
  const { state, windowDays, remaining, coverage } = slo;
  if (state === 'no_data' || remaining === undefined)
    return `Too little happened in ${windowDays} days to say anything.`;
  const measured = durationInWords(coverage * windowDays * SECONDS_PER_DAY);
  return budgetInWords(slo, remaining) + (coverage < 1 ? ` Measured for ${measured} so far.` : '');
}

function budgetInWords(slo: SloInWords, remaining: number): string {
  const { state, windowDays, secondsToExhaustion: seconds } = slo;
  const budget = `the ${windowDays}-day budget`;
  const spender = spenderInWords(slo);
  if (remaining <= 0) {
    return `${capital(budget)} is spent${overInWords(remaining)}${spender}.`;
  }
  if (state === 'meeting' || seconds === undefined)
    return `${percentInWords(remaining)} of ${budget} is left${spender}.`;
  return `At this speed ${budget} lasts ${durationInWords(seconds)}${spender}.`;
}

/** How much more than the budget was spent; what is many times the budget is not told in percent. */
function overInWords(remaining: number): string {
  if (remaining <= -1) return ` ${timesInWords(1 - remaining)} over`;
  return remaining < 0 ? `, and ${percentInWords(-remaining)} more than it` : '';
}

/** The one who spent most, where that is worth a name: at least a twentieth of the budget. */
function spenderInWords({ remaining = 1, spentBy }: SloInWords): string {
  const [first] = spentBy;
  const share = budgetShareOf(first, remaining);
  if (share < 0.05) return '';
  return share >= 2
    ? `; ${first.name} alone spent it ${timesInWords(share)}`
    : `; ${first.name} spent ${percentInWords(share)} of it`;
}

/**
 * The share of the whole budget that one spender spent; above 1 when it alone overspent it.
 * @param remaining signed share of the budget that is left
 */
export function budgetShareOf(spender: Spender | undefined, remaining: number): number {
  return (spender?.share ?? 0) * (1 - remaining);
}

function capital(text: string): string {
  return text[0].toUpperCase() + text.slice(1);
}
