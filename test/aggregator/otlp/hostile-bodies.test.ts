import { describe, expect, test } from 'vitest';
import { PointBatch } from '../../../aggregator/otlp/batch.ts';
import { JsonMetricsDecoder } from '../../../aggregator/otlp/metrics-json.ts';
import { MetricsDecoder } from '../../../aggregator/otlp/metrics-protobuf.ts';
import { BodyError } from '../../../aggregator/otlp/receiver.ts';
import { MapIdentities } from '../../support/identities.ts';
import { counter, histogram } from '../../support/otlp-requests.ts';

describe('bodies that are made to hurt', () => {
  const repeated = (bytes: readonly number[], size: number) =>
    Buffer.alloc(size - (size % bytes.length), Buffer.from(bytes));
  const varint = (tag: number, n: number) => {
    const bytes = [tag];
    for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) + 128);
    return Buffer.from([...bytes, n]);
  };
  const within = (tag: number, inner: Buffer) => Buffer.concat([varint(tag, inner.length), inner]);
  const deep = (depth: number) => {
    let value = Buffer.from([0x0a, 1, 65]);
    for (let i = 0; i < depth; i++) value = within(0x2a, within(0x0a, value));
    const attribute = within(0x0a, Buffer.concat([Buffer.from([0x0a, 1, 65]), within(0x12, value)]));
    return within(0x0a, Buffer.concat([within(0x0a, attribute), within(0x12, within(0x12, Buffer.alloc(0)))]));
  };
  const metric = (data: Buffer) =>
    within(
      0x0a,
      within(0x12, within(0x12, Buffer.concat([within(0x0a, Buffer.from('vigil.task.requests')), within(0x3a, data)]))),
    );
  const size = 4 * 1024 * 1024;
  const outcome = (body: Uint8Array) => {
    const identities = new MapIdentities();
    const batch = new PointBatch();
    // Of this thread: others on the machine do not count, however busy they are.
    const before = process.threadCpuUsage();
    let result = 'read';
    try {
      new MetricsDecoder(identities).decode(body, batch);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      result = error.kind;
      expect(identities.size).toBe(0);
      expect(batch.points).toBe(0);
    }
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1000, 'milliseconds').toBeLessThan(3000);
    return result;
  };

  test.each([
    ['nothing', Buffer.alloc(0), 'read'],
    ['empty resources', repeated([0x0a, 0], size), 'read'],
    ['empty scopes', within(0x0a, repeated([0x12, 0], size)), 'read'],
    ['empty metrics', within(0x0a, within(0x12, repeated([0x12, 0], size))), 'read'],
    ['empty points', metric(Buffer.concat([Buffer.from([0x10, 1]), repeated([0x0a, 0], size)])), 'read'],
    ['unknown fields', repeated([0x78, 1], size), 'read'],
    [
      'unknown fields in a point',
      metric(Buffer.concat([Buffer.from([0x10, 1]), within(0x0a, repeated([0x78, 1], size))])),
      'read',
    ],
    ['values in values', deep(30), 'read'],
    ['values in values without end', deep(5000), 'malformed'],
    ['a varint of eleven bytes', Buffer.from([0x78, ...new Array(10).fill(0xff), 1]), 'malformed'],
    ['a varint that is cut off', Buffer.from([0x78, 0xff]), 'malformed'],
    ['a length beyond the body', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), 'malformed'],
    ['a length of 2^64 - 1', Buffer.from([0x0a, ...new Array(9).fill(0xff), 1]), 'malformed'],
    ['a length beyond its message', within(0x0a, Buffer.from([0x12, 5, 0, 0])), 'malformed'],
    ['a group', Buffer.from([0x0b, 0x0c]), 'malformed'],
    ['a group of an unknown number', Buffer.from([0x7b, 0x7c]), 'malformed'],
    ['field number 0', Buffer.from([0x02, 0]), 'malformed'],
    ['a resource as a number', within(0x0a, Buffer.from([0x08, 1])), 'malformed'],
    ['two resources in one', within(0x0a, Buffer.from([0x0a, 0, 0x0a, 0])), 'malformed'],
    ['text', Buffer.from('{"resourceMetrics":[]}'), 'malformed'],
  ])('%s', (_, body, result) => {
    expect(outcome(body)).toBe(result);
  });

  test.each([
    ['no JSON', '{"resourceMetrics":[', 'malformed'],
    ['no object', '[]', 'malformed'],
    ['null', 'null', 'malformed'],
    ['an object for a list', '{"resourceMetrics":{}}', 'malformed'],
    ['a text for a message', '{"resourceMetrics":["x"]}', 'malformed'],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'malformed'],
    ['a fraction for a count', JSON.stringify(histogram({ count: 1.5 })), 'malformed'],
    ['a negative count', JSON.stringify(histogram({ count: '-3' })), 'malformed'],
    ['a word for a number', JSON.stringify(counter({ point: { asInt: 'many' } })), 'malformed'],
    ['two kinds of data', JSON.stringify(counter({ metric: { gauge: {} } })), 'malformed'],
    ['a name that stands twice', '{"resourceMetrics":[],"resourceMetrics":[]}', 'malformed'],
    [
      'a name of a point that stands twice',
      JSON.stringify(counter()).replace('"asInt"', '"asInt":"2","asInt"'),
      'malformed',
    ],
    ['a second value', '{} {}', 'malformed'],
    ['a comma too many', '{"resourceMetrics":[],}', 'malformed'],
    ['a comma too many in a list', '{"resourceMetrics":[{},]}', 'malformed'],
    ['a comma too few', '{"resourceMetrics":[{}{}]}', 'malformed'],
    ['a number with a zero before it', '{"resourceMetrics":[],"more":01}', 'malformed'],
    ['an unknown field that is no JSON', '{"resourceMetrics":[],"more":[}]}', 'malformed'],
    ['lists in lists without end', '['.repeat(size), 'malformed'],
    ['a text without end', `{"${'x'.repeat(size)}`, 'malformed'],
    ['unknown lists in lists', `{"more":${'['.repeat(1000)}${']'.repeat(1000)}}`, 'read'],
    ['many empty resources', `{"resourceMetrics":[${new Array(size / 4).fill('{}').join()}]}`, 'read'],
    ['a mark of the byte order', '\ufeff{}', 'read'],
    ['nulls for what is absent', '{"resourceMetrics":[{"resource":null,"scopeMetrics":null}]}', 'read'],
    ['fields that nobody knows', '{"resourceMetrics":[],"more":[{}]}', 'read'],
  ])('JSON: %s', (_, body, result) => {
    const identities = new MapIdentities();
    const decode = () => new JsonMetricsDecoder(identities).decode(Buffer.from(body), new PointBatch());
    if (result === 'read') expect(decode).not.toThrow();
    else expect(decode).toThrow(BodyError);
    expect(identities.size).toBe(0);
  });
});
