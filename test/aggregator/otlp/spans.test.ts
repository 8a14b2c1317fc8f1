import { SpanStatusCode } from '@opentelemetry/api';
import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyError } from '../../../aggregator/otlp/receiver.ts';
import { decodeSpans } from '../../../aggregator/otlp/spans.ts';
import { encodeOtlp, encodeShuffled } from '../../support/otlp.ts';

const START = '1790000000000000000';
const END = '1790000000250000000';
const traceHex = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanHex = '00f067aa0ba902b7';
const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64');

/** A span of a mutation that failed, and what a test changes in it; identifiers in hexadecimal. */
function span(change: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    traceId: traceHex,
    spanId: spanHex,
    parentSpanId: '00f067aa0ba902b8',
    traceState: 'a=b',
    name: 'mutation TaskTourUpdate',
    kind: 1,
    startTimeUnixNano: START,
    endTimeUnixNano: END,
    attributes: [
      text('vigil.mutation.name', 'TaskTourUpdate'),
      text('vigil.mutation.outcome', 'failure'),
      text('error.type', 'PERMISSION_DENIED'),
      { key: 'vigil.mutation.complexity', value: { intValue: '7' } },
    ],
    events: [{ timeUnixNano: START, name: 'exception', attributes: [text('exception.message', 'no')] }],
    links: [{ traceId: traceHex, spanId: spanHex, attributes: [text('a', 'b')], flags: 1 }],
    status: { code: 2, message: 'no' },
    flags: 257,
    ...change,
  };
}

const request = (...spans: object[]) => ({
  resourceSpans: [
    {
      resource: { attributes: [text('service.name', 'shop')] },
      scopeSpans: [{ scope: { name: '@vigil/mutations' }, spans }],
    },
  ],
});

/** Identifiers are bytes in protobuf, which protobufjs takes as base64. */
function forProtobuf(body: object): object {
  return JSON.parse(JSON.stringify(body), (key, value) =>
    /^(?:trace|span|parentSpan)Id$/.test(key) ? base64(value) : value,
  );
}

const bodies = (body: object) =>
  [
    ['json', Buffer.from(JSON.stringify(body))],
    ['protobuf', encodeOtlp('ExportTraceServiceRequest', forProtobuf(body))],
    ['protobuf', encodeShuffled('ExportTraceServiceRequest', forProtobuf(body), Math.random)],
  ] as const;

const kept = {
  traceId: traceHex,
  spanId: spanHex,
  service: 'shop',
  mutation: 'TaskTourUpdate',
  outcome: 'failure',
  errorType: 'PERMISSION_DENIED',
  endMs: 1790000000250,
  durationMs: 250,
};

describe('spans of mutations are kept, others counted', () => {
  const cases: readonly (readonly [what: string, body: object, result: object])[] = [
    ['a failed mutation', request(span()), { spans: [kept], ignored: 0 }],
    [
      'without an outcome, by its status',
      request(span({ attributes: [text('vigil.mutation.name', 'TaskTourUpdate')] })),
      { spans: [{ ...kept, errorType: '' }], ignored: 0 },
    ],
    [
      'without outcome and status',
      request(span({ attributes: [text('vigil.mutation.name', 'TaskTourUpdate')], status: undefined })),
      { spans: [{ ...kept, errorType: '', outcome: 'success' }], ignored: 0 },
    ],
    [
      'with personal data',
      request(
        span({ attributes: [text('vigil.mutation.name', 'bob@example.com'), text('error.type', '+14155550132')] }),
      ),
      { spans: [{ ...kept, mutation: '[email]', errorType: '[phone]' }], ignored: 0 },
    ],
    ['the name of another span', request(span({ name: 'POST /graphql' })), { spans: [], ignored: 1 }],
    ['without the name of a mutation', request(span({ attributes: [] })), { spans: [], ignored: 1 }],
    ['without a trace', request(span({ traceId: '0'.repeat(32) })), { spans: [], ignored: 1 }],
    ['an identifier too short', request(span({ spanId: 'abcd' })), { spans: [], ignored: 1 }],
    ['that ended before it began', request(span({ endTimeUnixNano: '1' })), { spans: [], ignored: 1 }],
    [
      'among others',
      request(span({ name: 'lock x' }), span(), span({ name: 'mutation' })),
      { spans: [kept], ignored: 2 },
    ],
    ['nothing', {}, { spans: [], ignored: 0 }],
  ];
  test.each(cases)('%s', (_, body, result) => {
    for (const [encoding, bytes] of bodies(body))
      expect(decodeSpans(bytes, encoding)).toEqual({ ...result, isForeign: false });
  });
});

test('spans as the SDK sends them', async () => {
  const exporter = new InMemorySpanExporter();
  const resource = resourceFromAttributes({ 'service.name': 'shop' });
  const provider = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  const recorded = provider
    .getTracer('@vigil/mutations')
    .startSpan('mutation LoginUser', { startTime: [1_790_000_000, 0] });
  recorded.setAttributes({
    'vigil.mutation.name': 'LoginUser',
    'vigil.mutation.outcome': 'partial',
    'error.type': 'Timeout',
  });
  recorded.setStatus({ code: SpanStatusCode.ERROR, message: 'late' });
  recorded.end([1_790_000_001, 500_000_000]);
  const spans = exporter.getFinishedSpans();
  const { traceId, spanId } = recorded.spanContext();
  const expected = {
    traceId,
    spanId,
    service: 'shop',
    mutation: 'LoginUser',
    outcome: 'partial',
    errorType: 'Timeout',
    endMs: 1_790_000_001_500,
    durationMs: 1500,
  };
  const json = JsonTraceSerializer.serializeRequest(spans) as Uint8Array;
  const protobuf = ProtobufTraceSerializer.serializeRequest(spans) as Uint8Array;
  expect(decodeSpans(json, 'json')).toEqual({ spans: [expected], ignored: 0, isForeign: false });
  expect(decodeSpans(protobuf, 'protobuf')).toEqual({ spans: [expected], ignored: 0, isForeign: false });
  await provider.shutdown();
});

test('bytes that were cut or changed are read or refused, never worse', () => {
  const body = encodeOtlp('ExportTraceServiceRequest', forProtobuf(request(span(), span({ name: 'x' }))));
  let refused = 0;
  fc.assert(
    fc.property(
      fc.nat({ max: body.length }),
      fc.nat({ max: body.length - 1 }),
      fc.nat({ max: 255 }),
      (cut, at, byte) => {
        const changed = Uint8Array.from(body);
        changed[at] = byte;
        for (const bytes of [body.subarray(0, cut), changed])
          try {
            const { spans, ignored } = decodeSpans(bytes, 'protobuf');
            expect(spans.length + ignored).toBeLessThanOrEqual(3);
          } catch (error) {
            expect(error).toBeInstanceOf(BodyError);
            refused++;
          }
      },
    ),
    { numRuns: 2000 },
  );
  expect(refused).toBeGreaterThan(1000);
  expect(() => decodeSpans(Buffer.from('{"resourceSpans":1}'), 'json')).toThrow(BodyError);
});
