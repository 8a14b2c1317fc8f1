/** Keeps a lease for as long as its work runs, and tells the work when it is lost. */
import type { GuardStore, Lease } from './store.ts';

/** The key is no longer held; what is done from here on somebody else may do as well. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
  readonly code = 'LEASE_LOST';
}

export interface KeptLease {
  /** Aborted with a `LeaseLostError` when the lease ends before the work. */
  readonly signal: AbortSignal;
  /** Ends the renewals, and waits for one that is under way. */
  stop(): Promise<void>;
}

/** A lease is renewed this many times before it would end: two may fail. */
const RENEWALS_PER_LEASE = 3;

export interface KeepOptions {
  readonly store: GuardStore;
  readonly key: string;
  readonly lease: Lease;
  /** false: the lease ends when its time is over. */
  readonly renew: boolean;
  /** Told of each renewal that the store answered, and of none that it did not. */
  readonly onRenewal?: (renewal: 'renewed' | 'lost') => void;
}

export function keepLease({ store, key, lease, renew, onRenewal }: KeepOptions): KeptLease {
  const lost = new AbortController();
  const lose = (why: string): void => {
    clearTimeout(expiry);
    clearInterval(renewals);
    lost.abort(new LeaseLostError(why));
  };
  // The store began its lease before it answered: ours ends a little later, unless it is told to end here.
  const expireIn = (ms: number): NodeJS.Timeout =>
    setTimeout(() => lose('the lease ended before the work'), Math.min(ms, LONGEST_TIMER_MS)).unref();
  let expiry = expireIn(lease.leaseMs);
  let underWay: Promise<void> | undefined;

  const renewOnce = async (): Promise<void> => {
    const askedMs = performance.now();
    try {
      const held = await store.renew(key, lease);
      if (isStopped) return;
      onRenewal?.(held ? 'renewed' : 'lost');
      if (!held) return lose('somebody else holds the key');
      clearTimeout(expiry);
      if (!lost.signal.aborted) expiry = expireIn(lease.leaseMs - (performance.now() - askedMs));
    } catch {
      // The store is down: the next renewal may find it up again, else the lease ends.
    }
  };
  let isStopped = false;
  const renewals = setInterval(
    () => {
      underWay ??= renewOnce().finally(() => {
        underWay = undefined;
      });
    },
    Math.min(lease.leaseMs / RENEWALS_PER_LEASE, LONGEST_TIMER_MS),
  ).unref();
  if (!renew) clearInterval(renewals);
  return {
    signal: lost.signal,
    async stop() {
      isStopped = true;
      clearTimeout(expiry);
      clearInterval(renewals);
      await underWay;
    },
  };
}

/** Node ends a longer timer at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
