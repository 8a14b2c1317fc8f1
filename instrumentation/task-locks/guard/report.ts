/** What guards tell the instrumentation that observes this process; without one they do their work all the same. */
import { diag } from '@opentelemetry/api';
import { running } from '../running.ts';
import type { IdempotencyOutcome, LockOutcome } from '../telemetry.ts';
import { type Asked, ask, countRequest, endAttempt, type Watch } from '../watch.ts';
import type { Lease, Released } from './store.ts';
import type { Subject } from './subject.ts';

/** Nothing of ours ends the work that is guarded. */
function tell(report: (watch: Watch) => void): void {
  const watch = running();
  if (watch?.enabled !== true) return;
  try {
    report(watch);
  } catch (error) {
    diag.error('a guard could not be reported', error);
  }
}

export const askNow: () => Asked = ask;

/** @param isFirst whether it is the key's first duplicate */
export function reportRequest(
  subject: Subject & { readonly key?: string },
  key: string,
  outcome: IdempotencyOutcome,
  isFirst: boolean,
): void {
  tell((watch) => {
    const task = watch.names.limit(subject.task);
    countRequest(watch, { key, givenKey: subject.key, task, scope: subject.scope ?? 'global' }, outcome, isFirst);
  });
}

export function reportCheck(system: string, asked: Asked): void {
  tell((watch) => watch.telemetry.check(system, performance.now() - asked.startMs));
}

/** @param lease of the lock when it was got */
export function reportAttempt(
  lock: { readonly key: string; readonly system: string; readonly subject: Subject },
  asked: Asked,
  outcome: LockOutcome,
  lease?: Lease,
): void {
  tell((watch) => {
    const { system, subject } = lock;
    const got = lease && { token: lease.token, ttlMs: lease.leaseMs };
    endAttempt(watch, asked, { key: heldAs(lock.key), system, task: watch.names.limit(subject.task) }, outcome, got);
  });
}

export function reportRenewal(system: string, renewal: 'renewed' | 'lost'): void {
  tell((watch) => watch.telemetry.lockRenewal(system, renewal));
}

export function reportRelease(
  lock: { readonly key: string; readonly system: string; readonly subject: Subject },
  lease: Lease,
  release: Released,
  heldMs: number,
): void {
  tell((watch) => {
    // After a loss somebody else of this process may hold it.
    if (watch.held.get(heldAs(lock.key))?.token === lease.token) watch.held.take(heldAs(lock.key));
    watch.telemetry.lockReleased(lock.system, watch.names.limit(lock.subject.task), release, heldMs);
  });
}

/** Apart from the keys that the hooks of Redis follow: a script with this key and token is ours. */
function heldAs(key: string): string {
  return `guard ${key}`;
}
