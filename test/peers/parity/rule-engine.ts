/** Prometheus' alerting rules over a past stretch: it evaluates their expressions, and their life is followed here. */
import { alertKey } from '../../../aggregator/domain/alert.ts';
import type { Rule } from '../../../aggregator/prometheus-rules/rules.ts';
import type { MetricsServer } from '../dashboards/servers.ts';
import type { Times } from './prometheus.ts';

/** Values of an expression at each evaluation, NaN where it has none. @throws where it gives several series */
export async function valuesOf(server: MetricsServer, expression: string, { from, to }: Times): Promise<Float64Array> {
  const rows = await server.range(expression, { from, to, step: 60 });
  if (rows.length > 1) throw new Error(`${rows.length} series of ${expression}`);
  const values = new Float64Array((to - from) / 60 + 1).fill(Number.NaN);
  for (const [seconds, value] of rows[0]?.points ?? []) values[Math.round((seconds - from) / 60)] = value;
  return values;
}

/** The key of an alert as the aggregator's own have it. */
export function ruleKey({ alert = '', labels = {} }: Rule): string {
  return alertKey({ name: alert, labels });
}

/**
 * Whether an alert fires at each evaluation. Of a rule with a frozen branch the condition and what ends the silence are
 * asked for apart: `ALERTS` of the evaluation before is not there in a range that nobody evaluated.
 */
export async function firingOf(server: MetricsServer, rule: Rule, times: Times): Promise<boolean[]> {
  const [condition, frozen] = rule.expr.split('\nor\n');
  const events =
    frozen === undefined ? undefined : /unless (?:on \(\) \()?(sum\(rate\(.+?\)\) > 0)\)?\n\)/.exec(frozen)?.[1];
  if (frozen !== undefined && (events === undefined || !frozen.includes('ALERTS{')))
    throw new Error(`this rule freezes in another way than its alert is followed here: ${rule.expr}`);
  const [holds, happens] = await Promise.all(
    [condition, events ?? 'vector(1)'].map((expression) => valuesOf(server, expression, times)),
  );
  const forMinutes = Number.parseInt(rule.for ?? '0', 10);
  const firing: boolean[] = [];
  let heldMinutes = 0;
  holds.forEach((value, i) => {
    const isFrozen = firing[i - 1] === true && Number.isNaN(happens[i]);
    heldMinutes = Number.isNaN(value) && !isFrozen ? 0 : heldMinutes + 1;
    firing.push(heldMinutes > 0 && (firing[i - 1] === true || heldMinutes > forMinutes));
  });
  return firing;
}

/** Evaluations at which one side says what the other says neither then nor one evaluation before or after. */
export function apart<Value>(ours: readonly Value[], theirs: readonly Value[]): number[] {
  const misses = (one: readonly Value[], other: readonly Value[]) => (_: Value, i: number) =>
    one[i] === other[i] || one[i] === other[i - 1] || one[i] === other[i + 1] ? [] : [i];
  return [...new Set([...ours.flatMap(misses(ours, theirs)), ...theirs.flatMap(misses(theirs, ours))])].sort(
    (a, b) => a - b,
  );
}
