/** What all answers about tasks are made from. */
import { OTHER } from '@vigil/semconv';
import type { KeyCounts, LockCounts } from '../domain/duplicates.ts';
import { EMPTY_HISTOGRAM, type Histogram, merge } from '../domain/histogram.ts';
import type { CountRow, HistogramRow, Store } from '../store/port.ts';
import type { Asked } from './report.ts';

export const TASK_KEYS = ['vigil.task.name', 'vigil.idempotency.scope'] as const;
export const REQUEST_KEYS = [...TASK_KEYS, 'vigil.idempotency.outcome'] as const;

/** Outcomes of duplicates whose work did not run again. */
const PREVENTED_OUTCOMES: readonly string[] = ['prevented', 'replayed', 'in_flight'];

export interface TaskCounts extends KeyCounts {
  /** Duplicates that ran all the same. */
  readonly escaped: number;
}

/** The keys of one task in one scope. */
export interface TaskFacts extends TaskCounts {
  readonly task: string;
  readonly scope: string;
}

export const NO_KEYS: TaskCounts = { requests: 0, duplicateHits: 0, prevented: 0, escaped: 0 };

/** Every task and scope of the window, in no order. */
export async function readTasks(store: Store, { window: { range }, service }: Asked): Promise<TaskFacts[]> {
  const [requests, duplicated] = await Promise.all([
    store.counts({ metric: 'vigil.task.requests', range, by: REQUEST_KEYS, service }),
    store.counts({ metric: 'vigil.task.duplicated_keys', range, by: TASK_KEYS, service }),
  ]);
  return groupByTask(requests, duplicated);
}

/** Rows by `REQUEST_KEYS` and rows by `TASK_KEYS`, as facts by task and scope. */
export function groupByTask(requests: readonly CountRow[], duplicated: readonly CountRow[]): TaskFacts[] {
  const tasks = new Map<string, TaskFacts>();
  const add = (task: string, scope: string, more: Partial<TaskCounts>): void => {
    const named = { task: task || OTHER, scope: scope || OTHER };
    const id = JSON.stringify(named);
    tasks.set(id, { ...addKeys(tasks.get(id) ?? NO_KEYS, { ...NO_KEYS, ...more }), ...named });
  };
  for (const { key, value } of requests) {
    const [task, scope, outcome] = key;
    if (outcome === 'executed') add(task, scope, { requests: value });
    else if (PREVENTED_OUTCOMES.includes(outcome)) add(task, scope, { prevented: value });
    else if (outcome === 'escaped') add(task, scope, { escaped: value });
  }
  for (const { key, value } of duplicated) add(key[0], key[1], { duplicateHits: value });
  return [...tasks.values()];
}

export function sumKeys(all: readonly TaskCounts[]): TaskCounts {
  return all.reduce(addKeys, NO_KEYS);
}

function addKeys(a: TaskCounts, b: TaskCounts): TaskCounts {
  return {
    requests: a.requests + b.requests,
    duplicateHits: a.duplicateHits + b.duplicateHits,
    prevented: a.prevented + b.prevented,
    escaped: a.escaped + b.escaped,
  };
}

export interface LockFacts extends LockCounts {
  /** Seconds until a lock was acquired; attempts that failed are not in it. */
  readonly acquireDurations: Histogram;
  /** Seconds that locks were held, however they ended. */
  readonly holdDurations: Histogram;
}

/** All locks of the window. */
export async function readLocks(store: Store, { window: { range }, service }: Asked): Promise<LockFacts> {
  const [attempts, holds] = await Promise.all([
    store.histograms({ metric: 'vigil.lock.acquire.duration', range, by: ['vigil.lock.outcome'], service }),
    store.histograms({ metric: 'vigil.lock.hold.duration', range, by: ['vigil.lock.release'], service }),
  ]);
  return {
    ...countLocks(attempts, holds),
    acquireDurations: whole(attempts.filter(({ key }) => key[0] === 'acquired')),
    holdDurations: whole(holds),
  };
}

/** @param attempts rows by `vigil.lock.outcome` @param holds rows by `vigil.lock.release` */
export function countLocks(attempts: readonly HistogramRow[], holds: readonly HistogramRow[]): LockCounts {
  const count = (rows: readonly HistogramRow[], value: string): number =>
    rows.reduce((sum, { key, histogram }) => sum + (key[0] === value ? histogram.count : 0), 0);
  return {
    acquired: count(attempts, 'acquired'),
    held: count(attempts, 'held'),
    timeout: count(attempts, 'timeout'),
    error: count(attempts, 'error'),
    released: count(holds, 'released'),
    expired: count(holds, 'expired'),
    lost: count(holds, 'lost'),
  };
}

/** Seconds that it took to find out whether a key is new. */
export async function readCheckDurations(store: Store, { window: { range }, service }: Asked): Promise<Histogram> {
  return whole(await store.histograms({ metric: 'vigil.idempotency.check.duration', range, service }));
}

function whole(rows: readonly HistogramRow[]): Histogram {
  return rows.map((row) => row.histogram).reduce(merge, EMPTY_HISTOGRAM);
}
