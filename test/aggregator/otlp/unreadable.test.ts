/** What a sender is told of a body of which nothing was taken: where it cannot be read, or what it is instead. */
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import type { ReceivedBody } from '../../../aggregator/otlp/receiver.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { bytesOf, counter } from '../../support/otlp-requests.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
let opened: OpenedStore;
beforeEach(() => {
  const metrics = createOwnMetrics();
  opened = openEmbeddedStore({ directory: temporaryDirectory(), retentionDays: 35, metrics, log: silent });
});
afterEach(() => opened.close());

const json = JSON.stringify(counter());
const protobuf = bytesOf(counter());

describe.each(['metrics', 'traces'] as const)('%s', (signal) => {
  const take = (bytes: Uint8Array, encoding: ReceivedBody['encoding'], gzip = false) =>
    opened.receiver.take({ signal, bytes, encoding, gzip });

  test.each<[what: string, body: Uint8Array, encoding: ReceivedBody['encoding'], gzip: boolean, told: RegExp]>([
    ['nothing as JSON', Buffer.alloc(0), 'json', false, /is empty/],
    ['JSON as protobuf', Buffer.from(json), 'protobuf', false, /looks like JSON.*application\/json/],
    ['gzipped JSON as protobuf', gzipSync(json), 'protobuf', true, /looks like JSON.*application\/json/],
    ['protobuf as JSON', protobuf, 'json', false, /looks like protobuf.*application\/x-protobuf/],
    ['gzip that is not said', gzipSync(protobuf), 'protobuf', false, /looks like gzip.*Content-Encoding/],
    ['gzip that is said and is none', protobuf, 'protobuf', true, /is no gzip/],
    ['gzip that is cut off', gzipSync(protobuf).subarray(0, 30), 'protobuf', true, /cut off/],
  ])('%s', (_, body, encoding, gzip, told) => {
    expect(() => take(body, encoding, gzip)).toThrow(
      expect.objectContaining({ kind: 'malformed', message: expect.stringMatching(told) }),
    );
  });

  test.each([
    ['names as in the .proto', '{"resource_metrics": [], "resource_spans": []}'],
    ['logs', '{"resourceLogs": [{}]}'],
  ])('%s: nothing of it is read, and that is said', (_, body) => {
    const { rejected, message } = take(Buffer.from(body), 'json');
    expect([rejected, message]).toEqual([0, expect.stringMatching(/^Nothing was read.*lowerCamelCase/)]);
  });

  test.each(['{}', ' { } '])('an empty request, %j, is taken without a word', (body) => {
    expect(take(Buffer.from(body), 'json')).toEqual({ rejected: 0, message: '' });
  });
});

test('unknown fields beside known ones are passed over without a word', () => {
  const bytes = Buffer.from('{"resourceMetrics": [], "more": {"a": 1}}');
  expect(opened.receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false }).message).toBe('');
});

test.each([
  ['JSON', Buffer.from(json.replace('"asInt":"1"', '"asInt":"1.5"')), 'json'],
  ['protobuf', protobuf.subarray(0, protobuf.length - 1), 'protobuf'],
] as const)('damaged %s: the place is named', (_, bytes, encoding) => {
  let message = '';
  try {
    opened.receiver.take({ signal: 'metrics', bytes, encoding, gzip: false });
  } catch (error) {
    ({ message } = error as Error);
  }
  const [, at, of] = /beyond byte (\d+) of (\d+)/.exec(message) ?? [];
  expect(Number(of)).toBe(bytes.length);
  if (encoding === 'json') expect(Number(at)).toBe(bytes.indexOf('"1.5"') + '"1.5"'.length);
});
