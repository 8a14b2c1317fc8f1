/** Objectives out, as OpenSLO v1: what `readOpenSlo` reads as the same objectives. */
import { stringify } from 'yaml';
import type { EventSelection, Indicator, Objective } from '../domain/objective.ts';

/** A document an objective, with `---` between. */
export function writeOpenSlo(objectives: readonly Objective[]): string {
  return objectives.map((objective) => `---\n${stringify(documentOf(objective), { lineWidth: 0 })}`).join('');
}

function documentOf({ id, name, description, subject, objective, windowDays, indicator }: Objective): object {
  const threshold = thresholdOf(indicator);
  const spec =
    threshold === undefined
      ? { ratioMetric: ratioMetric(indicator) }
      : { thresholdMetric: metricSource(indicator.total) };
  const comparison = threshold === undefined ? {} : { op: 'lte', value: threshold };
  return {
    apiVersion: 'openslo/v1',
    kind: 'SLO',
    metadata: { name: id, displayName: name },
    spec: {
      description,
      service: subject,
      indicator: { metadata: { name: id }, spec },
      timeWindow: [{ duration: `${windowDays}d`, isRolling: true }],
      budgetingMethod: 'Occurrences',
      objectives: [{ ...comparison, target: objective }],
    },
  };
}

/** The threshold where good events are those of the total that are at most one. */
function thresholdOf({ total, part, partIs }: Indicator): number | undefined {
  const isSame = part.metric === total.metric && JSON.stringify(part.where) === JSON.stringify(total.where);
  return partIs === 'good' && isSame && total.atMost === undefined ? part.atMost : undefined;
}

function ratioMetric({ total, part, partIs }: Indicator): object {
  return { counter: true, [partIs]: metricSource(part), total: metricSource(total) };
}

function metricSource({ metric, where, atMost }: EventSelection): object {
  const conditions = Object.keys(where).length > 0 ? { where } : {};
  return {
    metricSource: { type: 'Vigil', spec: { metric, ...conditions, ...(atMost === undefined ? {} : { atMost }) } },
  };
}
