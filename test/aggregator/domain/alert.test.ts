import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Alert, type AlertCondition, advanceAlerts, isInhibited } from '../../../aggregator/domain/alert.ts';

const MINUTE_MS = 60_000;
const text = { summary: 'It burns', description: 'A lot.', path: '/' };

function condition(state: AlertCondition['state'], changes: Partial<AlertCondition> = {}): AlertCondition {
  return { name: 'A', labels: { severity: 'page' }, state, forSeconds: 0, text, ...changes };
}

/** One condition over minutes, as its alert's phases. */
function phasesOf(states: readonly AlertCondition['state'][], forSeconds = 0): (string | undefined)[] {
  let alerts: readonly Alert[] = [];
  return states.map((state, minute) => {
    alerts = advanceAlerts(alerts, [condition(state, { forSeconds })], minute * MINUTE_MS);
    return alerts.at(-1)?.phase;
  });
}

describe('the life of an alert', () => {
  test('fires at once where it need not wait, and ends when it is over', () => {
    expect(phasesOf(['inactive', 'firing', 'firing', 'inactive'])).toEqual([undefined, 'firing', 'firing', 'resolved']);
  });

  test('waits for as long as it must have held, and begins anew after a break', () => {
    expect(phasesOf(['firing', 'firing', 'inactive', 'firing', 'firing', 'firing'], 120)).toEqual([
      'pending',
      'pending',
      undefined,
      'pending',
      'pending',
      'firing',
    ]);
  });

  test('silence neither begins nor ends one', () => {
    expect(phasesOf(['no_data', 'firing', 'no_data', 'no_data', 'inactive', 'no_data'])).toEqual([
      undefined,
      'firing',
      'firing',
      'firing',
      'resolved',
      'resolved',
    ]);
  });

  test('ends when what it was about is no longer watched', () => {
    const firing = advanceAlerts([], [condition('firing')], 0);
    expect(advanceAlerts(firing, [], MINUTE_MS)).toMatchObject([{ phase: 'resolved', endedMs: MINUTE_MS }]);
  });

  test('a second stretch is another alert, and keeps its own beginning', () => {
    let alerts = advanceAlerts([], [condition('firing')], 0);
    alerts = advanceAlerts(alerts, [condition('inactive')], MINUTE_MS);
    alerts = advanceAlerts(alerts, [condition('firing')], 2 * MINUTE_MS);
    expect(alerts.map(({ phase, firedMs }) => [phase, firedMs])).toEqual([
      ['resolved', 0],
      ['firing', 2 * MINUTE_MS],
    ]);
    expect(new Set(alerts.map(({ id }) => id)).size).toBe(2);
  });

  test('laws: at most one of a kind is live, ids differ, an end is never before its beginning, whatever the clock does', () => {
    const step = fc.record({
      state: fc.constantFrom('firing', 'inactive', 'no_data' as const),
      ms: fc.integer({ min: -2, max: 2 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let alerts: readonly Alert[] = [];
        let nowMs = 1000;
        for (const { state, ms } of steps) {
          nowMs += ms;
          alerts = advanceAlerts(alerts, [condition(state as AlertCondition['state'])], nowMs);
          expect(alerts.filter(({ phase }) => phase !== 'resolved').length).toBeLessThanOrEqual(1);
          for (const { firedMs, endedMs } of alerts) expect(endedMs ?? Infinity).toBeGreaterThanOrEqual(firedMs ?? 0);
        }
        const ended = alerts.filter(({ phase }) => phase === 'resolved');
        expect(new Set(alerts.map(({ id }) => id)).size).toBe(alerts.length);
        expect(ended.length).toBeLessThanOrEqual(steps.length / 2 + 1);
      }),
    );
  });
});

describe('what need not be heard', () => {
  const alertOf = (slo: string, severity: string, long_window: string): Alert => {
    const labels = { sloth_slo: slo, severity, long_window };
    return { id: slo + severity + long_window, name: 'SloBurnRate', labels, phase: 'firing', sinceMs: 0, text };
  };
  test.each([
    ['a ticket beside a page', alertOf('a', 'ticket', '1d'), alertOf('a', 'page', '1h'), true],
    ['a slower page beside a faster one', alertOf('a', 'page', '6h'), alertOf('a', 'page', '1h'), true],
    ['a faster page beside a slower one', alertOf('a', 'page', '1h'), alertOf('a', 'page', '6h'), false],
    ['a page beside a ticket', alertOf('a', 'page', '1h'), alertOf('a', 'ticket', '1d'), false],
    ['another objective', alertOf('a', 'ticket', '1d'), alertOf('b', 'page', '1h'), false],
  ])('%s: %#', (_, alert, other, expected) => {
    expect(isInhibited(alert, [alert, other])).toBe(expected);
    expect(isInhibited(alert, [alert, { ...other, phase: 'resolved' }])).toBe(false);
  });
});
