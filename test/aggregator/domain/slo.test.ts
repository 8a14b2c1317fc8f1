import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  BURN_ALERT_POLICIES,
  burnThreshold,
  deriveBurnAlerts,
  judgeBurnAlert,
  MIN_BAD_EVENTS,
} from '../../../aggregator/domain/burn-alerts.ts';
import {
  attainedRatio,
  budgetRemaining,
  burnRate,
  errorBudget,
  SECONDS_PER_DAY,
  secondsToExhaustion,
} from '../../../aggregator/domain/error-budget.ts';
import { without } from '../../../aggregator/domain/maintenance.ts';
import { addEvents, type EventCounts, eventCounts, NO_EVENTS } from '../../../aggregator/domain/objective.ts';
import { MIN_EVENTS, SLO_STATES, sloState, spenders } from '../../../aggregator/domain/slo-state.ts';
import { durationInWords, percentInWords } from '../../../aggregator/domain/words.ts';

const someCounts = fc
  .tuple(fc.nat(100_000), fc.nat(100_000))
  .map(([good, bad]): EventCounts => ({ good, total: good + bad }));
const events = someCounts.filter(({ total }) => total > 0);
const objectives = fc.constantFrom(0.5, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999);

describe('the budget', () => {
  test('no events is no answer, everywhere', () => {
    fc.assert(
      fc.property(objectives, (objective) => {
        expect(attainedRatio(NO_EVENTS)).toBeUndefined();
        expect(burnRate(NO_EVENTS, objective)).toBeUndefined();
        expect(budgetRemaining(NO_EVENTS, objective)).toBeUndefined();
        expect(secondsToExhaustion(undefined, 1, 30)).toBeUndefined();
        expect(sloState(NO_EVENTS, objective, [])).toBe('no_data');
        for (const alert of deriveBurnAlerts({ id: 'a', objective, windowDays: 30 }).alerts) {
          const evidence = { long: NO_EVENTS, short: NO_EVENTS, isCovered: true };
          expect(judgeBurnAlert(alert, objective, evidence)).toBe('no_data');
        }
      }),
    );
  });

  test('burn lies between 0 and 1/EB; what is left is 1 less it, signed', () => {
    fc.assert(
      fc.property(events, objectives, (counts, objective) => {
        const burn = burnRate(counts, objective)!;
        expect(burn).toBeGreaterThanOrEqual(0);
        expect(burn).toBeLessThanOrEqual((1 / errorBudget(objective)) * (1 + 1e-12));
        expect(budgetRemaining(counts, objective)).toBe(1 - burn);
        expect(budgetRemaining(counts, objective)! >= 0).toBe(
          counts.total - counts.good <= counts.total * errorBudget(objective) + 1e-9,
        );
      }),
    );
  });

  test('a bad event more never leaves more, a good one never less', () => {
    fc.assert(
      fc.property(events, objectives, (counts, objective) => {
        const before = budgetRemaining(counts, objective)!;
        expect(budgetRemaining(addEvents(counts, { good: 0, total: 1 }), objective)).toBeLessThanOrEqual(before);
        expect(budgetRemaining(addEvents(counts, { good: 1, total: 1 }), objective)).toBeGreaterThanOrEqual(before);
      }),
    );
  });

  test('exactly on the objective the budget is exactly gone', () => {
    expect(budgetRemaining({ good: 95, total: 100 }, 0.95)).toBe(0);
    expect(budgetRemaining({ good: 999, total: 1000 }, 0.999)).toBe(0);
    expect(sloState({ good: 95, total: 100 }, 0.95, [])).toBe('exhausted');
    expect(sloState({ good: 96, total: 100 }, 0.95, [])).toBe('meeting');
    expect(budgetRemaining({ good: 0, total: 100 }, 0.95)).toBe(-19);
  });

  test('parts never leave 0 to the whole, whatever was counted at another moment', () => {
    fc.assert(
      fc.property(fc.constantFrom('good', 'bad'), fc.nat(500), fc.nat(500), (partIs, part, total) => {
        const { good } = eventCounts(partIs, part, total);
        expect(good).toBeGreaterThanOrEqual(0);
        expect(good).toBeLessThanOrEqual(total);
        if (part <= total) expect(good).toBe(partIs === 'good' ? part : total - part);
      }),
    );
  });

  test('time to exhaustion: half of 30 days of budget at the highest page burn', () => {
    expect(secondsToExhaustion(0.5, 14.4, 30)).toBeCloseTo(90_000, 6);
    expect(secondsToExhaustion(1, 1, 30)).toBe(30 * SECONDS_PER_DAY);
    expect(secondsToExhaustion(-0.2, 3, 30)).toBe(0);
    expect(secondsToExhaustion(0.4, 0, 30)).toBeUndefined();
    expect(secondsToExhaustion(0.4, undefined, 30)).toBeUndefined();
  });
});

describe('burn alerts', () => {
  const thresholds = (windowDays: number) => BURN_ALERT_POLICIES.map((policy) => burnThreshold(policy, windowDays));

  test('thresholds are derived', () => {
    expect(thresholds(30).map((t) => +t.toFixed(10))).toEqual([14.4, 6, 3, 1]);
    expect(thresholds(28).map((t) => +t.toFixed(2))).toEqual([13.44, 5.6, 2.8, 0.93]);
  });

  test('burning at the threshold for the long window spends the share that it stands for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4, max: 365 }), (windowDays) => {
        for (const policy of BURN_ALERT_POLICIES) {
          const spent = (burnThreshold(policy, windowDays) * policy.longSeconds) / (windowDays * SECONDS_PER_DAY);
          expect(spent).toBeCloseTo(policy.budgetShare, 12);
        }
      }),
    );
  });

  test('one that could never fire is left out, and said to be; what is left can fire', () => {
    fc.assert(
      fc.property(objectives, fc.integer({ min: 1, max: 90 }), (objective, windowDays) => {
        const { alerts, warnings } = deriveBurnAlerts({ id: 'some-slo', objective, windowDays });
        expect(alerts.length + warnings.length).toBe(BURN_ALERT_POLICIES.length);
        const allBad = { good: 0, total: 1000 };
        for (const alert of alerts)
          expect(judgeBurnAlert(alert, objective, { long: allBad, short: allBad, isCovered: true })).toBe('firing');
        for (const warning of warnings)
          expect(warning).toMatch(/^The (page|ticket) over \d+ h of some-slo is left out.+\.$/);
      }),
    );
    const { warnings } = deriveBurnAlerts({ id: 'a', objective: 0.9, windowDays: 30 });
    expect(warnings).toEqual([
      'The page over 1 h of a is left out, as it could never fire: its threshold is a burn rate of 14.4, and with an objective of 0.9 the highest possible is 10.',
    ]);
    expect(deriveBurnAlerts({ id: 'a', objective: 0.95, windowDays: 1 }).alerts.map((a) => a.longSeconds)).toEqual([
      3600, 21_600,
    ]);
  });

  test('an alert needs both windows, enough bad events, and a window that is covered', () => {
    const [page] = deriveBurnAlerts({ id: 'a', objective: 0.95, windowDays: 30 }).alerts;
    const bad = (n: number, total = 100) => ({ good: total - n, total });
    const judge = (long: EventCounts, short: EventCounts, isCovered = true) =>
      judgeBurnAlert(page, 0.95, { long, short, isCovered });
    expect(judge(bad(80), bad(80))).toBe('firing');
    expect(judge(bad(80), bad(72))).toBe('inactive');
    expect(judge(bad(72), bad(80))).toBe('inactive');
    expect(judge(bad(80), bad(80), false)).toBe('no_data');
    expect(judge(bad(80), NO_EVENTS)).toBe('no_data');
    const few = MIN_BAD_EVENTS - 1;
    expect(judge(bad(few, few), bad(few, few))).toBe('inactive');
    expect(judge(bad(few + 1, few + 1), bad(1, 1))).toBe('firing');
  });
});

describe('state', () => {
  const plenty = { good: 990, total: 1000 };
  const alert = (severity: 'page' | 'ticket', state: 'firing' | 'inactive' | 'no_data') => ({ severity, state });

  test.each([
    ['meeting', plenty, []],
    ['meeting', plenty, [alert('page', 'inactive'), alert('ticket', 'no_data')]],
    ['at_risk', plenty, [alert('page', 'inactive'), alert('ticket', 'firing')]],
    ['burning', plenty, [alert('page', 'firing'), alert('ticket', 'firing')]],
    ['exhausted', { good: 950, total: 1000 }, [alert('page', 'firing')]],
    ['no_data', { good: 0, total: MIN_EVENTS - 1 }, [alert('page', 'firing')]],
    ['exhausted', { good: 0, total: MIN_EVENTS }, []],
  ] as const)('%s', (state, counts, alerts) => {
    expect(sloState(counts, 0.95, alerts)).toBe(state);
    expect(SLO_STATES).toContain(state);
  });
});

test('who spent the budget: shares add up to 1, most first, nobody without a bad event', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), someCounts), (byName) => {
      const list = spenders(Object.entries(byName));
      const bad = Object.entries(byName).filter(([, { good, total }]) => total > good);
      expect(new Set(list.map(({ name }) => name))).toEqual(new Set(bad.map(([name]) => name)));
      expect(list.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(bad.length > 0 ? 1 : 0, 9);
      expect(list.map(({ share }) => share)).toEqual(list.map(({ share }) => share).toSorted((a, b) => b - a));
    }),
  );
});

describe('maintenance', () => {
  const span = fc.tuple(fc.nat(2000), fc.nat(400)).map(([fromMs, length]) => ({ fromMs, toMs: fromMs + length }));

  test('every moment of the span is either left out or in exactly one remaining part', () => {
    fc.assert(
      fc.property(span, fc.array(span, { maxLength: 5 }), fc.constantFrom(1, 10), (whole, leftOut, grainMs) => {
        const parts = without(whole, leftOut, grainMs);
        for (let t = 0; t < 2500; t += 1) {
          const isIn = (each: { fromMs: number; toMs: number }) => each.fromMs <= t && t < each.toMs;
          const isOut = leftOut.some(
            ({ fromMs, toMs }) =>
              Math.floor(fromMs / grainMs) * grainMs <= t && t < Math.ceil(toMs / grainMs) * grainMs,
          );
          if (parts.filter(isIn).length !== (isIn(whole) && !isOut ? 1 : 0)) throw new Error(`at ${t}`);
        }
      }),
    );
  });
});

test('durations and shares in words', () => {
  expect([1.2 * 86_400, 86_400, 90_000, 25 * 86_400, 3600, 5400, 600, 60, 59, 0].map(durationInWords)).toEqual([
    ...['1.2 days', '1 day', '1 day', '25 days', '1 hour', '1.5 hours', '10 minutes', '1 minute'],
    ...['less than a minute', 'less than a minute'],
  ]);
  expect([0.614, 0.0231, 1, 0, 0.1].map(percentInWords)).toEqual(['61 %', '2.3 %', '100 %', '0 %', '10 %']);
  expect([1.961, 0.00512, 0.000338, 1e-9].map(percentInWords)).toEqual(['196 %', '0.51 %', '0.034 %', '0 %']);
});
