import type { Objective } from './objective.ts';

/** The built-in objectives. Generated from otel-config/openslo/objectives.yaml by `npm run generate`. */
export const builtInObjectives = [
  {
    id: 'mutation-latency-p95',
    name: 'Mutations within 500 ms',
    description: '95 % of the mutations that settle take at most 500 ms.',
    subject: 'graphql',
    objective: 0.95,
    windowDays: 30,
    indicator: {
      total: {
        metric: 'vigil.mutation.duration',
        where: {
          'vigil.mutation.outcome': ['success', 'partial', 'failure'],
        },
      },
      part: {
        metric: 'vigil.mutation.duration',
        where: {
          'vigil.mutation.outcome': ['success', 'partial', 'failure'],
        },
        atMost: 0.5,
      },
      partIs: 'good',
    },
  },
  {
    id: 'mutation-latency-p99',
    name: 'Mutations within 1 s',
    description: '99 % of the mutations that settle take at most 1 s.',
    subject: 'graphql',
    objective: 0.99,
    windowDays: 30,
    indicator: {
      total: {
        metric: 'vigil.mutation.duration',
        where: {
          'vigil.mutation.outcome': ['success', 'partial', 'failure'],
        },
      },
      part: {
        metric: 'vigil.mutation.duration',
        where: {
          'vigil.mutation.outcome': ['success', 'partial', 'failure'],
        },
        atMost: 1,
      },
      partIs: 'good',
    },
  },
  {
    id: 'mutation-success',
    name: 'Mutations that do not fail',
    description: '95 % of the mutations do not fail.',
    subject: 'graphql',
    objective: 0.95,
    windowDays: 30,
    indicator: {
      total: {
        metric: 'vigil.mutation.duration',
        where: {},
      },
      part: {
        metric: 'vigil.mutation.duration',
        where: {
          'vigil.mutation.outcome': ['failure'],
        },
      },
      partIs: 'bad',
    },
  },
  {
    id: 'task-duplicates',
    name: 'Task keys without a duplicate',
    description: '99 % of the idempotency keys admitted meet no duplicate.',
    subject: 'tasks',
    objective: 0.99,
    windowDays: 30,
    indicator: {
      total: {
        metric: 'vigil.task.requests',
        where: {
          'vigil.idempotency.outcome': ['executed'],
        },
      },
      part: {
        metric: 'vigil.task.duplicated_keys',
        where: {},
      },
      partIs: 'bad',
    },
  },
] as const satisfies readonly Objective[];
