import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { builtInObjectives } from '../../../aggregator/domain/built-in-objectives.ts';
import { createEventReader } from '../../../aggregator/reports/event-reader.ts';
import { remembering } from '../../../aggregator/reports/remembering-store.ts';
import type { Policy } from '../../../aggregator/reports/report.ts';
import { reportSlos } from '../../../aggregator/reports/slo.ts';
import { BURN_WINDOWS, cutsOf, lookback } from '../../../aggregator/reports/slo-status.ts';
import { createKnownStore } from '../../support/known-store.ts';

// Not on whole ten minutes, on which what is old is cut.
const NOW_MS = Date.UTC(2026, 0, 15, 12, 4, 30);
const UNTIL_MS = NOW_MS + 30_000;
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

/** Around the beginnings of windows, where an event that is counted twice, or not at all, would be. */
const age = fc
  .tuple(fc.constantFrom(5, 60, 1440, 3 * 1440, 9 * 1440, 28 * 1440, 30 * 1440), fc.integer({ min: -12, max: 12 }))
  .map(([minutes, off]) => Math.max(0, minutes + off));
const events = fc.array(fc.record({ age, outcome: fc.constantFrom('success', 'failure', 'aborted') }), {
  minLength: 1,
  maxLength: 25,
});

test('windows that are read in shared stretches count what they count when each is read alone', async () => {
  await fc.assert(
    fc.asyncProperty(
      events,
      fc.array(fc.tuple(age, fc.nat({ max: 3000 })), { maxLength: 3 }),
      fc.constantFrom(9, 28),
      async (list, periods, windowDays) => {
        const store = createKnownStore(NOW_MS);
        for (const { age: minutes, outcome } of list)
          store.add(
            {
              name: 'A',
              seconds: 0.4 + (minutes % 7) / 5,
              outcome: outcome as 'success',
              atMs: NOW_MS - minutes * MINUTE,
            },
            3,
          );
        const policy: Policy = {
          objectives: builtInObjectives.map((slo) => ({ ...slo, windowDays })),
          maintenance: periods.map(([from, length]) => {
            const fromMs = NOW_MS - from * MINUTE;
            return { fromMs, toMs: fromMs + length * MINUTE, reason: 'x' };
          }),
        };
        const cuts = cutsOf(store, { untilMs: UNTIL_MS, policy });
        const shared = remembering(store);
        for (const slo of policy.objectives) {
          const alone = createEventReader(store, slo, policy, undefined);
          const together = createEventReader(shared, slo, policy, undefined, cuts);
          for (const seconds of [...Object.values(BURN_WINDOWS), (windowDays * DAY) / 1000]) {
            const span = lookback(UNTIL_MS, seconds);
            expect(await together.count(span), `${slo.id} over ${seconds} s`).toEqual(await alone.count(span));
          }
        }
      },
    ),
    { numRuns: 8 },
  );
});

test('objectives on one metric ask for each stretch once, whatever the number of windows', async () => {
  const store = createKnownStore(NOW_MS);
  store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS - 34 * DAY }, 30);
  store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS }, 30);
  const objectives = builtInObjectives.filter(({ subject }) => subject === 'graphql');
  await reportSlos(store, {
    window: { unit: 'minutes', length: 1, seconds: 60, range: { fromMs: UNTIL_MS - MINUTE, toMs: UNTIL_MS } },
    policy: { objectives, maintenance: [] },
  });
  // The stretches between the beginnings of the windows, the events by name, and the total since the store began.
  expect(store.asked).toBe(Object.keys(BURN_WINDOWS).length + 2);
});
