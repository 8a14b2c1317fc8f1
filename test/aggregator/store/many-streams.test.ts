import { expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const STREAMS = 3000;

test('the state of many streams survives: what is sent again after a restart counts once', async () => {
  const directory = temporaryDirectory();
  const open = () => openEmbeddedStore({ directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent });
  const began = Date.now();
  const body = (values: readonly number[]) =>
    metricsBody(
      Array.from(
        { length: STREAMS },
        (_, i): PointDescription => ({
          metric: 'vigil.mutation.duration',
          instance: `i${i}`,
          attributes: { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': 'success' },
          cumulative: i % 2 === 0,
          startMs: began + 60_000,
          timeMs: began + 60_000 + values.length,
          values,
          shape: i % 3 === 0 ? { scale: 4 } : 'explicit',
        }),
      ),
    );
  const take = (store: OpenedStore, values: readonly number[]) =>
    store.receiver.take({ signal: 'metrics', bytes: body(values), encoding: 'json', gzip: false });
  const total = async (store: OpenedStore) =>
    (await store.store.lifetimeHistograms({ metric: 'vigil.mutation.duration' }))[0].histogram.count;
  const first = open();
  take(first, [0.2]);
  first.close();
  const second = open();
  take(second, [0.2]);
  expect(await total(second)).toBe(STREAMS);
  take(second, [0.2, 0.7]);
  second.close();
  const third = open();
  // A cumulative stream grew by one value, a delta stream told of two more.
  expect(await total(third)).toBe(STREAMS + STREAMS / 2 + STREAMS);
  third.close();
});
