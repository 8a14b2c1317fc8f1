import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_HISTOGRAM, type Histogram, merge } from '../../../aggregator/domain/histogram.ts';
import {
  type LockHistory,
  type LockStep,
  recommendLock,
  STANDSTILL_STEP_SECONDS,
  standstillOf,
} from '../../../aggregator/domain/standing-locks.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12);
const STEP_MS = STANDSTILL_STEP_SECONDS * 1000;
const HOUR = 3600;
const lock = { system: 'redis', task: 'close_month' };

/** Steps of the day up to now, the last of them ending now; what happened stands at the minutes before it. */
function day(...happened: readonly [minutesAgo: number, what: Partial<LockStep>][]): LockStep[] {
  return Array.from({ length: 144 }, (_, i) => {
    const startMs = NOW_MS - (144 - i) * STEP_MS;
    const inIt = happened.filter(
      ([minutesAgo]) => Math.floor((NOW_MS - minutesAgo * 60_000) / STEP_MS) * STEP_MS === startMs,
    );
    const sum = (name: 'acquired' | 'foundHeld' | 'ended') => inIt.reduce((n, [, what]) => n + (what[name] ?? 0), 0);
    return { startMs, acquired: sum('acquired'), foundHeld: sum('foundHeld'), ended: sum('ended') };
  });
}

/** Attempts that find it held, from one time to another. */
const waiting = (fromMinutesAgo: number, toMinutesAgo: number, everyMinutes: number) =>
  Array.from(
    { length: Math.floor((fromMinutesAgo - toMinutesAgo) / everyMinutes) + 1 },
    (_, i): [number, Partial<LockStep>] => [fromMinutesAgo - i * everyMinutes, { foundHeld: 1 }],
  );

const holdsOf = (...seconds: readonly number[]): Histogram =>
  seconds
    .map((value) => ({ count: 1, sum: value, min: value, max: value, edges: [value * 0.98, value], counts: [1] }))
    .reduce(merge, EMPTY_HISTOGRAM);
const times = (n: number, seconds: number) => new Array<number>(n).fill(seconds);

function history(changes: Partial<LockHistory>): LockHistory {
  return { acquired: 0, holds: EMPTY_HISTOGRAM, firstMs: NOW_MS - 7 * 86_400_000, ...changes };
}

function judge(steps: readonly LockStep[], past: LockHistory) {
  const standstill = standstillOf(steps, NOW_MS);
  return standstill && recommendLock(lock, standstill, past);
}

const REGULAR = history({ acquired: 241, holds: holdsOf(...times(240, 12)) });

describe('a lock that is given back after seconds', () => {
  test('stands still for two hours: a warning with what is known', () => {
    const said = judge(day([121, { acquired: 1 }], ...waiting(119, 1, 5)), REGULAR);
    expect(said).toMatchObject({
      id: 'lock-stuck-redis-close_month',
      level: 'warning',
      evidence: { signal: 'lock_standstill', value: 100 * 60, threshold: 600, events: 24 },
    });
    expect(said?.message).toMatch(
      /^The lock of close_month in redis does not come free: since 2026-01-15 10:00 UTC all 24 attempts found it held, over 1\.7 hours at least\. Of its 240 holds of the last 7 days half took at most 12 s, and 99 in 100 at most 12 s\.$/,
    );
  });

  test('its holders were restarted now and then, and the ends of those holds not seen: still told', () => {
    const past = history({ acquired: 241, holds: holdsOf(...times(140, 12)) });
    expect(judge(day([121, { acquired: 1 }], ...waiting(119, 1, 5)), past)?.level).toBe('warning');
  });

  test('is tried once an hour: still told', () => {
    const said = judge(day([620, { acquired: 1 }], ...waiting(601, 1, 60)), REGULAR);
    expect(said).toMatchObject({ level: 'warning', evidence: { events: 11 } });
  });

  test.each<[string, LockStep[]]>([
    [
      'busy, with a long queue',
      day(...waiting(600, 1, 1), ...times(60, 0).map((_, i): [number, Partial<LockStep>] => [i * 10, { acquired: 1 }])),
    ],
    ['came free ten minutes ago', day([130, { acquired: 1 }], ...waiting(120, 1, 5), [5, { ended: 1 }])],
    ['four attempts', day([121, { acquired: 1 }], ...waiting(119, 1, 35))],
    ['ten replicas that ask at once', day([61, { acquired: 1 }], [60, { foundHeld: 10 }])],
    ['ten minutes', day([25, { acquired: 1 }], ...waiting(18, 1, 1))],
    ['nobody wants it since three hours', day([400, { acquired: 1 }], ...waiting(300, 181, 5))],
    ['a restart, and nobody asked meanwhile', day([60, { acquired: 1 }], [30, { acquired: 1, foundHeld: 30 }])],
    ['nothing happened', day()],
  ])('%s: nothing', (_name, steps) => {
    expect(judge(steps, REGULAR)).toBeUndefined();
  });

  test('a standstill needs more than three times the longest holds', () => {
    const holds = (seconds: number) => history({ acquired: 21, holds: holdsOf(...times(20, seconds)) });
    const steps = day([121, { acquired: 1 }], ...waiting(119, 1, 5));
    expect(judge(steps, holds(1900))?.level).toBe('warning');
    expect(judge(steps, holds(2100))).toBeUndefined();
  });
});

describe('a lock that somebody may be meant to keep', () => {
  const polled = day(...waiting(1430, 1, 1));
  test.each<[string, LockHistory]>([
    ['a leader of days, elected before data began', history({ firstMs: undefined })],
    ['a leader elected once', history({ acquired: 1 })],
    [
      'a leader that changed with every deployment, a day ago',
      history({
        acquired: 31,
        holds: holdsOf(...times(20, 60), ...times(10, 7 * HOUR)),
        firstMs: NOW_MS - 4 * 86_400_000,
      }),
    ],
    ['given back twice', history({ acquired: 3, holds: holdsOf(1, 1) })],
  ])('%s: what is known, and that it is normal for a leader', (_name, past) => {
    const said = judge(polled, past);
    expect(said).toMatchObject({ id: 'lock-kept-redis-close_month', level: 'info' });
    expect(said?.message).toMatch(
      /1430 attempts found it held.* acquired (never|once|\d+ times) and seen to come free (never|\d+ times)\. That is normal for a leader election, or a key that is set once\.$/,
    );
  });

  test('a young leader that changed five times with a deployment is no warning', () => {
    const past = history({ acquired: 6, holds: holdsOf(...times(5, 1200)), firstMs: NOW_MS - 9 * HOUR * 1000 });
    expect(judge(day([445, { acquired: 1 }], ...waiting(430, 1, 1)), past)?.level).toBe('info');
  });

  test('its time to live has freed it again and again: nothing', () => {
    expect(judge(polled, history({ acquired: 40 }))).toBeUndefined();
    expect(judge(polled, history({ acquired: 1000, holds: holdsOf(...times(9, 1)) }))).toBeUndefined();
  });
});

describe('a job of once a night that takes three hours', () => {
  const nightly = history({ acquired: 7, holds: holdsOf(...times(6, 3 * HOUR)) });
  const runs = (minutes: number) => day([minutes + 10, { acquired: 1 }], ...waiting(minutes, 1, 10));
  test('runs: nothing', () => {
    expect(judge(runs(180), nightly)).toBeUndefined();
  });
  test('has not come back after ten hours', () => {
    expect(judge(runs(600), nightly)?.level).toBe('warning');
  });
});

test('holds of which only is known that they are above the last edge', () => {
  const edges = [0, 60, Infinity];
  const holds = { count: 120, sum: 20 * 60 + 3 * HOUR, min: 0, max: Infinity, edges, counts: [119, 1] };
  const steps = day([190, { acquired: 1 }], ...waiting(180, 1, 5));
  expect(judge(steps, history({ acquired: 121, holds }))).toBeUndefined();
});

test('whatever happened: an acquisition or an end in the last step is the end of a standstill', () => {
  const step = fc.record({ acquired: fc.nat(3), foundHeld: fc.nat(9), ended: fc.nat(3) });
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 144 }), (happened) => {
      const steps = happened.map((each, i) => ({ ...each, startMs: NOW_MS - (happened.length - i) * STEP_MS }));
      const standstill = standstillOf(steps, NOW_MS);
      const last = steps[steps.length - 1];
      if (last.acquired + last.ended > 0) expect(standstill).toBeUndefined();
      if (standstill === undefined) return;
      expect(standstill.seconds).toBeGreaterThan(0);
      const since = steps.filter(({ startMs }) => startMs >= standstill.sinceMs);
      expect(since.reduce((sum, { foundHeld }) => sum + foundHeld, 0)).toBe(standstill.attempts);
      expect(since.every(({ acquired, ended }) => acquired + ended === 0)).toBe(true);
    }),
  );
});
