/** Points that are not taken, as a reader is told of them: while it is recent, not until the next restart. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { reportRecommendations } from '../../../aggregator/reports/all-recommendations.ts';
import { windowUntil } from '../../../aggregator/reports/report.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 1440 * MINUTE_MS;
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const metrics = createOwnMetrics();

let clock: number;
let opened: OpenedStore;

beforeEach(() => {
  clock = Date.UTC(2026, 0, 10);
  const directory = temporaryDirectory();
  opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log: silent, now: () => clock });
});
afterEach(() => opened.close());

/** @returns how many of the points were not taken */
function send(points: number, timeMs = clock): number {
  const attributes = { 'vigil.task.name': 'send', 'vigil.idempotency.outcome': 'executed' };
  const of = { metric: 'vigil.task.requests', attributes, values: [1], shape: 'sum', cumulative: false } as const;
  const point = { ...of, service: 'shop', instance: 'one', startMs: timeMs - 1, timeMs };
  const bytes = metricsBody(Array.from({ length: points }, () => point));
  return opened.receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false }).rejected;
}

async function told() {
  const asked = { window: windowUntil(clock, 'minutes', 60), ownFamilies: () => metrics.families() };
  const { recommendations } = await reportRecommendations(opened.store, asked);
  return recommendations.find(({ id }) => id === 'points-rejected')?.evidence.value;
}

test('they are told of for an hour, also before anything was taken', async () => {
  expect(await told()).toBe(undefined);
  expect(send(3, clock - 2 * DAY_MS)).toBe(3);
  expect(await told()).toBe(3);
  clock += 30 * MINUTE_MS;
  expect(send(2)).toBe(0);
  expect(send(1, clock + DAY_MS)).toBe(1);
  expect(await told()).toBe(4);
  clock += 29 * MINUTE_MS;
  expect(await told()).toBe(4);
  clock += MINUTE_MS;
  expect(await told()).toBe(1);
  clock += 30 * MINUTE_MS;
  expect(await told()).toBe(undefined);
});
