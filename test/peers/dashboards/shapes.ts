/** What a panel needs of an answer to draw anything. */
import type { Panel, Target } from '../../support/dashboards.ts';
import type { Series } from './servers.ts';

/** @returns what is wrong with an answer for this panel; undefined when it can be drawn */
export function misfit(panel: Panel, target: Target, answer: readonly Series[]): string | undefined {
  const drawable = answer.filter(({ points }) => points.some(([, value]) => Number.isFinite(value)));
  if (drawable.length === 0) return 'no finite value';
  const labels = legendLabels(target.legendFormat);
  if (target.format !== 'table')
    for (const { metric } of drawable)
      for (const label of labels) if (metric[label] === undefined) return `a series without ${label}`;
  return needs[panel.type]?.(drawable, target);
}

const needs: Readonly<Record<string, (answer: readonly Series[], target: Target) => string | undefined>> = {
  stat: one,
  gauge: one,
  timeseries: (answer) =>
    answer.some(({ points }) => points.length >= 2) ? undefined : 'no series with two points to draw a line between',
  table: (answer) =>
    answer.every(({ metric }) => Object.keys(metric).length > 0) ? undefined : 'a row without a label to know it by',
  heatmap: (answer) => {
    const edges = answer.map(({ metric }) => Number(metric['le']?.replace('+Inf', 'Infinity')));
    if (edges.some(Number.isNaN)) return 'a bucket without an edge';
    return edges.includes(Infinity) && edges.length > 2 ? undefined : 'too few buckets';
  },
  piechart: notNegative,
  bargauge: notNegative,
};

function one(answer: readonly Series[]): string | undefined {
  return answer.length === 1 ? undefined : `${answer.length} values where one is shown`;
}

function notNegative(answer: readonly Series[]): string | undefined {
  return answer.every(({ points }) => points[0][1] >= 0) ? undefined : 'a share below 0';
}

function legendLabels(legend: string): string[] {
  return [...legend.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label]) => label);
}
