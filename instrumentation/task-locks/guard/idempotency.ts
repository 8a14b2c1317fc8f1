/** Work that happens once for each key, whoever asks and how often. */
import { randomUUID } from 'node:crypto';
import { diag } from '@opentelemetry/api';
import { canonicalJson, digestOf } from './canonical.ts';
import { type CategoryName, ttlMsOf } from './categories.ts';
import { keepLease } from './lease.ts';
import { askNow, reportCheck, reportRequest } from './report.ts';
import type { Claimed, Completed, GuardStore, Lease } from './store.ts';
import { checkMs, checkSubject, type Subject, storeKey } from './subject.ts';

export interface IdempotencyOptions extends Subject {
  readonly store: GuardStore;
  /** What tells one piece of work from another, such as an `Idempotency-Key`. @default a SHA-256 of `args` */
  readonly key?: string;
  /** What the work is done with. Beside a key: the same key with other arguments is a mismatch. */
  readonly args?: unknown;
  /** How long a key is remembered, by the kind of work. @default 'request' */
  readonly category?: CategoryName;
  /** How long a key is remembered, instead of by category. */
  readonly ttlMs?: number;
  /** How long the work counts as running after its process was last heard of; it is renewed. @default 30000 */
  readonly leaseMs?: number;
  /** Whether duplicates get the stored result, as JSON carries it. @default true */
  readonly replay?: boolean;
}

/** What guarded work is given. */
export interface GuardContext {
  /** Greater than that of every earlier run of the key: what the work writes to can refuse a smaller one. */
  readonly fence: number;
  /** Aborted when the key is no longer held. */
  readonly signal: AbortSignal;
}

/**
 * `executed`: the key was new and the work ran. `escaped`: it ran, though it may have run before: whoever began it was not
 * heard of again. `replayed`: the stored result. `prevented`: done before, and no result is stored. `in_flight`: another
 * one is at it. `mismatch`: the key belongs to other arguments.
 */
export type IdempotencyResult<Value> =
  | { readonly outcome: 'executed' | 'escaped' | 'replayed'; readonly value: Value }
  | { readonly outcome: 'prevented' | 'in_flight' | 'mismatch' };

/** Longest result that is stored, in characters of JSON. */
const MAX_RESULT_LENGTH = 256 * 1024;
const WHERE = 'withIdempotency';

/**
 * Runs work unless its key is known. Work that fails frees its key: the next one runs it again.
 * @returns what became of it; duplicates are no errors
 * @throws what the work throws; TypeError for options that cannot be; GuardStoreError when the store does not answer,
 *   and then the work has not run. A store that fails after the work does not: the result is returned, and told to `diag`.
 */
export async function withIdempotency<Value>(
  options: IdempotencyOptions,
  work: (context: GuardContext) => Value | Promise<Value>,
): Promise<IdempotencyResult<Value>> {
  const { store } = options;
  const { key, fingerprint } = keyOf(options);
  const keepMs = ttlMsOf(WHERE, options);
  const leaseMs = Math.min(checkMs(WHERE, 'leaseMs', options.leaseMs ?? 30_000, 10), keepMs);
  const claim = { token: randomUUID(), fingerprint, leaseMs, keepMs };
  const asked = askNow();
  const claimed = await store.claim(key, claim);
  reportCheck(claimed.system, asked);
  if (claimed.fence === 0) return duplicate(options, key, claimed);
  const outcome = claimed.state === 'new' ? 'executed' : 'escaped';
  const lease = { ...claim, fence: claimed.fence };
  reportRequest(options, key, outcome, claimed.isFirst);
  const value = await runGuarded(options, key, lease, work);
  return { outcome, value };
}

function duplicate<Value>(options: IdempotencyOptions, key: string, claimed: Claimed): IdempotencyResult<Value> {
  const { state, isFirst, result } = claimed;
  const isReplayed = state === 'done' && result !== '' && options.replay !== false;
  const outcome = isReplayed
    ? 'replayed'
    : state === 'running'
      ? 'in_flight'
      : state === 'done'
        ? 'prevented'
        : 'mismatch';
  reportRequest(options, key, outcome, isFirst);
  if (outcome !== 'replayed') return { outcome };
  return { outcome, value: (JSON.parse(result) as { value?: Value }).value as Value };
}

async function runGuarded<Value>(
  options: IdempotencyOptions,
  key: string,
  lease: Lease,
  work: (context: GuardContext) => Value | Promise<Value>,
): Promise<Value> {
  const { store } = options;
  const kept = keepLease({ store, key, lease, renew: true });
  let value: Value;
  try {
    value = await work({ fence: lease.fence, signal: kept.signal });
  } catch (error) {
    await kept.stop();
    await afterwards(() => store.abandon(key, lease));
    throw error;
  }
  await kept.stop();
  await afterwards(async () => {
    // Taken over: whoever did has counted it.
    const count = ({ state, isFirst }: Completed): void => {
      if (state === 'conflict') reportRequest(options, key, 'escaped', isFirst);
    };
    count(await store.complete(key, lease, options.replay === false ? '' : resultOf(value), count));
  });
  return value;
}

/** The work is done: its caller gets what it gave, whatever becomes of the record. */
async function afterwards(tell: () => Promise<void>): Promise<void> {
  try {
    await tell();
  } catch (error) {
    diag.warn('a guard could not tell its store that the work has ended; its lease will', error);
  }
}

/** @returns '' when the result cannot be stored: duplicates then are prevented, and get none */
function resultOf(value: unknown): string {
  try {
    const text = JSON.stringify({ value });
    if (text.length <= MAX_RESULT_LENGTH) return text;
    diag.warn(`a result is longer than ${MAX_RESULT_LENGTH} characters and is not stored`);
  } catch (error) {
    diag.warn('a result is no JSON and is not stored', error);
  }
  return '';
}

function keyOf(options: IdempotencyOptions): { readonly key: string; readonly fingerprint: string } {
  checkSubject(WHERE, options);
  const { key, args } = options;
  if (key === undefined && args === undefined) throw new TypeError(`${WHERE}: give a key, or args to make one of`);
  if (key !== undefined && (typeof key !== 'string' || key === ''))
    throw new TypeError(`${WHERE}: key takes a text that is not empty`);
  const fingerprint = args === undefined ? '' : digestOf(canonicalJson(args));
  // What is given and what is computed never meet.
  const own = key === undefined ? `args ${fingerprint}` : `key ${key}`;
  return { key: storeKey('idempotency', options, own), fingerprint };
}
