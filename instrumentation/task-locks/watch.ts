/** What all hooks of one instrumentation share. */
import type { Context, DiagLogger, SpanContext } from '@opentelemetry/api';
import { context } from '@opentelemetry/api';
import { type BoundedMap, createBoundedMap } from './bounded-map.ts';
import type { KeyNames } from './key-names.ts';
import { currentKeyedRequest, type KeyedRequest } from './keyed-requests.ts';
import type { IdempotencyOutcome, LockOutcome, TaskTelemetry } from './telemetry.ts';

/** A lock that this process holds, or believes to hold. */
export interface HeldLock {
  readonly system: string;
  readonly task: string;
  /** Of the monotonic clock, in milliseconds. */
  readonly sinceMs: number;
  /** When it expires unless it is renewed, of the same clock; undefined: never. */
  expiresMs: number | undefined;
  /** What its holder wrote into it. */
  readonly token: string;
  readonly span: SpanContext | undefined;
}

export interface Watch {
  enabled: boolean;
  readonly telemetry: TaskTelemetry;
  readonly names: KeyNames;
  /** Locks that this process holds, by key. */
  readonly held: BoundedMap<string, HeldLock>;
  /** Keys whose first duplicate is counted. */
  readonly duplicated: BoundedMap<string, true>;
  readonly diag: DiagLogger;
}

/** Most locks of one process that are followed to their release; beyond, the oldest is no longer. */
export const MAX_HELD = 10_000;
/** Most keys of one process of which it is known that they have met a duplicate. */
export const MAX_DUPLICATED = 10_000;

export function createWatch(parts: Pick<Watch, 'telemetry' | 'names' | 'diag'>): Watch {
  return {
    enabled: false,
    held: createBoundedMap(MAX_HELD),
    duplicated: createBoundedMap(MAX_DUPLICATED),
    ...parts,
  };
}

/**
 * An attempt to get a lock, or a question about a key, that has begun.
 *
 * A class, as are the others of which each command has one: where they outlive a few scavenges together with the promises
 * of their command V8 allocates object literals in the old generation from then on, which costs twice as much.
 */
export class Asked {
  readonly startMs: number = performance.now();
  readonly epochMs: number = Date.now();
  readonly parent: Context = context.active();
  /** The HTTP request with an `Idempotency-Key` for which it is asked. */
  readonly request: KeyedRequest | undefined = currentKeyedRequest();
}

export function ask(): Asked {
  return new Asked();
}

/** Runs what only observes: its failure is told to `diag` and harms nobody. */
export function observe(watch: Watch, what: string, run: () => void): void {
  try {
    run();
  } catch (error) {
    watch.diag.error(`${what} is not observed`, error);
  }
}

/** Emits how an attempt ended, and remembers the lock when it was got. */
export function endAttempt(
  watch: Watch,
  asked: Asked,
  lock: { readonly key: string; readonly system: string; readonly task: string },
  outcome: LockOutcome,
  got?: { readonly token: string; readonly ttlMs: number | undefined },
): void {
  const nowMs = performance.now();
  const { system, task } = lock;
  const { epochMs, parent } = asked;
  const waitMs = nowMs - asked.startMs;
  const holder = outcome === 'held' || outcome === 'timeout' ? watch.held.get(lock.key)?.span : undefined;
  const span = watch.telemetry.lockEnded({ system, task, outcome, epochMs, waitMs, parent, holder });
  if (got === undefined) return;
  const expiresMs = got.ttlMs === undefined ? undefined : nowMs + got.ttlMs;
  watch.held.set(lock.key, { system, task, sinceMs: nowMs, expiresMs, token: got.token, span });
}

/** Shorter keys, such as `1`, stand in many others by chance. */
const TELLING_LENGTH = 8;

function isOfRequest(key: string, requestKey: string): boolean {
  if (requestKey.length >= TELLING_LENGTH) return key.includes(requestKey);
  return key === requestKey || key.endsWith(`:${requestKey}`);
}

/**
 * Emits what became of a key that was asked for.
 * @param isFirst whether this is the key's first duplicate; where nobody tells, this process remembers
 */
export function countRequest(
  watch: Watch,
  request: {
    readonly key: string;
    readonly task: string;
    readonly scope: string;
    /** The key as somebody gave it, where `key` holds a digest of it. */
    readonly givenKey?: string | undefined;
    /** The HTTP request for which it was asked, where what is active now does not tell. */
    readonly http?: KeyedRequest | undefined;
  },
  outcome: IdempotencyOutcome,
  isFirst?: boolean,
): void {
  const { key, givenKey, task, scope, http = currentKeyedRequest() } = request;
  // The same key in a library or a store: that layer knows more than the status of the answer tells.
  if (http !== undefined && isOfRequest(givenKey ?? key, http.key)) http.isReported = true;
  watch.telemetry.request(task, scope, outcome);
  if (outcome === 'executed') {
    if (isFirst === undefined) watch.duplicated.take(key);
    return;
  }
  const first = isFirst ?? !watch.duplicated.has(key);
  if (isFirst === undefined) watch.duplicated.set(key, true);
  if (first) watch.telemetry.duplicatedKey(task, scope);
}
