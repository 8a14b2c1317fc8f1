/** Task Idempotency Health: what ran twice, what was kept from it, and whether locks come free. */
import type { DashboardPlan } from '../dashboard.ts';
import { objectivePanels } from '../objectives.ts';
import { barsPanel, gaugePanel, namePanel, numberPanel, piePanel, seriesPanel } from '../panels.ts';
import { among, inRange, perSecond, series, sum, worst } from '../promql.ts';
import { tablePanel } from '../tables.ts';
import { duplicateSteps, lockFailureSteps } from '../thresholds.ts';

const requests = 'celery_idempotency_requests_total';
const hits = 'celery_idempotency_duplicate_hits_total';
const prevented = 'celery_idempotency_duplicates_prevented_total';
const acquired = 'celery_idempotency_lock_acquired_total';
const failed = 'celery_idempotency_lock_failed_total';
const busiest = `topk(20, ${sum(inRange(requests), 'endpoint')} > 0)`;
const ofBusiest = (expression: string) => among(busiest, 'endpoint', expression);
const failureShare = (failures: string, successes: string) => `${failures} / (${failures} + ${successes})`;
const rate24h = worst(series('celery_idempotency_duplicate_rate'));
const small = { width: 4, height: 6 };

const now = {
  title: 'At a glance',
  panels: [
    gaugePanel(
      {
        width: 6,
        height: 6,
        title: 'Duplicate rate',
        unit: 'percentunit',
        min: 0,
        max: 0.05,
        decimals: 2,
        steps: duplicateSteps,
        description:
          'Share of the keys of the last 24 hours that met a duplicate; yellow from 1 %, red from 3 %. With several services the worst.',
      },
      { expression: rate24h, legend: 'duplicate rate' },
    ),
    namePanel(
      {
        ...small,
        width: 3,
        title: 'Health',
        unit: 'short',
        colors: { healthy: 'green', warning: 'yellow', critical: 'red', unknown: 'gray' },
        description: 'By the duplicate rate of the last 24 hours; unknown where no task asked.',
      },
      { expression: `${worst(series('celery_idempotency_health_score'), 'status')} == 1`, legend: '{{status}}' },
    ),
    numberPanel(
      {
        ...small,
        width: 4,
        title: 'Keys admitted',
        unit: 'short',
        decimals: 0,
        description: 'Distinct idempotency keys whose work ran, within the range of time shown.',
      },
      { expression: sum(inRange(requests)), legend: 'keys' },
    ),
    numberPanel(
      {
        ...small,
        title: 'Duplicates prevented',
        unit: 'short',
        decimals: 0,
        description: 'Executions that did not happen as the key was known, within the range of time shown.',
      },
      { expression: sum(inRange(prevented)), legend: 'prevented' },
    ),
    numberPanel(
      {
        ...small,
        title: 'Work saved',
        unit: 'percentunit',
        decimals: 2,
        description: 'Share of all executions asked for that did not happen.',
      },
      {
        expression: `${sum(inRange(prevented))} / (${sum(inRange(prevented))} + ${sum(inRange(requests))})`,
        legend: 'saved',
      },
    ),
    numberPanel(
      {
        ...small,
        width: 3,
        title: 'Locks failed',
        unit: 'percentunit',
        decimals: 2,
        steps: lockFailureSteps,
        description:
          'Share of attempts that found the lock held, timed out, or met an error, within the range of time shown.',
      },
      { expression: failureShare(sum(inRange(failed)), sum(inRange(acquired))), legend: 'failed' },
    ),
  ],
};

const overTime = {
  title: 'Duplicates over time',
  panels: [
    seriesPanel(
      {
        width: 12,
        height: 9,
        title: 'Duplicates prevented over time',
        unit: 'opm',
        min: 0,
        description: 'Executions a minute that did not happen, by task.',
      },
      [{ expression: `60 * ${sum(perSecond(prevented), 'endpoint')}`, legend: '{{endpoint}}' }],
      { as: 'bars', isStacked: true },
    ),
    seriesPanel(
      {
        width: 12,
        height: 9,
        title: 'Duplicate rate over 24 h',
        unit: 'percentunit',
        min: 0,
        steps: duplicateSteps,
        description: 'Share of the keys of the 24 hours before that met a duplicate.',
      },
      [{ expression: rate24h, legend: 'duplicate rate' }],
      { showSteps: true },
    ),
  ],
};

const where = {
  title: 'Where they come from',
  panels: [
    barsPanel(
      {
        width: 10,
        height: 9,
        title: 'Duplicates prevented by task',
        unit: 'short',
        min: 0,
        decimals: 0,
        description: 'The ten tasks with most of them, within the range of time shown.',
      },
      { expression: `sort_desc(topk(10, ${sum(inRange(prevented), 'endpoint')}))`, legend: '{{endpoint}}' },
    ),
    piePanel(
      {
        width: 6,
        height: 9,
        title: 'Keys by scope',
        unit: 'short',
        decimals: 0,
        description: 'Keys admitted within the range of time shown, by what they are unique within.',
      },
      { expression: sum(inRange(requests), 'scope'), legend: '{{scope}}' },
    ),
    piePanel(
      {
        width: 8,
        height: 9,
        title: 'Duplicates prevented by scope',
        unit: 'short',
        decimals: 0,
        description: 'Within the range of time shown.',
      },
      { expression: sum(inRange(prevented), 'scope'), legend: '{{scope}}' },
    ),
    tablePanel(
      {
        width: 24,
        height: 8,
        title: 'Tasks',
        unit: 'short',
        description:
          'The twenty tasks asked for most, within the range of time shown. Duplicates of keys admitted earlier count, too.',
      },
      [{ label: 'endpoint', name: 'Task' }],
      [
        { name: 'Keys', unit: 'short', decimals: 0, expression: busiest },
        {
          name: 'Keys with duplicates',
          unit: 'short',
          decimals: 0,
          expression: ofBusiest(sum(inRange(hits), 'endpoint')),
        },
        {
          name: 'Duplicate rate',
          unit: 'percentunit',
          decimals: 2,
          steps: duplicateSteps,
          expression: ofBusiest(`${sum(inRange(hits), 'endpoint')} / ${sum(inRange(requests), 'endpoint')}`),
        },
        { name: 'Prevented', unit: 'short', decimals: 0, expression: ofBusiest(sum(inRange(prevented), 'endpoint')) },
      ],
    ),
  ],
};

const locks = {
  title: 'Locks',
  panels: [
    seriesPanel(
      {
        width: 12,
        height: 8,
        title: 'Lock attempts',
        unit: 'ops',
        min: 0,
        colors: { acquired: 'green', failed: 'red' },
        description: 'Attempts a second to get a lock. Failed: held by somebody else, timed out, or an error.',
      },
      [
        { expression: sum(perSecond(acquired)), legend: 'acquired' },
        { expression: sum(perSecond(failed)), legend: 'failed' },
      ],
      { isStacked: true },
    ),
    seriesPanel(
      {
        width: 12,
        height: 8,
        title: 'Lock success',
        unit: 'percentunit',
        min: 0,
        max: 1,
        description: 'Share of attempts that got the lock.',
      },
      [{ expression: `1 - ${failureShare(sum(perSecond(failed)), sum(perSecond(acquired)))}`, legend: 'success' }],
    ),
  ],
};

export const idempotencyPlan: DashboardPlan = {
  uid: 'vigil-idempotency',
  title: 'Task Idempotency Health',
  description: 'Duplicates of background tasks, what was kept from running twice, and how locks behave.',
  from: 'now-24h',
  sections: [now, overTime, where, locks, { title: 'Objective', panels: objectivePanels('slo="task-duplicates"') }],
};
