/** GraphQL Mutation Performance: how many, how fast, what failed, and what that does to the objectives. */

import type { DashboardPlan } from '../dashboard.ts';
import { objectivePanels } from '../objectives.ts';
import { coursePanel, heatmapPanel, numberPanel, piePanel, seriesPanel } from '../panels.ts';
import { among, inRange, least, mutationQuantile, perSecond, series, sum, worst } from '../promql.ts';
import { tablePanel } from '../tables.ts';
import { dataAgeSteps, failureSteps, p95Steps, p99Steps } from '../thresholds.ts';

const total = 'graphql_mutation_total';
const success = 'graphql_mutation_success_total';
const failure = 'graphql_mutation_failure_total';
const busiest = `topk(20, ${sum(inRange(total), 'mutation')} > 0)`;
const ofBusiest = (expression: string) => among(busiest, 'mutation', expression);
const ratio = (part: string, whole: string) => `${part} / ${whole}`;
const small = { width: 4, height: 4 };
const half = { width: 12, height: 9 };

const now = {
  title: 'At a glance',
  panels: [
    coursePanel(
      {
        ...small,
        title: 'Mutations',
        unit: 'ops',
        description: 'Mutations a second, those that failed or were aborted included.',
      },
      { expression: sum(perSecond(total)), legend: 'mutations' },
    ),
    coursePanel(
      {
        ...small,
        title: 'Failure share',
        unit: 'percentunit',
        min: 0,
        max: 1,
        steps: failureSteps,
        description: 'Share of mutations whose own field gave an error; red where the objective of 95 % is missed.',
      },
      { expression: ratio(sum(perSecond(failure)), sum(perSecond(total))), legend: 'failure share' },
    ),
    coursePanel(
      {
        ...small,
        title: 'p95',
        unit: 's',
        steps: p95Steps,
        description: '95 % of mutations took at most this; the target is 500 ms. As fine as the histogram’s buckets.',
      },
      { expression: mutationQuantile(0.95), legend: 'p95' },
    ),
    coursePanel(
      {
        ...small,
        title: 'p99',
        unit: 's',
        steps: p99Steps,
        description: '99 % of mutations took at most this; the target is 1 s. As fine as the histogram’s buckets.',
      },
      { expression: mutationQuantile(0.99), legend: 'p99' },
    ),
    numberPanel(
      {
        ...small,
        title: 'Failures',
        unit: 'short',
        decimals: 0,
        description: 'Mutations that failed within the range of time shown.',
      },
      { expression: sum(inRange(failure)), legend: 'failures' },
    ),
    numberPanel(
      {
        ...small,
        title: 'Age of data',
        unit: 's',
        steps: dataAgeSteps,
        description: 'Time since the newest data point reached the aggregator; all other numbers are as old.',
      },
      { expression: least(series('aggregator_store_age_seconds')), legend: 'age' },
    ),
  ],
};

const throughput = {
  title: 'Throughput',
  panels: [
    seriesPanel(
      {
        ...half,
        title: 'Throughput by outcome',
        unit: 'ops',
        min: 0,
        description: 'Mutations a second, stacked. Succeeded in whole or in part; failed; aborted: they never settled.',
        colors: { succeeded: 'green', failed: 'red', aborted: 'orange' },
      },
      [
        { expression: sum(perSecond(success)), legend: 'succeeded' },
        { expression: sum(perSecond(failure)), legend: 'failed' },
        {
          expression: `clamp_min(${sum(perSecond(total))} - ${sum(perSecond(success))} - ${sum(perSecond(failure))}, 0)`,
          legend: 'aborted',
        },
      ],
      { isStacked: true },
    ),
    seriesPanel(
      {
        ...half,
        title: 'Throughput by mutation',
        unit: 'ops',
        min: 0,
        description: 'Mutations a second of the ten that are called most.',
      },
      [{ expression: `topk(10, ${sum(perSecond(total), 'mutation')})`, legend: '{{mutation}}' }],
    ),
  ],
};

const latency = {
  title: 'Latency',
  panels: [
    heatmapPanel(
      { ...half, title: 'Latency heatmap', unit: 's', description: 'How many mutations a second took how long.' },
      { expression: sum(perSecond('graphql_server_mutation_duration_seconds_bucket'), 'le'), legend: '{{le}}' },
    ),
    seriesPanel(
      {
        ...half,
        title: 'Latency percentiles',
        unit: 's',
        min: 0,
        steps: p95Steps,
        description:
          'As fine as the histogram’s buckets. The dots are slow mutations of which the trace is known: a click leads there.',
      },
      [0.5, 0.95, 0.99].map((quantile) => ({
        expression: mutationQuantile(quantile),
        legend: `p${quantile * 100}`,
        withExemplars: quantile === 0.99,
      })),
      { showSteps: true },
    ),
  ],
};

const byMutation = {
  title: 'By mutation',
  panels: [
    tablePanel(
      {
        width: 24,
        height: 9,
        title: 'Top mutations',
        unit: 'short',
        description:
          'The twenty called most within the range of time shown. p95 is always that of the last hour, within 5 % of the true one.',
      },
      [{ label: 'mutation', name: 'Mutation' }],
      [
        { name: 'Count', unit: 'short', decimals: 0, expression: busiest },
        {
          name: 'Mean',
          unit: 's',
          expression: ofBusiest(
            ratio(
              sum(inRange('graphql_mutation_duration_seconds_sum'), 'mutation'),
              sum(inRange('graphql_mutation_duration_seconds_count'), 'mutation'),
            ),
          ),
        },
        {
          name: 'p95 (last hour)',
          unit: 's',
          steps: p95Steps,
          expression: ofBusiest(worst(series('graphql_mutation_duration_seconds', 'quantile="0.95"'), 'mutation')),
        },
        { name: 'Failures', unit: 'short', decimals: 0, expression: ofBusiest(sum(inRange(failure), 'mutation')) },
        {
          name: 'Failure share',
          unit: 'percentunit',
          steps: failureSteps,
          expression: ofBusiest(ratio(sum(inRange(failure), 'mutation'), sum(inRange(total), 'mutation'))),
        },
      ],
    ),
  ],
};

const errors = {
  title: 'Errors',
  panels: [
    piePanel(
      {
        width: 8,
        height: 9,
        title: 'Errors by type',
        unit: 'short',
        decimals: 0,
        description:
          'Failures within the range of time shown, by type of error: its code, else its class, never its message.',
      },
      {
        expression: `topk(10, ${sum(inRange('graphql_mutation_errors_total'), 'error_type')})`,
        legend: '{{error_type}}',
      },
    ),
    seriesPanel(
      {
        width: 16,
        height: 9,
        title: 'Errors by mutation and type',
        unit: 'ops',
        min: 0,
        description: 'Failures a second, stacked; the ten most frequent.',
      },
      [
        {
          expression: `topk(10, ${sum(perSecond('graphql_mutation_errors_total'), 'mutation', 'error_type')})`,
          legend: '{{mutation}}: {{error_type}}',
        },
      ],
      { isStacked: true },
    ),
  ],
};

export const mutationsPlan: DashboardPlan = {
  uid: 'vigil-mutations',
  title: 'GraphQL Mutation Performance',
  description: 'Throughput, latency and errors of GraphQL mutations, and how the objectives stand.',
  from: 'now-1h',
  sections: [now, throughput, latency, byMutation, errors, { title: 'Objectives', panels: objectivePanels() }],
};
