/** Several processes under one identity, as the store sees them, and what a reader is told. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SHARED_IDENTITY_EXPORTS } from '../../../aggregator/domain/identity-rules.ts';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { reportRecommendations } from '../../../aggregator/reports/all-recommendations.ts';
import { windowUntil } from '../../../aggregator/reports/report.ts';
import { BUILT_IN_POLICY } from '../../../aggregator/reports/slo-status.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';

const MINUTE_MS = 60_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };

let clock: number;
let directory: string;
let opened: OpenedStore;
const open = (): OpenedStore =>
  openEmbeddedStore({ directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent, now: () => clock });

beforeEach(() => {
  clock = Date.UTC(2026, 0, 1);
  directory = temporaryDirectory();
  opened = open();
});
afterEach(() => opened.close());

/** One export of a process that began then; `instance` '' is a sender that says nothing of itself. */
function send(startMs: number, count: number, { service = 'shop', instance = '', timeMs = clock } = {}): void {
  const attributes = {
    'vigil.task.name': 'send',
    'vigil.idempotency.scope': 'global',
    'vigil.idempotency.outcome': 'executed',
  };
  const values = new Array<number>(count).fill(1);
  const shape = 'sum' as const;
  const cumulative = true;
  const point = { metric: 'vigil.task.requests' as const, attributes, values, shape, cumulative, startMs, timeMs };
  const bytes = metricsBody([{ ...point, service, instance }]);
  opened.receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false });
}

/** Two processes, side by side, a minute apart. */
function runTwo(minutes: number, of = {}): void {
  const [first, second] = [clock, clock + 1000];
  for (let minute = 1; minute <= minutes; minute++) {
    clock += MINUTE_MS;
    send(first, minute, { ...of, timeMs: clock - 2000 });
    send(second, minute, { ...of, timeMs: clock - 1000 });
  }
}

async function told(service?: string) {
  const asked = { window: windowUntil(clock, 'minutes', 60), policy: BUILT_IN_POLICY, service };
  const { recommendations } = await reportRecommendations(opened.store, asked);
  return recommendations.filter(({ id }) => id.startsWith('shared-identity'));
}

test('two processes that say nothing of themselves are told of by name, with what gave them away', async () => {
  runTwo(SHARED_IDENTITY_EXPORTS + 1);
  const [one, ...others] = await told();
  expect(others).toEqual([]);
  expect(one).toMatchObject({
    id: 'shared-identity-shop',
    area: 'telemetry',
    level: 'warning',
    evidence: {
      signal: 'shared_identity_exports',
      value: SHARED_IDENTITY_EXPORTS,
      threshold: SHARED_IDENTITY_EXPORTS,
      window_seconds: 3600,
      events: SHARED_IDENTITY_EXPORTS,
    },
    link: '/monitoring/overview/',
  });
  expect(one.message).toContain('processes of shop');
  expect(one.action).toContain('service.instance.id');
  expect(await told('other')).toEqual([]);
  expect(await told('shop')).toHaveLength(1);
  // Both were counted: their lives are told apart.
  const [row] = await opened.store.lifetimeCounts({ metric: 'vigil.task.requests' });
  expect(row.value).toBe(2 * (SHARED_IDENTITY_EXPORTS + 1));
});

test('two that were given the same id, too', async () => {
  runTwo(40, { instance: 'copied' });
  expect(await told()).toHaveLength(1);
});

test('instances apart, restarts and what a queue brings late are no such thing', async () => {
  for (const instance of ['a', 'b']) runTwo(1, { instance });
  const began = clock;
  for (let restart = 0; restart < 50; restart++) {
    const start = clock;
    clock += MINUTE_MS;
    send(start, 1);
    // The last words of the life before, after this one has reported.
    if (restart > 0) send(start - MINUTE_MS, 2, { timeMs: start - 500 });
  }
  expect(clock - began).toBe(50 * MINUTE_MS);
  expect(await told()).toEqual([]);
});

test('two whose SDK sends no start times, too', async () => {
  for (let minute = 1; minute <= 40; minute++) {
    clock += MINUTE_MS;
    send(0, 10 * minute, { timeMs: clock - 2000 });
    send(0, minute, { timeMs: clock - 1000 });
  }
  expect(await told()).toHaveLength(1);
});

test('it is over an hour after they were told apart', async () => {
  runTwo(40);
  expect(await told()).toHaveLength(1);
  clock += 61 * MINUTE_MS;
  expect(await told()).toEqual([]);
});
