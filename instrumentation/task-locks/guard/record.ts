/** The life of one key's record, without time or storage of its own. `redis-scripts.ts` says the same in Lua. */
import type { Claim, Claimed, Completed, Lease, Released } from './store.ts';

/** How long the fence of a free key is remembered; later ones go by the clock alone. */
export const FENCE_KEPT_MS = 3_600_000;

export interface GuardRecord {
  /** The holder's; undefined when the key is free again. */
  readonly token: string | undefined;
  readonly leaseUntilMs: number;
  readonly fingerprint: string;
  readonly fence: number;
  /** Of the first duplicate, so that it is told apart when it asks again; undefined while there is none. */
  readonly duplicate: string | undefined;
  readonly wasTakenOver: boolean;
  /** undefined while the work is not done. */
  readonly result: string | undefined;
  readonly keepUntilMs: number;
}

/** How a step leaves the record, and what it answers. */
export interface Step<Answer> {
  /** undefined: there is none any more. */
  readonly record: GuardRecord | undefined;
  readonly answer: Answer;
}

type Found = GuardRecord | undefined;

export function claimRecord(found: Found, claim: Claim, nowMs: number): Step<Omit<Claimed, 'system'>> {
  if (found?.token === claim.token && found.result === undefined)
    return { record: found, answer: { state: 'new', isFirst: false, fence: found.fence, result: '' } };
  const duplicate = found?.token === undefined ? undefined : (found.duplicate ?? claim.token);
  const isFirst = duplicate === claim.token;
  if (found?.token !== undefined) {
    const state = stateOf(found, claim, nowMs);
    if (state !== undefined) {
      const result = state === 'done' ? (found.result ?? '') : '';
      return { record: { ...found, duplicate }, answer: { state, isFirst, fence: 0, result } };
    }
  }
  const isStale = found?.token !== undefined;
  const fence = nextFence(found, nowMs);
  return {
    record: { ...held({ ...claim, fence }, nowMs), duplicate, wasTakenOver: isStale },
    answer: { state: isStale ? 'stale' : 'new', isFirst, fence, result: '' },
  };
}

/** Why a key cannot be had; undefined when it can, since its lease has ended. */
function stateOf(found: GuardRecord, claim: Claim, nowMs: number): 'mismatch' | 'done' | 'running' | undefined {
  if (found.fingerprint !== claim.fingerprint) return 'mismatch';
  if (found.result !== undefined) return 'done';
  return found.leaseUntilMs > nowMs ? 'running' : undefined;
}

/** Microseconds of the clock, so that a store that lost its records goes on above what it gave before. */
function nextFence(found: Found, nowMs: number): number {
  return Math.max((found?.fence ?? 0) + 1, Math.floor(nowMs * 1000));
}

function held(lease: Lease, nowMs: number): GuardRecord {
  const { token, fingerprint, fence, leaseMs, keepMs } = lease;
  const times = { leaseUntilMs: nowMs + leaseMs, keepUntilMs: nowMs + keepMs };
  return { token, fingerprint, fence, ...times, duplicate: undefined, wasTakenOver: false, result: undefined };
}

export function renewRecord(found: Found, lease: Lease, nowMs: number): Step<boolean> {
  if (found === undefined) return { record: held(lease, nowMs), answer: true };
  if (found.token !== lease.token || found.result !== undefined) return { record: found, answer: false };
  const times = { leaseUntilMs: nowMs + lease.leaseMs, keepUntilMs: nowMs + lease.keepMs };
  return { record: { ...found, ...times }, answer: true };
}

export function completeRecord(found: Found, lease: Lease, result: string, nowMs: number): Step<Completed> {
  if (found?.token !== undefined && found.token !== lease.token) {
    if (found.wasTakenOver) return { record: found, answer: { state: 'taken_over', isFirst: false } };
    const duplicate = found.duplicate ?? lease.token;
    const isFirst = duplicate === lease.token;
    return { record: { ...found, duplicate }, answer: { state: 'conflict', isFirst } };
  }
  const own = found?.token === lease.token ? found : held(lease, nowMs);
  const fence = Math.max(lease.fence, found?.fence ?? 0);
  const record = { ...own, fence, result, leaseUntilMs: 0, keepUntilMs: nowMs + lease.keepMs };
  return { record, answer: { state: 'stored', isFirst: false } };
}

export function abandonRecord(found: Found, claim: Claim, nowMs: number): Step<void> {
  if (found === undefined || found.token !== claim.token) return { record: found, answer: undefined };
  return { record: free(found, nowMs + Math.min(claim.keepMs, FENCE_KEPT_MS)), answer: undefined };
}

/** Nobody holds the key, and all that is known of it is its fence. */
function free({ fence }: GuardRecord, keepUntilMs: number): GuardRecord {
  const unknown = { token: undefined, leaseUntilMs: 0, fingerprint: '', result: undefined };
  return { ...unknown, fence, duplicate: undefined, wasTakenOver: false, keepUntilMs };
}

export function releaseRecord(found: Found, claim: Claim, nowMs: number): Step<Released> {
  if (found === undefined || found.token === undefined) return { record: found, answer: 'expired' };
  if (found.token !== claim.token) return { record: found, answer: 'lost' };
  const record = free(found, nowMs + Math.min(claim.keepMs, FENCE_KEPT_MS));
  return { record, answer: found.leaseUntilMs > nowMs ? 'released' : 'expired' };
}
