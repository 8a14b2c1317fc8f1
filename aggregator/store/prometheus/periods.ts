/** How long stretches of time are cut, so that what changes no more is asked for once. */
import type { TimeRange } from '../port.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Up to here a range is asked for as it is: a day, and the minutes that windows are widened by. */
const WHOLE_MS = 26 * HOUR_MS;
/** Ranges of more days are cut into periods of a month, so that they stay few. */
const MANY_DAYS = 62;
const MONTH_DAYS = 30;
/** A period that ended so long ago is taken to be complete. */
const SETTLED_MS = HOUR_MS / 4;

export interface Period extends TimeRange {
  readonly isSealed: boolean;
}

/** Adjoining periods that make up the range: whole days (UTC), or months of 30 days, and what is left at both ends. */
export function periodsOf({ fromMs, toMs }: TimeRange, nowMs: number): Period[] {
  const lengthMs = toMs - fromMs;
  const unitMs = lengthMs <= MANY_DAYS * DAY_MS ? DAY_MS : MONTH_DAYS * DAY_MS;
  const periods: Period[] = [];
  let startMs = fromMs;
  while (startMs < toMs) {
    const cutMs = lengthMs <= WHOLE_MS ? toMs : Math.min(toMs, (Math.floor(startMs / unitMs) + 1) * unitMs);
    const isSealed = cutMs - startMs === unitMs && cutMs <= nowMs - SETTLED_MS;
    periods.push({ fromMs: startMs, toMs: cutMs, isSealed });
    startMs = cutMs;
  }
  return periods;
}

/**
 * The time that lifetime totals are about. A server keeps its data for a time only, so a total over all of it would
 * fall day by day. Totals begin anew at fixed times instead, as counters of a process do when it restarts; every
 * reader of the server gives the same.
 */
export function lifetimeOf(retentionDays: number, nowMs: number): TimeRange {
  const lifeMs = retentionDays * DAY_MS;
  const toMs = (Math.floor(nowMs / 60_000) + 1) * 60_000;
  return { fromMs: Math.floor(nowMs / lifeMs) * lifeMs, toMs };
}
