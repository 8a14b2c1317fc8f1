import { describe, expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { recommendationsSchema, reportRecommendations } from '../../../aggregator/reports/all-recommendations.ts';
import { areas, changesOf } from '../../../aggregator/reports/areas.ts';
import { overviewSchema, reportOverview } from '../../../aggregator/reports/overview.ts';
import { type Asked, windowUntil } from '../../../aggregator/reports/report.ts';
import { reportSlos } from '../../../aggregator/reports/slo.ts';
import type { Store } from '../../../aggregator/store/port.ts';
import { createKnownStore } from '../../support/known-store.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);
const HOUR = 3_600_000;
const asked: Asked = { window: windowUntil(NOW_MS, 'minutes', 1) };
const levels = ['critical', 'warning', 'info'];

test('before anything has arrived the level is unknown, and nothing is called healthy', async () => {
  const overview = await reportOverview(createKnownStore(NOW_MS), asked);
  expect(overview).toMatchObject({ level: 'unknown', sentence: 'No telemetry has arrived yet.' });
  expect(overview.freshness).toEqual({
    newest_point_at: null,
    last_arrival_at: null,
    takes_data: true,
    services: [],
    service_arrivals: [],
  });
  expect(overview.objectives.map(({ state }) => state)).toEqual(['no_data', 'no_data', 'no_data', 'no_data']);
  expect(overview.recommendations.map(({ id }) => id)).toContain('telemetry-none');
  expect(overview.recommendations.filter(({ message }) => /healthy|within/.test(message))).toEqual([]);
});

test('what is well is said to be, with every area and the objects of the other endpoints', async () => {
  const store = createKnownStore(NOW_MS);
  store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS - HOUR - 600_000 }, 40);
  store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS - 1000 }, 50);
  const overview = await reportOverview(store, asked);
  expect(overviewSchema.strict().parse(overview)).toEqual(overview);
  expect(overview).toMatchObject({ level: 'info', sentence: 'Everything that was measured is within its targets.' });
  expect(Object.keys(overview.areas)).toEqual(areas.map(({ name }) => name));
  const { mutations } = overview.areas;
  expect(mutations).toMatchObject({ window_minutes: 60, statistics: { total_mutations: 50 } });
  expect(mutations.change).toMatchObject({ total_mutations: 25, success_rate: 0, failed_mutations: null });
  expect(overview.objectives).toEqual((await reportSlos(store, asked)).objectives);
  expect({ recommendations: overview.recommendations }).toEqual(await reportRecommendations(store, asked));
});

describe('recommendations', () => {
  test('worst first, each with its evidence; the sentence is the worst one', async () => {
    const store = createKnownStore(NOW_MS);
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS - HOUR }, 960);
    store.add({ name: 'CreateJob', seconds: 0.1, outcome: 'failure', atMs: NOW_MS - 1000 }, 60);
    const body = await reportRecommendations(store, asked);
    expect(recommendationsSchema.parse(body)).toEqual(body);
    const ranks = body.recommendations.map(({ level }) => levels.indexOf(level));
    expect(ranks).toEqual(ranks.toSorted());
    const ids = body.recommendations.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const [worst] = body.recommendations;
    expect(worst).toMatchObject({
      id: 'slo-exhausted-mutation-success',
      area: 'objectives',
      level: 'critical',
      evidence: { signal: 'budget_remaining', value: -17.65, unit: 'percent', events: 1020, window_seconds: 2_592_000 },
      link: '/monitoring/slo/mutation-success/',
    });
    expect(worst.message).toMatch(
      /^“Mutations that do not fail” is missed\. The 30-day budget is spent, and 18 % more than it; CreateJob spent 118 % of it\. Measured for 1 hour so far\.$/,
    );
    expect(body.recommendations.find(({ id }) => id === 'slo-spender-mutation-success')?.message).toContain(
      'CreateJob alone',
    );
    expect((await reportOverview(store, asked)).sentence).toContain(worst.message);
  });

  test('a store that refuses new data is the first thing to be told, and nothing says that all was taken', async () => {
    const known = createKnownStore(NOW_MS);
    known.add({ name: 'A', seconds: 0.1, atMs: NOW_MS }, 50);
    const store: Store = {
      ...known,
      state: () => ({ ...known.state(), refusing: 'the disk is full', refusingSinceMs: NOW_MS - 90_000 }),
    };
    const { recommendations } = await reportRecommendations(store, asked);
    const told = recommendations.filter(({ area }) => area === 'telemetry');
    expect(told.map(({ id, level, message }) => [id, level, message])).toEqual([
      ['telemetry-refused', 'critical', expect.stringContaining('refused for 2 minutes')],
    ]);
  });

  test('telemetry that stopped, was damaged, overflowed or was rejected is told', async () => {
    const store = createKnownStore(NOW_MS);
    store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS - HOUR }, 50);
    const own = createOwnMetrics();
    own.gauge('aggregator_blocks_damaged', 'x', () => 4);
    own.observedCounter('aggregator_series_overflowed_total', 'x', () => 3);
    store.stateChange = { rejectedLastHour: 2 };
    const { recommendations } = await reportRecommendations(store, { ...asked, ownFamilies: () => own.families() });
    const told = recommendations.filter(({ area }) => area === 'telemetry');
    expect(told.map(({ id, evidence }) => [id, evidence.value, evidence.window_seconds])).toEqual([
      ['blocks-damaged', 4, 0],
      ['telemetry-stopped', 3_630_000, 0],
      ['series-overflowed', 3, 0],
      ['points-rejected', 2, 3600],
    ]);
  });
});

test('a change is in percent of what was; from nothing there is none', () => {
  const compared = ['a', 'b.c', 'd', 'e'];
  expect(changesOf({ compared }, { a: 3, b: { c: 1 }, d: 5, e: null }, { a: 4, b: { c: 3 }, d: 0, e: 1 })).toEqual({
    a: -25,
    'b.c': -66.67,
    d: null,
    e: null,
  });
});
