/** The laws of objectives, each said a second time in other words than the code's, for any numbers. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Alert, type AlertCondition, advanceAlerts } from '../../../aggregator/domain/alert.ts';
import {
  type AlertState,
  BURN_ALERT_POLICIES,
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
import { addEvents, type EventCounts, NO_EVENTS } from '../../../aggregator/domain/objective.ts';
import { MIN_EVENTS, sloState } from '../../../aggregator/domain/slo-state.ts';

const counts = (max: number) =>
  fc.tuple(fc.nat(max), fc.nat(max)).map(([good, bad]): EventCounts => ({ good, total: good + bad }));
const many = counts(100_000).filter(({ total }) => total > 0);
const objectives = fc.constantFrom(0.5, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999);
const bad = ({ good, total }: EventCounts) => total - good;

test('ratios are weighted by events: of two windows together it is their mean, each weighted by its events', () => {
  fc.assert(
    fc.property(many, many, (a, b) => {
      const mean = (attainedRatio(a)! * a.total + attainedRatio(b)! * b.total) / (a.total + b.total);
      expect(attainedRatio(addEvents(a, b))).toBeCloseTo(mean, 12);
      expect(attainedRatio(addEvents(a, NO_EVENTS))).toBe(attainedRatio(a));
    }),
  );
});

test('each bad event spends the same: all that may be bad spend the whole budget, twice as many leave -1', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1000 }),
      objectives,
      fc.integer({ min: 0, max: 20 }),
      (n, objective, share) => {
        // So many events that a whole number of them may be bad.
        const mayBeBad = n * Math.round(10_000 * errorBudget(objective));
        const total = n * 10_000;
        const spent = Math.min(total, (mayBeBad * share) / 10);
        const remaining = budgetRemaining({ good: total - spent, total }, objective)!;
        expect(remaining).toBeCloseTo(1 - spent / mayBeBad, 9);
        if (spent > mayBeBad) expect(remaining).toBeLessThan(0);
      },
    ),
  );
});

test('time to exhaustion: at that burn rate, after that time, exactly nothing is left', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-3, max: 1, noNaN: true }),
      fc.double({ min: 1e-3, max: 1000, noNaN: true }),
      fc.integer({ min: 1, max: 365 }),
      (remaining, burn, days) => {
        const seconds = secondsToExhaustion(remaining, burn, days)!;
        expect((seconds * burn) / (days * SECONDS_PER_DAY)).toBeCloseTo(remaining, 9);
        expect(secondsToExhaustion(-remaining, burn, days)).toBe(0);
        expect(secondsToExhaustion(remaining, 0, days)).toBeUndefined();
      },
    ),
  );
});

const settings = fc.record({
  long: counts(300),
  // Near the edges of what counts.
  few: fc.tuple(fc.integer({ min: 0, max: 2 * MIN_BAD_EVENTS }), fc.nat(3)).map(([n, good]) => ({
    good,
    total: n + good,
  })),
  isFew: fc.boolean(),
  short: counts(50),
  isCovered: fc.boolean(),
  objective: fc.constantFrom(0.5, 0.9, 0.95, 0.99),
});

test('an alert fires exactly when both windows burn above its threshold, enough is bad, and the window is covered', () => {
  const seen = new Set<AlertState>();
  fc.assert(
    fc.property(settings, ({ long: large, few, isFew, short, isCovered, objective }) => {
      const long = isFew ? few : large;
      for (const alert of deriveBurnAlerts({ id: 'a', objective, windowDays: 30 }).alerts) {
        const state = judgeBurnAlert(alert, objective, { long, short, isCovered });
        const isAbove = (of: EventCounts) => bad(of) > alert.threshold * errorBudget(objective) * of.total;
        const isKnown = isCovered && long.total > 0 && short.total > 0;
        const fires = isKnown && bad(long) >= MIN_BAD_EVENTS && isAbove(long) && isAbove(short);
        // A product of thresholds is rounded in its own way: on the line itself either is right.
        const isOnTheLine = [long, short].some(
          (of) => Math.abs(bad(of) - alert.threshold * errorBudget(objective) * of.total) < 1e-9,
        );
        if (!isOnTheLine) expect(state).toBe(isKnown ? (fires ? 'firing' : 'inactive') : 'no_data');
        seen.add(state);
      }
    }),
    { numRuns: 500 },
  );
  expect(seen).toEqual(new Set(['firing', 'inactive', 'no_data']));
});

test('a threshold is what spends its share of the budget within the long window, and every one left can be exceeded', () => {
  fc.assert(
    fc.property(objectives, fc.integer({ min: 1, max: 365 }), (objective, windowDays) => {
      const { alerts, warnings } = deriveBurnAlerts({ id: 'a', objective, windowDays });
      expect(alerts.length + warnings.length).toBe(BURN_ALERT_POLICIES.length);
      for (const { threshold, budgetShare, longSeconds } of alerts) {
        expect(threshold * longSeconds).toBeCloseTo(budgetShare * windowDays * SECONDS_PER_DAY, 6);
        expect(threshold).toBeLessThan(burnRate({ good: 0, total: 1 }, objective)!);
        expect(longSeconds).toBeLessThan(windowDays * SECONDS_PER_DAY);
      }
    }),
  );
});

const someAlerts = fc.array(
  fc.record({
    severity: fc.constantFrom('page' as const, 'ticket' as const),
    state: fc.constantFrom<AlertState>('firing', 'inactive', 'no_data'),
  }),
  { maxLength: 4 },
);

test('states: too few events say nothing, no budget is exhausted, a page burns, a ticket is at risk; in this order', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.oneof(counts(15), many), objectives, someAlerts, (events, objective, alerts) => {
      const state = sloState(events, objective, alerts);
      const fires = (severity: string) => alerts.some((each) => each.severity === severity && each.state === 'firing');
      const isSpent = Math.round(bad(events) * 1e6) >= Math.round(events.total * errorBudget(objective) * 1e6);
      if (events.total < MIN_EVENTS) expect(state).toBe('no_data');
      else if (isSpent) expect(state).toBe('exhausted');
      else expect(state).toBe(fires('page') ? 'burning' : fires('ticket') ? 'at_risk' : 'meeting');
      seen.add(state);
    }),
    { numRuns: 500 },
  );
  expect(seen.size).toBe(5);
});

test('silence freezes: left out or put in anywhere, it changes nothing of what fires', () => {
  const step = fc.constantFrom<AlertState>('firing', 'inactive', 'no_data');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (states) => {
      let before: readonly Alert[] = [];
      let without: readonly Alert[] = [];
      states.forEach((state, minute) => {
        const condition: AlertCondition = {
          name: 'A',
          labels: {},
          state,
          forSeconds: 0,
          text: { summary: '', description: '', path: '/' },
        };
        before = advanceAlerts(before, [condition], minute * 60_000);
        if (state !== 'no_data') without = advanceAlerts(without, [condition], minute * 60_000);
        expect(before).toEqual(without);
      });
    }),
  );
});
