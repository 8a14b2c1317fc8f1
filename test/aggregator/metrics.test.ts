import { expect, test } from 'vitest';
import { createOwnMetrics } from '../../aggregator/metrics.ts';

test('a counter is there with 0 for every declared set of labels, and counts by them', () => {
  const metrics = createOwnMetrics();
  const requests = metrics.counter('aggregator_requests_total', 'Requests.', { kind: ['a', 'b'], ok: ['yes', 'no'] });
  requests.add({ kind: 'b', ok: 'no' });
  requests.add({ kind: 'b', ok: 'no' }, 2);
  expect(metrics.families()).toEqual([
    {
      name: 'aggregator_requests_total',
      type: 'counter',
      help: 'Requests.',
      samples: [
        ['a', 'yes', 0],
        ['a', 'no', 0],
        ['b', 'yes', 0],
        ['b', 'no', 3],
      ].map(([kind, ok, value]) => ({
        labels: [
          ['kind', kind],
          ['ok', ok],
        ],
        value,
      })),
    },
  ]);
});

test('a value that was not declared is refused, so that samples are bounded', () => {
  const counter = createOwnMetrics().counter('aggregator_requests_total', 'Requests.', { kind: ['a'] });
  // @ts-expect-error: the type refuses it too
  expect(() => counter.add({ kind: 'z' })).toThrow(TypeError);
});

test('gauges and observed counters are read when somebody looks', () => {
  const metrics = createOwnMetrics();
  let value: number | undefined;
  metrics.gauge('aggregator_depth', 'Depth.', () => value);
  metrics.observedCounter('aggregator_drops_total', 'Drops.', () => 4);
  expect(metrics.families().map(({ samples }) => samples)).toEqual([[], [{ labels: [], value: 4 }]]);
  value = 7;
  expect(metrics.families()[0].samples).toEqual([{ labels: [], value: 7 }]);
});

test('names are those of the service, and no name is used twice', () => {
  const metrics = createOwnMetrics();
  expect(() => metrics.gauge('other_depth', '', () => 0)).toThrow(TypeError);
  expect(() => metrics.gauge('aggregator_depth_total', '', () => 0)).toThrow(TypeError);
  expect(() => metrics.counter('aggregator_depth', '', {})).toThrow(TypeError);
  metrics.gauge('aggregator_depth', '', () => 0);
  expect(() => metrics.gauge('aggregator_depth', '', () => 0)).toThrow(TypeError);
});
