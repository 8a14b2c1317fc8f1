/** Every wrong thing that a client may send, to the real service: none is a 500, none plain text, none loses data. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfiguration } from '../../../aggregator/config.ts';
import { type Aggregator, startAggregator } from '../../../aggregator/main.ts';
import { MAX_BODY_BYTES } from '../../../aggregator/otlp/receiver.ts';
import { mayBeSkipped, promtoolCheckMetrics } from '../../support/promtool.ts';
import { keepLog } from '../../support/read-side.ts';

const KEY = 'a-key-for-both-0123456789';
const MUTATIONS = '/monitoring/graphql/mutations/';
const directory = mkdtempSync(join(tmpdir(), 'vigil-wrong-'));
const log = keepLog('info');
let aggregator: Aggregator;
let url: string;

beforeAll(async () => {
  const result = readConfiguration({
    PORT: '0',
    MONITORING_API_KEY: KEY,
    MONITORING_DATA_DIR: directory,
    MONITORING_CACHE_TTL_SECONDS: '0',
  });
  if (!result.ok) throw new Error('this configuration is a good one');
  aggregator = await startAggregator(result.configuration, log.log);
  url = `http://127.0.0.1:${aggregator.port}`;
  expect((await send(goodBody())).status).toBe(200);
});
afterAll(async () => {
  await aggregator.close();
  rmSync(directory, { recursive: true });
});

/** Three mutations, measured now. */
function goodBody(): string {
  const string = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const point = {
    startTimeUnixNano: `${Date.now() - 10_000}000000`,
    timeUnixNano: `${Date.now()}000000`,
    count: '3',
    sum: 0.3,
    min: 0.1,
    max: 0.1,
    explicitBounds: [0.5, 1],
    bucketCounts: ['3', '0', '0'],
    attributes: [string('vigil.mutation.name', 'LoginUser'), string('vigil.mutation.outcome', 'success')],
  };
  const histogram = { aggregationTemporality: 1, dataPoints: [point] };
  const metrics = [{ name: 'vigil.mutation.duration', unit: 's', histogram }];
  const resource = { attributes: [string('service.name', 'shop'), string('service.instance.id', 'one')] };
  return JSON.stringify({ resourceMetrics: [{ resource, scopeMetrics: [{ scope: { name: 'test' }, metrics }] }] });
}

const send = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}, path = '/v1/metrics') =>
  fetch(url + path, {
    method: 'POST',
    body,
    headers: { 'X-Monitoring-API-Key': KEY, 'Content-Type': 'application/json', ...headers },
  });

const read = (path: string, init: RequestInit = {}) =>
  fetch(url + path, { headers: { 'X-Monitoring-API-Key': KEY }, ...init });

type RequestInit = NonNullable<Parameters<typeof fetch>[1]>;

const PROTOBUF = { 'Content-Type': 'application/x-protobuf' };
const GZIP = { 'Content-Encoding': 'gzip' };
const copyOf = (buffer: Buffer) => new Uint8Array(buffer);
const bomb = () => copyOf(gzipSync(Buffer.alloc(MAX_BODY_BYTES * 8)));
const cutGzip = () => copyOf(gzipSync(goodBody()).subarray(0, -20));

const wrong: readonly [string, () => Promise<Response>, number, string][] = [
  ['no key', () => read(MUTATIONS, { headers: {} }), 403, 'INVALID_API_KEY'],
  ['a wrong key', () => read(MUTATIONS, { headers: { 'X-Monitoring-API-Key': 'x' } }), 403, 'INVALID_API_KEY'],
  ['window=0', () => read(`${MUTATIONS}?window=0`), 400, 'INVALID_WINDOW'],
  ['window=abc', () => read(`${MUTATIONS}?window=abc`), 400, 'INVALID_WINDOW'],
  ['window=99999999', () => read(`${MUTATIONS}?window=99999999`), 400, 'INVALID_WINDOW'],
  ['format=xml', () => read(`${MUTATIONS}?format=xml`), 400, 'INVALID_FORMAT'],
  ['an unknown parameter', () => read(`${MUTATIONS}?user=1`), 400, 'INVALID_PARAMETER'],
  ['an unknown path', () => read('/monitoring/nothing/'), 404, 'NOT_FOUND'],
  ['POST to a path that is read', () => read(MUTATIONS, { method: 'POST' }), 405, 'METHOD_NOT_ALLOWED'],
  [
    'an unknown media type',
    () => read(MUTATIONS, { headers: { 'X-Monitoring-API-Key': KEY, Accept: 'a/b' } }),
    406,
    'NOT_ACCEPTABLE',
  ],
];

const refused: readonly [string, () => Promise<Response>, number][] = [
  ['no key', () => send(goodBody(), { 'X-Monitoring-API-Key': '' }), 401],
  ['a wrong key', () => send(goodBody(), { 'X-Monitoring-API-Key': 'x' }), 401],
  ['malformed protobuf', () => send(new Uint8Array([0x0a, 0x7f, 0x01]), PROTOBUF), 400],
  ['JSON as protobuf', () => send(goodBody(), PROTOBUF), 400],
  ['malformed JSON', () => send(goodBody().slice(0, -5)), 400],
  ['JSON that is no OTLP', () => send('[1, 2]'), 400],
  ['truncated gzip', () => send(cutGzip(), GZIP), 400],
  ['gzip that is none', () => send(goodBody(), GZIP), 400],
  ['malformed protobuf spans', () => send(new Uint8Array([0x0a, 0x7f, 0x01]), PROTOBUF, '/v1/traces'), 400],
  ['malformed JSON spans', () => send('{"resourceSpans":', {}, '/v1/traces'), 400],
  ['a gzip bomb', () => send(bomb(), GZIP), 413],
  ['a gzip bomb as protobuf spans', () => send(bomb(), { ...GZIP, ...PROTOBUF }, '/v1/traces'), 413],
  ['a body over the limit', () => send(new Uint8Array(MAX_BODY_BYTES + 1)), 413],
  ['a wrong content type', () => send(goodBody(), { 'Content-Type': 'text/plain' }), 415],
  ['an unknown coding', () => send(goodBody(), { 'Content-Encoding': 'zstd' }), 415],
  ['GET', () => read('/v1/metrics'), 405],
];

describe('reading', () => {
  test.each(wrong)('%s', async (_name, ask, status, code) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toMatchObject({
      error: { code, correlation_id: answer.headers.get('x-correlation-id') },
    });
  });
});

describe('sending', () => {
  test.each(refused)('%s', async (_name, ask, status) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    const type = answer.headers.get('content-type');
    expect(['application/json', 'application/x-protobuf']).toContain(type);
    const body = Buffer.from(await answer.arrayBuffer());
    if (type === 'application/json') expect(JSON.parse(body.toString()).message).toMatch(/\S/);
    // Field 1, varint: the code of google.rpc.Status.
    else expect([body[0], body.length > 4]).toEqual([8, true]);
  });
});

test('what was taken before is still there, nothing wrong was, and the service did not fail once', async () => {
  const body = (await (await read(MUTATIONS)).json()) as { statistics: { total_mutations: number } };
  expect(body.statistics.total_mutations).toBe(3);
  expect(log.lines().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
});

test.skipIf(mayBeSkipped)(
  'promtool finds nothing to say of the whole scrape (skipped where it is missing)',
  async () => {
    const text = await (await read('/monitoring/metrics/prometheus/')).text();
    expect(text).toContain('aggregator_otlp_requests_total{signal="metrics",outcome="malformed"}');
    expect(promtoolCheckMetrics(text)).toBe('');
  },
);
