/** Points about tasks and locks, as their instrumentation sends them. */
import type { PointDescription } from './otlp-json.ts';

type Point = Omit<PointDescription, 'instance' | 'cumulative' | 'startMs' | 'timeMs'>;

/** Counters count their values, whatever those are. */
const times = (n: number): number[] => new Array<number>(n).fill(1);

export function requests(task: string, scope: string, outcome: string, n: number): Point {
  const attributes = {
    'vigil.task.name': task,
    'vigil.idempotency.scope': scope,
    'vigil.idempotency.outcome': outcome,
  };
  return { metric: 'vigil.task.requests', attributes, values: times(n), shape: 'sum' };
}

export function duplicatedKeys(task: string, scope: string, n: number): Point {
  const attributes = { 'vigil.task.name': task, 'vigil.idempotency.scope': scope };
  return { metric: 'vigil.task.duplicated_keys', attributes, values: times(n), shape: 'sum' };
}

export function acquisitions(outcome: string, n: number, seconds = 0.01): Point {
  const attributes = { 'vigil.lock.system': 'redis', 'vigil.lock.outcome': outcome, 'vigil.task.name': 'send_email' };
  const values = new Array<number>(n).fill(seconds);
  return { metric: 'vigil.lock.acquire.duration', attributes, values, shape: { scale: 4 } };
}

export function holds(release: string, n: number, seconds = 0.5): Point {
  const attributes = { 'vigil.lock.system': 'redis', 'vigil.lock.release': release, 'vigil.task.name': 'send_email' };
  const values = new Array<number>(n).fill(seconds);
  return { metric: 'vigil.lock.hold.duration', attributes, values, shape: { scale: 4 } };
}

export function checks(seconds: readonly number[]): Point {
  const attributes = { 'db.system.name': 'redis' };
  return { metric: 'vigil.idempotency.check.duration', attributes, values: seconds, shape: { scale: 4 } };
}
