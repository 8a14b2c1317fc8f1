import { MIN_BAD_EVENTS } from './burn-alerts.ts';
import type { Objective } from './objective.ts';
import type { Recommendation } from './recommendations.ts';
import type { SloState, Spender } from './slo-state.ts';
import { budgetShareOf, sloInWords } from './slo-words.ts';
import { percentInWords } from './words.ts';

const AREA = 'objectives';

/** One spender that used up more than this of a whole error budget is worth a name of its own. */
export const SPENDER_LIMIT_RATIO = 0.5;

/** How an objective stands, as far as recommendations are made from it. */
export interface JudgedObjective {
  readonly slo: Objective;
  readonly state: SloState;
  readonly counts: { readonly good: number; readonly total: number };
  readonly remaining: number | undefined;
  readonly secondsToExhaustion: number | undefined;
  readonly spentBy: readonly Spender[];
  /** Share of the window that data reaches back over, in [0, 1]. */
  readonly coverage: number;
}

const SPEEDS: Readonly<Partial<Record<SloState, { readonly level: 'critical' | 'warning'; readonly verb: string }>>> = {
  exhausted: { level: 'critical', verb: 'is missed' },
  burning: { level: 'warning', verb: 'burns fast' },
  at_risk: { level: 'warning', verb: 'is at risk' },
};

/** What is to be said about an objective; nothing while it is met, or while too little happened. */
export function recommendObjective(judged: JudgedObjective): readonly Recommendation[] {
  return [speedOf(judged), spenderOf(judged)].filter((one) => one !== undefined);
}

function speedOf(judged: JudgedObjective): Recommendation | undefined {
  const { slo, state, remaining } = judged;
  const speed = SPEEDS[state];
  if (speed === undefined || remaining === undefined) return undefined;
  return {
    id: `slo-${state.replace('_', '-')}-${slo.id}`,
    area: AREA,
    level: speed.level,
    message: `“${slo.name}” ${speed.verb}. ${sloInWords({ ...judged, windowDays: slo.windowDays })}`,
    action: 'Look at what spends the budget, and put off risky changes until some of it is back.',
    evidence: {
      signal: 'budget_remaining',
      unit: 'ratio',
      value: remaining,
      threshold: 0,
      source: `objective ${slo.id}`,
    },
    traces: 'none',
    link: `/monitoring/slo/${slo.id}/`,
  };
}

function spenderOf({ slo, counts, remaining, spentBy }: JudgedObjective): Recommendation | undefined {
  const [first] = spentBy;
  const share = budgetShareOf(first, remaining ?? 1);
  if (share <= SPENDER_LIMIT_RATIO || counts.total - counts.good < MIN_BAD_EVENTS) return undefined;
  return {
    id: `slo-spender-${slo.id}`,
    area: AREA,
    level: 'warning',
    message: `${first.name} alone spent ${percentInWords(share)} of the error budget of “${slo.name}”.`,
    action: `Mend ${first.name} first: nothing else gives back as much of the budget.`,
    evidence: {
      signal: 'budget_share',
      unit: 'ratio',
      value: share,
      threshold: SPENDER_LIMIT_RATIO,
      source: 'half of the error budget',
    },
    traces: 'none',
    link: `/monitoring/slo/${slo.id}/`,
  };
}
