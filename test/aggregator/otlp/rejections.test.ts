/** What a sender is told of points that were not taken. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { bytesOf, counter, histogram } from '../../support/otlp-requests.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
let opened: OpenedStore;
beforeEach(() => {
  const now = () => 1_790_000_000_000;
  const metrics = createOwnMetrics();
  opened = openEmbeddedStore({ directory: temporaryDirectory(), retentionDays: 35, metrics, log: silent, now });
});
afterEach(() => opened.close());

const old = { timeUnixNano: '1780000000000000000' };
const resources = (...requests: object[]) => ({
  resourceMetrics: requests.flatMap((request) => (request as { resourceMetrics: object[] }).resourceMetrics),
});

test.each<[request: object, rejected: number, message: string]>([
  [counter(), 0, ''],
  [
    counter({ metric: { unit: '1' } }),
    1,
    '1 point of vigil.task.requests: wrong unit (vigil.task.requests is measured in {request})',
  ],
  [
    histogram({}, { name: 'vigil.task.requests', unit: '{request}' }),
    1,
    '1 point of vigil.task.requests: wrong kind of metric (vigil.task.requests is a counter)',
  ],
  [
    resources(counter({ point: old }), histogram(old), counter({ point: { asInt: '-4' } })),
    3,
    '1 point of vigil.task.requests: below zero (a monotonic sum only grows); ' +
      '2 points of vigil.task.requests, vigil.mutation.duration: older than 24 hours ' +
      "(look at the sender's clock, and whether its times are nanoseconds)",
  ],
])('%j', (request, rejected, message) => {
  const { receiver } = opened;
  const json = Buffer.from(JSON.stringify(request));
  for (const [bytes, encoding] of [[bytesOf(request), 'protobuf'] as const, [json, 'json'] as const])
    expect(receiver.take({ signal: 'metrics', bytes, encoding, gzip: false })).toEqual({ rejected, message });
});
