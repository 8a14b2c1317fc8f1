/** The families about tasks. Counters are totals since the store began, so that they never fall; the rate is that of 24 hours. */
import { DUPLICATE_HEALTHS, duplicateHealth, duplicateRatio } from '../domain/duplicates.ts';
import type { MetricFamily } from '../metrics.ts';
import type { ExpositionPart } from './exposition.ts';
import {
  countLocks,
  groupByTask,
  REQUEST_KEYS,
  readTasks,
  sumKeys,
  TASK_KEYS,
  type TaskFacts,
} from './idempotency-facts.ts';
import { windowUntil } from './report.ts';

const RATE_WINDOW_HOURS = 24;

/** `celery_idempotency_requests_total` and what became of them. */
export const taskCounts: ExpositionPart = async (store, { service }) => {
  const [requests, duplicated] = await Promise.all([
    store.lifetimeCounts({ metric: 'vigil.task.requests', by: REQUEST_KEYS, service }),
    store.lifetimeCounts({ metric: 'vigil.task.duplicated_keys', by: TASK_KEYS, service }),
  ]);
  const tasks = groupByTask(requests, duplicated).toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  const counter = (name: string, help: string, count: (task: TaskFacts) => number): MetricFamily => ({
    name: `celery_idempotency_${name}_total`,
    type: 'counter',
    help,
    samples: tasks.map((task) => ({
      labels: [
        ['endpoint', task.task],
        ['scope', task.scope],
      ],
      value: count(task),
    })),
  });
  return [
    single('duplicate_detected_total', 'counter', 'Keys that met a duplicate.', sumKeys(tasks).duplicateHits),
    counter('requests', 'Idempotency keys that were admitted.', (task) => task.requests),
    counter('duplicate_hits', 'Keys that met a duplicate, by endpoint and scope.', (task) => task.duplicateHits),
    counter('duplicates_prevented', 'Executions that did not happen, as the key was known.', (task) => task.prevented),
  ];
};

/** `celery_idempotency_duplicate_rate` and `celery_idempotency_health_score`. */
export const taskHealth: ExpositionPart = async (store, { service, nowMs }) => {
  const window = windowUntil(nowMs, 'hours', RATE_WINDOW_HOURS);
  const ratio = duplicateRatio(sumKeys(await readTasks(store, { window, service })));
  const health = duplicateHealth(ratio);
  return [
    single(
      'duplicate_rate',
      'gauge',
      'Share of the keys admitted in the last 24 hours that met a duplicate; 0 without any.',
      ratio ?? 0,
    ),
    {
      name: 'celery_idempotency_health_score',
      type: 'gauge',
      help: 'Health by the duplicate rate of the last 24 hours: 1 on the present status, 0 on the others.',
      samples: DUPLICATE_HEALTHS.map((status) => ({
        labels: [['status', status]],
        value: status === health ? 1 : 0,
      })),
    },
  ];
};

/** `celery_idempotency_lock_acquired_total` and `celery_idempotency_lock_failed_total`. */
export const lockCounts: ExpositionPart = async (store, { service }) => {
  const attempts = await store.lifetimeHistograms({
    metric: 'vigil.lock.acquire.duration',
    by: ['vigil.lock.outcome'],
    service,
  });
  const { acquired, held, timeout, error } = countLocks(attempts, []);
  return [
    single('lock_acquired_total', 'counter', 'Locks that were acquired.', acquired),
    single(
      'lock_failed_total',
      'counter',
      'Attempts that found a lock held, timed out or failed.',
      held + timeout + error,
    ),
  ];
};

function single(name: string, type: 'counter' | 'gauge', help: string, value: number): MetricFamily {
  return { name: `celery_idempotency_${name}`, type, help, samples: [{ labels: [], value }] };
}

function nameOf({ task, scope }: TaskFacts): string {
  return `${task}\u0000${scope}`;
}
