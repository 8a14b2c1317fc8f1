/** What `withIdempotency` and `withLock` ask of a store: five atomic steps on the record of one key. */

/** The states in which a claim may find a key. `stale`: its holder's lease ended without a word of it. */
export type ClaimState = 'new' | 'stale' | 'running' | 'done' | 'mismatch';

/** One party that wants a key, and what it holds of it once it has it. */
export interface Claim {
  /** Chosen anew for every claim; whoever has it is the holder. */
  readonly token: string;
  /** Digest of the payload, the same for the same payload; empty where payloads are not compared. */
  readonly fingerprint: string;
  /** How long the key is held without a renewal. */
  readonly leaseMs: number;
  /** How long the record is kept after its last change, at least as long as the lease. */
  readonly keepMs: number;
}

/** A claim that was granted. */
export interface Lease extends Claim {
  /** Greater than that of every earlier holder of the key. */
  readonly fence: number;
}

export interface Claimed {
  /** `new` and `stale`: the claimant holds the key now. */
  readonly state: ClaimState;
  /** Whether this is the key's first duplicate; false for `new`. */
  readonly isFirst: boolean;
  /** 0 unless the claimant holds the key. */
  readonly fence: number;
  /** What `complete` stored; empty where that was nothing, and in every state but `done`. */
  readonly result: string;
  /** The store that answered, as `db.system.name` has it. */
  readonly system: string;
}

export interface Completed {
  /** `taken_over`: another one found the lease ended and took the key; `conflict`: another one got it as a new one. */
  readonly state: 'stored' | 'taken_over' | 'conflict';
  /** Whether a conflict is the key's first duplicate. */
  readonly isFirst: boolean;
}

/** `expired`: nobody else had the key since; `lost`: somebody else had. */
export type Released = 'released' | 'expired' | 'lost';

/** Every step rejects when the store does not answer; then it is not known whether the step was done. */
export interface GuardStore {
  /** As `db.system.name` has it. */
  readonly system: string;
  /** Asking twice with one token is asking once. */
  claim(key: string, claim: Claim, late?: LateClaim): Promise<Claimed>;
  /** Begins the lease anew; a record that the store has lost is made again. @returns false when the key is somebody else's */
  renew(key: string, lease: Lease): Promise<boolean>;
  /**
   * Ends the lease and keeps a result for those that come later; a record that the store has lost is made again.
   * @param later told what a shared store said that did not answer at first, if it ever does
   */
  complete(key: string, lease: Lease, result: string, later?: (completed: Completed) => void): Promise<Completed>;
  /** Ends the lease, and the key is as if it never had been claimed; the fence is remembered. */
  abandon(key: string, lease: Claim): Promise<void>;
  /** Ends the lease; the fence is remembered. */
  release(key: string, lease: Claim): Promise<Released>;
}

/** What becomes of a claim that is granted after its caller was told that the store does not answer. */
export type LateClaim = 'abandon' | 'keep';

/** A store that does not answer, or not in time. */
export class GuardStoreError extends Error {
  override readonly name = 'GuardStoreError';
  readonly code = 'GUARD_STORE_UNAVAILABLE';
}
