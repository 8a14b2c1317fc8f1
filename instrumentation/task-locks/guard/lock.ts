/** Work that one at a time does, whoever wants to. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { diag } from '@opentelemetry/api';
import type { GuardContext } from './idempotency.ts';
import { keepLease } from './lease.ts';
import { FENCE_KEPT_MS } from './record.ts';
import { askNow, reportAttempt, reportRelease, reportRenewal } from './report.ts';
import type { Claim, Claimed, GuardStore, Lease, Released } from './store.ts';
import { checkMs, checkSubject, type Subject, storeKey } from './subject.ts';

export interface LockOptions extends Subject {
  readonly store: GuardStore;
  /** Which of the task's locks. @default the task has one (in its scope, for its owner) */
  readonly key?: string;
  /** How long the lock is held after its process was last heard of. @default 30000 */
  readonly leaseMs?: number;
  /** Whether the lease is renewed while the work runs. @default true */
  readonly renew?: boolean;
  /** How long to wait for a lock that somebody else holds. @default 0 */
  readonly waitMs?: number;
}

/**
 * `release` tells whether the lock was held to the end: `expired`: its lease ended before the work, and nobody else had
 * it; `lost`: somebody else had. `held`: somebody else has it; `timeout`: all the time that was waited.
 */
export type LockResult<Value> =
  | { readonly outcome: 'acquired'; readonly value: Value; readonly release: Released }
  | { readonly outcome: 'held' | 'timeout' };

/** Between two tries, about: half of it to one and a half. */
const RETRY_MS = 60;
const WHERE = 'withLock';

/**
 * Runs work while holding a lock.
 * @throws what the work throws; TypeError for options that cannot be; GuardStoreError when the store does not answer,
 *   and then the work has not run
 */
export async function withLock<Value>(
  options: LockOptions,
  work: (context: GuardContext) => Value | Promise<Value>,
): Promise<LockResult<Value>> {
  checkSubject(WHERE, options);
  const waitMs = checkMs(WHERE, 'waitMs', options.waitMs ?? 0, 0);
  const leaseMs = checkMs(WHERE, 'leaseMs', options.leaseMs ?? 30_000, 10);
  const key = storeKey('lock', options, options.key ?? '');
  const claim = { token: randomUUID(), fingerprint: '', leaseMs, keepMs: leaseMs + FENCE_KEPT_MS };
  const asked = askNow();
  let claimed: Claimed;
  try {
    claimed = await claimWithin(options.store, key, claim, waitMs);
  } catch (error) {
    reportAttempt({ key, system: options.store.system, subject: options }, asked, 'error');
    throw error;
  }
  const lock = { key, system: claimed.system, subject: options };
  if (claimed.fence === 0) {
    const outcome = waitMs > 0 ? 'timeout' : 'held';
    reportAttempt(lock, asked, outcome);
    return { outcome };
  }
  const lease = { ...claim, fence: claimed.fence };
  reportAttempt(lock, asked, 'acquired', lease);
  return runLocked(options, lock, lease, work);
}

async function claimWithin(store: GuardStore, key: string, claim: Claim, waitMs: number): Promise<Claimed> {
  const deadlineMs = performance.now() + waitMs;
  for (;;) {
    const claimed = await store.claim(key, claim);
    const leftMs = deadlineMs - performance.now();
    if (claimed.fence > 0 || leftMs <= 0) return claimed;
    // Those who wait for one lock do not all ask in the same moment.
    await delay(Math.min(leftMs, RETRY_MS * (0.5 + Math.random())));
  }
}

async function runLocked<Value>(
  { store, renew = true }: LockOptions,
  lock: { readonly key: string; readonly system: string; readonly subject: Subject },
  lease: Lease,
  work: (context: GuardContext) => Value | Promise<Value>,
): Promise<LockResult<Value>> {
  const sinceMs = performance.now();
  const onRenewal = (renewal: 'renewed' | 'lost'): void => reportRenewal(lock.system, renewal);
  const kept = keepLease({ store, key: lock.key, lease, renew, onRenewal });
  const end = async (): Promise<Released> => {
    await kept.stop();
    const release = await releaseOf(store, lock.key, lease, kept.signal);
    reportRelease(lock, lease, release, performance.now() - sinceMs);
    return release;
  };
  let value: Value;
  try {
    value = await work({ fence: lease.fence, signal: kept.signal });
  } catch (error) {
    await end();
    throw error;
  }
  return { outcome: 'acquired', value, release: await end() };
}

/** A store that does not answer leaves the lock to the end of its lease. */
async function releaseOf(store: GuardStore, key: string, lease: Lease, signal: AbortSignal): Promise<Released> {
  try {
    return await store.release(key, lease);
  } catch (error) {
    diag.warn('a lock could not be released; its lease will end', error);
    return signal.aborted ? 'expired' : 'released';
  }
}
