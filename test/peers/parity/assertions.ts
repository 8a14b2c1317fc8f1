/** What the aggregator found, as assertions of `promtool test rules`. */
import type { Rule } from '../../../aggregator/prometheus-rules/rules.ts';
import type { Evaluation } from './engine.ts';
import { ruleKey } from './rule-engine.ts';
import type { Assertion } from './unit-tests.ts';

const BUDGET_EVERY_MINUTES = 60;

/**
 * Each alert changes where the aggregator's does, at most one evaluation apart, and fires as often, but for one evaluation
 * a change.
 * @param step minutes from one evaluation of the rules to the next
 */
export function alertAssertions(
  rules: readonly Rule[],
  evaluations: readonly Evaluation[],
  step: number,
): readonly Assertion[] {
  const sampled = evaluations.filter((_, minute) => minute % step === 0);
  return rules.flatMap((rule) => {
    const key = ruleKey(rule);
    const fires = sampled.map(({ firing }) => firing.has(key));
    const selector = selectorOf(rule);
    const at = (i: number): Assertion => ({
      expr: `count(${selector}) or vector(0)`,
      minute: i * step,
      value: fires[i] ? 1 : 0,
    });
    const changes = fires.flatMap((now, i) => (i > 0 && now !== fires[i - 1] ? [i] : []));
    const count = fires.filter(Boolean).length;
    const fired = `sum(count_over_time(${selector}[${evaluations.length}m])) or vector(0)`;
    return [
      ...changes.flatMap((i) => [
        ...(i >= 2 && fires[i - 2] === fires[i - 1] ? [at(i - 2)] : []),
        ...(i + 1 < fires.length && fires[i + 1] === fires[i] ? [at(i + 1)] : []),
      ]),
      { expr: `abs((${fired}) - ${count}) <= bool ${changes.length}`, minute: (fires.length - 1) * step, value: 1 },
    ];
  });
}

/** The budget of every hour, within its bound. */
export function budgetAssertions(
  id: string,
  evaluations: readonly Evaluation[],
  bound: (minute: number) => number,
): readonly Assertion[] {
  return evaluations.flatMap(({ standings }, minute) => {
    const remaining = standings.get(id)?.remaining;
    const allowed = bound(minute);
    if (minute % BUDGET_EVERY_MINUTES !== 0 || remaining === undefined || allowed === Infinity) return [];
    const budget = `slo:period_error_budget_remaining:ratio{sloth_slo="${id}"}`;
    return [{ expr: `count(abs(${budget} - (${remaining})) <= ${allowed}) or vector(0)`, minute, value: 1 }];
  });
}

function selectorOf({ alert, labels = {} }: Rule): string {
  const all = { alertname: alert, alertstate: 'firing', ...labels };
  return `ALERTS{${Object.entries(all).map(([key, value]) => `${key}="${value}"`)}}`;
}
