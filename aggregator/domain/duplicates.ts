/** How often the same work was asked for twice, and what was saved by not doing it. */

/** What happened to idempotency keys in a span of time. */
export interface KeyCounts {
  /** Distinct keys that were admitted: their work ran. */
  readonly requests: number;
  /** Keys that met at least one duplicate; those of keys admitted earlier are among them, so it may exceed `requests`. */
  readonly duplicateHits: number;
  /** Executions that did not happen, since the key was known. */
  readonly prevented: number;
}

export type DuplicateHealth = 'healthy' | 'warning' | 'critical' | 'unknown';

/** Every value of `DuplicateHealth`, best first. */
export const DUPLICATE_HEALTHS: readonly DuplicateHealth[] = ['healthy', 'warning', 'critical', 'unknown'];

/** From this share of keys on clients or queues repeat themselves; the objective `task-duplicates` aims to stay below. */
export const DUPLICATE_WARNING_RATIO = 0.01;

/** Three times the objective's share: at 3 % repetitions are a fault of somebody, not chance. */
export const DUPLICATE_CRITICAL_RATIO = 0.03;

/** Half of the objective's share: nothing to do. */
export const DUPLICATE_EXCELLENT_RATIO = 0.005;

/** @returns share of admitted keys that met a duplicate, at least 0; undefined without admitted keys */
export function duplicateRatio({ requests, duplicateHits }: KeyCounts): number | undefined {
  return requests > 0 ? duplicateHits / requests : undefined;
}

/** @param ratio see `duplicateRatio`; the bounds themselves belong to the worse side */
export function duplicateHealth(ratio: number | undefined): DuplicateHealth {
  if (ratio === undefined) return 'unknown';
  if (ratio >= DUPLICATE_CRITICAL_RATIO) return 'critical';
  return ratio >= DUPLICATE_WARNING_RATIO ? 'warning' : 'healthy';
}

/** @returns share of all executions that were asked for and did not have to happen, in [0, 1]; undefined without any */
export function savedRatio({ requests, prevented }: KeyCounts): number | undefined {
  const askedFor = requests + prevented;
  return askedFor > 0 ? prevented / askedFor : undefined;
}

/** How attempts to get a lock, and the locks that were held, ended. */
export interface LockCounts {
  readonly acquired: number;
  /** Somebody else had it: contention, which is what locks are for. */
  readonly held: number;
  /** Given up after waiting. */
  readonly timeout: number;
  readonly error: number;
  readonly released: number;
  /** The lease ended before its holder was done. */
  readonly expired: number;
  /** Somebody else took it over. */
  readonly lost: number;
}

/** @returns share of all attempts that got the lock, in [0, 1]; undefined without attempts */
export function acquisitionRatio({ acquired, held, timeout, error }: LockCounts): number | undefined {
  const attempts = acquired + held + timeout + error;
  return attempts > 0 ? acquired / attempts : undefined;
}

/**
 * Share of acquisitions that went wrong: timeouts, errors and locks that were lost. Attempts that found the lock held
 * stand apart: they ended as they should.
 * @returns a ratio in [0, 1], undefined where nobody got a lock, waited for one in vain or met an error
 */
export function lockFaultRatio({ acquired, timeout, error, lost }: LockCounts): number | undefined {
  const acquisitions = acquired + timeout + error;
  // A lock that was lost may have been acquired before the window began.
  return acquisitions > 0 ? Math.min(1, (timeout + error + lost) / acquisitions) : undefined;
}

/** @returns share of locks that ended before their holder was done, in [0, 1]; undefined when none ended */
export function brokenLeaseRatio({ released, expired, lost }: LockCounts): number | undefined {
  const ended = released + expired + lost;
  return ended > 0 ? (expired + lost) / ended : undefined;
}
