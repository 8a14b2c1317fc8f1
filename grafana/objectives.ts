/** How objectives stand: their budgets and how fast they are spent. */
import type { PanelDraft } from './layout.ts';
import { seriesPanel } from './panels.ts';
import { least, series, worst } from './promql.ts';
import { tablePanel } from './tables.ts';
import { budgetSteps, burnSteps } from './thresholds.ts';

/** @param matchers which objectives, such as `slo="task-duplicates"`; all of them without */
export function objectivePanels(...matchers: readonly string[]): readonly PanelDraft[] {
  const remaining = least(series('slo_error_budget_remaining_ratio', ...matchers), 'slo');
  const burn = (window: string) => worst(series('slo_burn_rate', `window="${window}"`, ...matchers), 'slo');
  return [
    tablePanel(
      {
        width: 24,
        height: 7,
        title: 'Objectives',
        unit: 'short',
        description:
          'Worst budget first. The budget is the share of bad events that the objective allows over its window; below 0 it is overspent. A burn rate of 1 spends exactly all of it.',
      },
      [{ label: 'slo', name: 'Objective' }],
      [
        { name: 'Budget left', unit: 'percentunit', decimals: 1, steps: budgetSteps, expression: remaining },
        { name: 'Aimed at', unit: 'percentunit', expression: worst(series('slo_objective_ratio', ...matchers), 'slo') },
        {
          name: 'Attained',
          unit: 'percentunit',
          decimals: 2,
          expression: least(series('slo_attained_ratio', ...matchers), 'slo'),
        },
        { name: 'Burn 1 h', unit: 'short', decimals: 2, steps: burnSteps, expression: burn('1h') },
        { name: 'Burn 6 h', unit: 'short', decimals: 2, steps: burnSteps, expression: burn('6h') },
        { name: 'Burn 3 d', unit: 'short', decimals: 2, steps: burnSteps, expression: burn('3d') },
      ],
      true,
    ),
    seriesPanel(
      {
        width: 12,
        height: 8,
        title: 'Error budget left',
        unit: 'percentunit',
        max: 1,
        steps: budgetSteps,
        description: 'Share of the error budget that is left; below 0 it is overspent.',
      },
      [{ expression: remaining, legend: '{{slo}}' }],
      { showSteps: true },
    ),
    seriesPanel(
      {
        width: 12,
        height: 8,
        title: 'Burn rate over 1 h',
        unit: 'short',
        min: 0,
        steps: burnSteps,
        description:
          'How many times faster than sustainable the budget is spent. From 6 on for six hours somebody is paged.',
      },
      [{ expression: burn('1h'), legend: '{{slo}}' }],
      { showSteps: true },
    ),
  ];
}
