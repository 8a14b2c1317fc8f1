import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MIN_BAD_EVENTS } from '../../../aggregator/domain/burn-alerts.ts';
import { MIN_TIMED, recommendVersion, type VersionFacts } from '../../../aggregator/domain/version-rules.ts';
import { reportRecommendations } from '../../../aggregator/reports/all-recommendations.ts';
import { reportOverview } from '../../../aggregator/reports/overview.ts';
import { windowUntil } from '../../../aggregator/reports/report.ts';
import { createKnownStore, type KnownStore } from '../../support/known-store.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12, 4, 30);
const HOUR = 3_600_000;
const asked = { window: windowUntil(NOW_MS, 'minutes', 1) };

function run(store: KnownStore, version: string, atMs: number, seconds: number, failures = 0): void {
  const point = (outcome: string, times: number) => ({
    metric: 'vigil.mutation.duration' as const,
    service: 'shop',
    version,
    attributes: { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': outcome },
    values: new Array<number>(times).fill(seconds),
    shape: { scale: 4 },
  });
  store.addPoints(
    [point('success', MIN_TIMED - failures), ...(failures > 0 ? [point('failure', failures)] : [])],
    atMs,
  );
}

async function spoken(store: KnownStore) {
  const { recommendations } = await reportRecommendations(store, asked);
  const ofVersions = recommendations.filter(({ id }) => id.startsWith('version-'));
  const overview = await reportOverview(store, asked);
  expect(overview.recommendations.filter(({ id }) => id.startsWith('version-'))).toEqual(ofVersions);
  return ofVersions;
}

test('a mutation whose p95 or share of failures doubled since a version is named, with both versions', async () => {
  const store = createKnownStore(NOW_MS);
  run(store, '1.4.1', NOW_MS - 30 * HOUR, 0.2, 4);
  expect(await spoken(store)).toEqual([]);
  run(store, '1.4.2', NOW_MS - HOUR / 2, 0.42, 40);
  const [failing, slower] = await spoken(store);
  expect(failing).toMatchObject({
    id: 'version-failures-shop-CreateJob',
    level: 'warning',
    message: 'Since 1.4.2 of shop, CreateJob’s share of failures is 10 times what it was: 10 %, and 1 % under 1.4.1.',
    evidence: { signal: 'failure_share', value: 10, threshold: 2, unit: 'percent', events: MIN_TIMED },
  });
  expect(slower.message).toMatch(
    /^Since 1\.4\.2 of shop, CreateJob’s p95 doubled: 4\d\d ms, and 2\d\d ms under 1\.4\.1\.$/,
  );
  expect(slower.evidence).toMatchObject({ signal: 'p95', unit: 'ms', source: 'twice its p95 under 1.4.1' });
});

test('after going back nothing is said of the version that was left', async () => {
  const store = createKnownStore(NOW_MS);
  run(store, '1.4.1', NOW_MS - 30 * HOUR, 0.2);
  run(store, '1.4.2', NOW_MS - 3 * HOUR, 0.9);
  run(store, '1.4.1', NOW_MS - HOUR / 2, 0.2);
  expect(await spoken(store)).toEqual([]);
});

const facts = (least: number): fc.Arbitrary<VersionFacts> =>
  fc
    .record({
      settled: fc.integer({ min: least, max: 5000 }),
      p95: fc.double({ min: 0.001, max: 10, noNaN: true }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ settled, p95, share }) => ({ settled, p95, failures: Math.floor(settled * share) }));

test('a version before of which too little ran to fail is no better', () => {
  const pair = { mutation: 'Pay', service: 'shop', version: '2', versionBefore: '1' };
  const now = { settled: 59_000, failures: 20, p95: 0.05 };
  expect(recommendVersion({ ...pair, now, before: { settled: 58_000, failures: 0, p95: 0.05 } })).toEqual([]);
  const [{ message }] = recommendVersion({ ...pair, now, before: { settled: 60_000, failures: 0, p95: 0.05 } });
  expect(message).toBe('Since 2 of shop, Pay’s share of failures is no longer none: 0.034 %, and 0 % under 1.');
});

test('it speaks exactly where something is twice as bad, and enough happened', () => {
  const pair = { mutation: 'A', service: 's', version: '2', versionBefore: '1' };
  fc.assert(
    fc.property(facts(1), facts(1), (now, before) => {
      const signals = recommendVersion({ ...pair, now, before }).map(({ evidence }) => evidence?.signal);
      const isTimed = Math.min(now.settled, before.settled) >= MIN_TIMED;
      expect(signals.includes('p95')).toBe(isTimed && now.p95! >= 2 * before.p95!);
      const expected = (before.settled * now.failures) / now.settled;
      const isCounted = Math.min(now.failures, expected) >= MIN_BAD_EVENTS;
      const isWorse = now.failures / now.settled >= (2 * before.failures) / before.settled;
      expect(signals.includes('failure_share')).toBe(isCounted && isWorse);
      expect(recommendVersion({ ...pair, now: before, before })).toEqual([]);
    }),
  );
});
