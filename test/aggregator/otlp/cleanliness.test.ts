import { describe, expect, test } from 'vitest';
import { PointBatch } from '../../../aggregator/otlp/batch.ts';
import { JsonMetricsDecoder } from '../../../aggregator/otlp/metrics-json.ts';
import { MetricsDecoder } from '../../../aggregator/otlp/metrics-protobuf.ts';
import { MapIdentities } from '../../support/identities.ts';
import { bytesOf, counter, TIME, text } from '../../support/otlp-requests.ts';

describe('whether a body is clean', () => {
  const decoder = new MetricsDecoder(new MapIdentities());
  const isClean = (request: object) => {
    const batch = new PointBatch();
    decoder.decode(bytesOf(request), batch);
    const first = batch.clean;
    batch.reset();
    decoder.decode(bytesOf(request), batch);
    expect(batch.clean, 'the same when it comes again').toBe(first);
    return first;
  };
  const address = 'bob@example.com';
  const uuid = '6f1c2a34-8b1d-4a5e-9d3f-100000000000';
  const bytesValue = Buffer.from('bob@x.io').toString('base64');
  const command = { arrayValue: { values: [{ stringValue: '/usr/bin/node' }, { stringValue: '/app/server.js' }] } };
  const cases: readonly (readonly [boolean, string, object])[] = [
    [true, 'plain', counter()],
    [true, 'an instance by its UUID', counter({ resource: [text('service.instance.id', uuid)] })],
    [
      true,
      'a container by its digest',
      counter({ resource: [text('container.id', 'da39a3ee5e6b4b0d3255bfef95601890afd80709')] }),
    ],
    [
      true,
      'a version by its commit',
      counter({ resource: [text('service.version', 'da39a3ee5e6b4b0d3255bfef95601890afd80709')] }),
    ],
    [true, 'a command', counter({ resource: [{ key: 'process.command_args', value: command }] })],
    [true, 'the address of a schema', counter({ resourceSchema: 'https://opentelemetry.io/schemas/1.37.0' })],
    [true, 'an attribute that is not declared', counter({ point: { attributes: [text('app.region', 'eu-west-1')] } })],
    [true, 'a description', counter({ metric: { description: 'Requests to run a task.' } })],
    [
      true,
      'an exemplar without attributes',
      counter({ point: { exemplars: [{ timeUnixNano: TIME, asInt: '1', traceId: 'AAAAAAAAAAAAAAAAAAAAAQ==' }] } }),
    ],
    [false, 'an instance by an address', counter({ resource: [text('service.instance.id', address)] })],
    [false, 'a UUID elsewhere', counter({ resource: [text('app.session', uuid)] })],
    [false, 'an owner by an address', counter({ resource: [text('process.owner', address)] })],
    [
      false,
      'a command with an address',
      counter({
        resource: [{ key: 'process.command_args', value: { arrayValue: { values: [{ stringValue: address }] } } }],
      }),
    ],
    [false, 'an address as a key', counter({ resource: [text(address, 'x')] })],
    [
      false,
      'an address in a map',
      counter({ resource: [{ key: 'a', value: { kvlistValue: { values: [text('b', address)] } } }] }),
    ],
    [false, 'bytes', counter({ resource: [{ key: 'a', value: { bytesValue } }] })],
    [false, 'an address in the scope', counter({ scope: { name: address } })],
    [false, 'an address in an attribute of the scope', counter({ scope: { attributes: [text('a', address)] } })],
    [false, 'an address in the address of a schema', counter({ resourceSchema: `https://x.example/${address}` })],
    [false, 'an address in a description', counter({ metric: { description: address } })],
    [false, 'an address in the metadata of a metric', counter({ metric: { metadata: [text('a', address)] } })],
    [
      false,
      'an address in a declared attribute',
      counter({ point: { attributes: [text('vigil.task.name', address)] } }),
    ],
    [
      false,
      'a phone number as a number',
      counter({ point: { attributes: [{ key: 'vigil.task.name', value: { intValue: '4155550132' } }] } }),
    ],
    [false, 'an address in another attribute', counter({ point: { attributes: [text('app.user', address)] } })],
    [
      false,
      'an exemplar with attributes',
      counter({ point: { exemplars: [{ timeUnixNano: TIME, asInt: '1', filteredAttributes: [text('a', 'b')] }] } }),
    ],
    [false, 'a metric that is not looked at', counter({ metric: { name: 'other' } })],
    [false, 'a point that is not taken', counter({ point: { timeUnixNano: '0' } })],
  ];
  test.each(cases)('%s: %s', (clean, _, request) => {
    expect(isClean(request)).toBe(clean);
  });

  test('a field that nobody knows is not clean when there can be text in it', () => {
    const body = Buffer.concat([bytesOf(counter()), Buffer.from([0x7a, 1, 65])]);
    const batch = new PointBatch();
    decoder.decode(body, batch);
    expect([batch.points, batch.clean]).toEqual([1, false]);
  });

  const json = new JsonMetricsDecoder(new MapIdentities());
  const isJsonClean = (body: string) => {
    const [first, second] = [1, 2].map(() => {
      const batch = new PointBatch();
      json.decode(Buffer.from(body), batch);
      return { points: batch.points, clean: batch.clean };
    });
    expect(second, 'the same when it comes again').toEqual(first);
    return first.clean;
  };
  test.each(cases)('%s: %s, in JSON', (clean, what, request) => {
    // Exemplars of JSON are not looked into.
    expect(isJsonClean(JSON.stringify(request))).toBe(clean && !what.includes('exemplar'));
  });

  test.each([
    [true, 'as it is', '', ''],
    [
      false,
      'an address that another key hides',
      '"key":"vigil.task.name"',
      `"key":"${address}","key":"vigil.task.name"`,
    ],
    [false, 'an address that another value hides', '"value":{', `"value":{"stringValue":"${address}"},"value":{`],
    [false, 'a field that nobody knows', '"asInt":"1"', `"asInt":"1","from":"${address}"`],
    [false, 'a field of an attribute that nobody knows', '"value":{', `"from":"${address}","value":{`],
    [false, 'a field of a resource that nobody knows', '"resource":{', `"resource":{"from":"${address}",`],
    [false, 'a field of a scope that nobody knows', '"scope":{', `"scope":{"from":"${address}",`],
    [
      false,
      'a text where a number of dropped attributes is',
      '"scope":{',
      '"scope":{"droppedAttributesCount":"4155550132",',
    ],
    [false, 'two kinds of value', '{"stringValue":"shop"}', `{"stringValue":"shop","bytesValue":"${bytesValue}"}`],
    [true, 'spaces between fields', '"asInt":"1"', ' "asInt" : "1"\n'],
  ])('%s: JSON, %s', (clean, _, from, to) => {
    const body = JSON.stringify(counter());
    expect(body).toContain(from);
    expect(isJsonClean(body.replace(from, to))).toBe(clean);
  });
});

test('values reach the identities sanitised, undeclared ones not at all', () => {
  const attributes = [
    text('vigil.task.name', 'mail to bob@example.com'),
    text('app.user', 'alice@example.com'),
    text('carol@example.com', '1'),
  ];
  const request = counter({ point: { attributes }, scope: { name: 'dave@example.com' } });
  for (const [Decoder, body] of [
    [MetricsDecoder, bytesOf(request)],
    [JsonMetricsDecoder, Buffer.from(JSON.stringify(request))],
  ] as const) {
    const identities = new MapIdentities();
    const batch = new PointBatch();
    new Decoder(identities).decode(body, batch);
    const [point] = identities.describe(batch);
    expect(point.attributes['vigil.task.name']).toBe('mail to [email]');
    expect(Object.keys(point.attributes)).toHaveLength(3);
    expect(JSON.stringify(point)).not.toMatch(/bob|alice|carol|dave/);
  }
});
