/** Locks that do not come free: what attempts find now, beside how the lock was given back before. */
import { type Histogram, mean, quantile } from './histogram.ts';
import { inWords, type Recommendation } from './recommendations.ts';
import { durationInWords } from './words.ts';

/** The time in which a standstill is looked for, in steps. */
export const STANDSTILL_WINDOW_SECONDS = 86_400;
export const STANDSTILL_STEP_SECONDS = 600;

/** A week has the nights and the weekend, in which a lock may be kept longer than by day. */
export const LOCK_HISTORY_SECONDS = 604_800;

/** Fewer attempts may have met one long run by chance. */
export const MIN_STANDSTILL_ATTEMPTS = 5;

/** No lock is said to stand still before this: most leases are shorter, and free a lock whose process is gone. */
const MIN_STANDSTILL_SECONDS = 600;

/** A run three times as long as those before is no slow run any more. */
const LONGEST_HOLD_FACTOR = 3;

/** From so many holds on it is known how long a lock is held. */
const MIN_HOLDS = 5;

/** A lock that is held for more than half of its time may be one that its holder is meant to keep: a leader's. */
const MEANT_TO_BE_KEPT_RATIO = 0.5;

/** What happened to a lock in one step of `STANDSTILL_STEP_SECONDS`. */
export interface LockStep {
  /** Unix ms. */
  readonly startMs: number;
  readonly acquired: number;
  /** Attempts that found it held, those that waited in vain among them. */
  readonly foundHeld: number;
  /** Holds that ended, however. */
  readonly ended: number;
}

/** Attempts that found a lock held, since it was last acquired or came free. */
export interface Standstill {
  /** When the step of the first of them began, Unix ms. */
  readonly sinceMs: number;
  readonly attempts: number;
  /** Between the first and the last of them, at least; > 0. */
  readonly seconds: number;
}

/** A lock in the days up to now. */
export interface LockHistory {
  readonly acquired: number;
  /** Seconds of the holds that ended. */
  readonly holds: Histogram;
  /** When it was first acquired or came free, at the earliest, Unix ms; undefined when neither was seen. */
  readonly firstMs: number | undefined;
}

/** @param steps oldest first @returns undefined where the lock does not stand still, or nobody wants it any more */
export function standstillOf(steps: readonly LockStep[], nowMs: number): Standstill | undefined {
  const lastFree = steps.findLastIndex(({ acquired, ended }) => acquired > 0 || ended > 0);
  const waiting = steps.slice(lastFree + 1).filter(({ foundHeld }) => foundHeld > 0);
  const [first, last] = [waiting[0], waiting[waiting.length - 1]];
  const stepMs = STANDSTILL_STEP_SECONDS * 1000;
  const lengthMs = waiting.length < 2 ? 0 : last.startMs - (first.startMs + stepMs);
  // Attempts that ended longer ago than they went on for say nothing of now.
  if (lengthMs <= 0 || nowMs - (last.startMs + stepMs) > lengthMs) return undefined;
  const attempts = waiting.reduce((sum, { foundHeld }) => sum + foundHeld, 0);
  return { sinceMs: first.startMs, attempts, seconds: lengthMs / 1000 };
}

/**
 * A warning about a lock that used to be given back, and an `info` about one of which that is not known, as it may be a
 * leader's. Nothing while a standstill may be a slow run, or of a lock that its time to live frees.
 */
export function recommendLock(
  { system, task }: { readonly system: string; readonly task: string },
  standstill: Standstill,
  history: LockHistory,
): Recommendation | undefined {
  const { sinceMs, attempts, seconds } = standstill;
  const { acquired, holds } = history;
  const threshold = Math.max(MIN_STANDSTILL_SECONDS, LONGEST_HOLD_FACTOR * longestHold(holds));
  // All but the present hold ended; those that were not seen to were ended by their time to live.
  const endedUnseen = acquired - 1 - holds.count;
  if (attempts < MIN_STANDSTILL_ATTEMPTS || seconds < threshold || endedUnseen > holds.count) return undefined;
  const since = new Date(sinceMs).toISOString().slice(0, 16).replace('T', ' ');
  const found = `since ${since} UTC all ${attempts} attempts found it held, over ${durationInWords(seconds)} at least`;
  return {
    ...(isGivenBack(history, sinceMs) ? stuck(system, task, found, holds) : kept(system, task, found, history)),
    area: 'idempotency',
    evidence: {
      signal: 'lock_standstill',
      unit: 'seconds',
      value: seconds,
      threshold,
      source: 'three times its longest holds of 7 days, and at least 10 minutes',
      events: attempts,
    },
    traces: 'none',
    link: '/monitoring/celery/idempotency/breakdown/',
  };
}

function stuck(system: string, task: string, found: string, holds: Histogram) {
  const [half, most] = [quantile(holds, 0.5) ?? 0, longestHold(holds)].map((value) => inWords(value, 'seconds'));
  return {
    id: `lock-stuck-${system}-${task}`,
    level: 'warning',
    message: `The lock of ${task} in ${system} does not come free: ${found}. Of its ${holds.count} holds of the last 7 days half took at most ${half}, and 99 in 100 at most ${most}.`,
    action:
      'Find the process that holds it. If it hangs, end it; if it is gone, delete the lock’s key. A lease that its holder renews frees a lock whose process is gone, and a limit on its work one that hangs.',
  } as const;
}

function kept(system: string, task: string, found: string, { acquired, holds }: LockHistory) {
  return {
    id: `lock-kept-${system}-${task}`,
    level: 'info',
    message: `The lock of ${task} in ${system} is kept: ${found}. In the last 7 days it was acquired ${times(acquired)} and seen to come free ${times(holds.count)}. That is normal for a leader election, or a key that is set once.`,
    action:
      'If nobody is meant to keep it for so long, find the process that holds it, and give the lock a lease that its holder renews.',
  } as const;
}

/** Whether it is a lock that is taken for a while and given back, and not one that somebody always has. */
function isGivenBack({ acquired, holds, firstMs }: LockHistory, untilMs: number): boolean {
  if (holds.count < MIN_HOLDS || firstMs === undefined) return false;
  const heldSeconds = (mean(holds) ?? 0) * Math.max(holds.count, acquired - 1);
  return heldSeconds < (MEANT_TO_BE_KEPT_RATIO * (untilMs - firstMs)) / 1000;
}

/**
 * Seconds that 99 in 100 holds took at most; 0 without any. Where the longest ones are only known to be above the last
 * edge, their mean can be no more than what all took together.
 */
function longestHold(holds: Histogram): number {
  const p99 = quantile(holds, 0.99) ?? 0;
  const last = holds.counts.length - 1;
  const isOpen = last >= 0 && holds.counts[last] > 0 && holds.edges[last + 1] === Infinity && holds.max === Infinity;
  return isOpen ? Math.max(p99, holds.sum / holds.counts[last]) : p99;
}

function times(count: number): string {
  return count === 0 ? 'never' : count === 1 ? 'once' : `${count} times`;
}
