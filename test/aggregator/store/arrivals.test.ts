/** When each service last sent something, over restarts. */
import { cpSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { Arrivals } from '../../../aggregator/store/embedded/arrivals.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';

const MINUTE_MS = 60_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const began = Date.UTC(2026, 0, 1);

let clock: number;
let directory: string;
let opened: OpenedStore;
const open = (): OpenedStore =>
  openEmbeddedStore({ directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent, now: () => clock });
const arrivals = () => Object.fromEntries(opened.store.state().arrivals);

beforeEach(() => {
  clock = began;
  directory = temporaryDirectory();
  opened = open();
});
afterEach(() => opened.close());

/** @param count the sender's total: the same one again is a repetition */
function send(service: string, count: number, timeMs = clock): void {
  const attributes = { 'vigil.task.name': 'send', 'vigil.idempotency.outcome': 'executed' };
  const metric = 'vigil.task.requests' as const;
  const values = new Array<number>(count).fill(1);
  const of = { metric, attributes, values, shape: 'sum' as const, cumulative: true, startMs: began, timeMs };
  const bytes = metricsBody([{ ...of, service, instance: 'one' }]);
  opened.receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false });
}

test('of each service by itself, also where it repeats itself, and not of what is rejected', () => {
  send('shop', 1);
  clock += MINUTE_MS;
  send('mail', 1);
  expect(arrivals()).toEqual({ shop: began, mail: began + MINUTE_MS });
  clock += MINUTE_MS;
  send('shop', 1);
  send('mail', 2, began - 25 * 60 * MINUTE_MS);
  expect(arrivals()).toEqual({ mail: began + MINUTE_MS, shop: clock });
});

test('it outlives a clean end, and one by kill -9', () => {
  send('shop', 1);
  clock += 10 * MINUTE_MS;
  send('mail', 1);
  const before = arrivals();
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  opened.close();
  directory = copy;
  clock += 90 * MINUTE_MS;
  opened = open();
  expect(arrivals(), 'from the journal').toEqual(before);
  send('mail', 2);
  opened.close();
  opened = open();
  expect(arrivals(), 'from the checkpoint').toEqual({ ...before, mail: clock });
});

test('of a thousand services, those that sent last', () => {
  const one = new Arrivals();
  for (let n = 0; n < 1500; n++) one.note([`service-${n % 1200}`], n);
  expect(one.byService.size).toBe(1000);
  expect(one.byService.get('service-299')).toBe(1499);
  expect(one.byService.has('service-300'), 'of the 1,200 it sent longest ago').toBe(false);
  expect([...new Arrivals(one.save()).byService]).toEqual([...one.byService]);
});
