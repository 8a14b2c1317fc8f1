/** Laws of objectives that need a store: what is covered, and what silence changes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BURN_ALERT_POLICIES } from '../../../aggregator/domain/burn-alerts.ts';
import { windowUntil } from '../../../aggregator/reports/report.ts';
import { reportSlos } from '../../../aggregator/reports/slo.ts';
import { createKnownStore, type KnownStore } from '../../support/known-store.ts';

// Not on whole ten minutes, on which what is old is cut.
const NOW_MS = Date.UTC(2026, 0, 15, 12, 4, 30);
const MINUTE = 60_000;
const DAY = 1440 * MINUTE;

function mutate(store: KnownStore, atMs: number, good: number, bad: number): void {
  if (good > 0) store.add({ name: 'A', seconds: 0.1, atMs }, good);
  if (bad > 0) store.add({ name: 'A', seconds: 0.1, atMs, outcome: 'failure' }, bad);
}

/** How the alerts of mutations that fail are judged, most urgent first. */
async function statesAt(store: KnownStore, nowMs: number): Promise<string[]> {
  const { objectives } = await reportSlos(store, { window: windowUntil(nowMs, 'minutes', 1) });
  const { alerts = [] } = objectives.find(({ id }) => id === 'mutation-success') ?? {};
  return alerts.map(({ state }) => state);
}

test('where everything fails, an alert fires as soon as data reaches back over its long window, not a minute earlier', async () => {
  const edges = BURN_ALERT_POLICIES.map(({ longSeconds }) => longSeconds / 60);
  const age = fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -3, max: 3 })).map(([edge, off]) => edge + off);
  await fc.assert(
    fc.asyncProperty(age, async (minutes) => {
      const store = createKnownStore(NOW_MS);
      mutate(store, NOW_MS - minutes * MINUTE, 0, 30);
      mutate(store, NOW_MS - MINUTE, 0, 30);
      const isCovered = BURN_ALERT_POLICIES.map(({ longSeconds }) => minutes * 60 >= longSeconds);
      expect(await statesAt(store, NOW_MS)).toEqual(isCovered.map((covered) => (covered ? 'firing' : 'no_data')));
    }),
    { numRuns: 12 },
  );
});

test('once every window is silent an alert is judged as before, or not at all: it neither begins nor ends', async () => {
  const bursts = fc.array(
    fc.record({ minutesAgo: fc.oneof(fc.nat(15), fc.nat(600)), good: fc.nat(60), bad: fc.nat(60) }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  // Longer than the longest of the short windows, up to what the objective looks back.
  const silence = fc.oneof(fc.integer({ min: 363, max: 2000 }), fc.integer({ min: 2000, max: 30 * 1440 }));
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(bursts, silence, silence, async (list, one, other) => {
      const [before, after] = await Promise.all(
        [one, other]
          .toSorted((a, b) => a - b)
          .map((minutes) => {
            const nowMs = NOW_MS + minutes * MINUTE;
            // At its own time each, as minutes are kept for eight days.
            const store = createKnownStore(nowMs);
            mutate(store, NOW_MS - 20 * DAY, 500, 0);
            for (const { minutesAgo, good, bad } of list) mutate(store, NOW_MS - minutesAgo * MINUTE, good, bad);
            mutate(store, NOW_MS, 1, 9);
            return statesAt(store, nowMs);
          }),
      );
      const what = `${one} and ${other} minutes: ${before} and ${after}`;
      expect(
        after.every((state, i) => state === before[i] || state === 'no_data'),
        what,
      ).toBe(true);
      for (const state of before) seen.add(state);
    }),
    { numRuns: 25 },
  );
  expect(seen).toContain('firing');
  expect(seen).toContain('inactive');
});

test('after eight days of silence, when the edges of windows are exact to ten minutes only, nothing is judged', async () => {
  for (let ago = 1; ago < 6; ago++)
    for (const days of [0.3, 9, 15]) {
      const nowMs = NOW_MS + days * DAY;
      const store = createKnownStore(nowMs);
      mutate(store, NOW_MS - 20 * DAY, 500, 0);
      mutate(store, NOW_MS - 30 * MINUTE, 0, 600);
      // The last short window that holds an event begins after it.
      mutate(store, NOW_MS - ago * MINUTE, 100, 0);
      mutate(store, NOW_MS, 0, 30);
      // More open minutes than a store keeps: it closes them.
      for (let i = 0; i < 70; i++) mutate(store, NOW_MS - 19 * DAY + i * MINUTE, 1, 0);
      expect((await statesAt(store, nowMs))[0], `${ago} minutes, ${days} days`).toBe(days < 8 ? 'firing' : 'no_data');
    }
});
