import { metrics } from '@vigil/semconv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PointBatch } from '../../../aggregator/otlp/batch.ts';
import { JsonMetricsDecoder } from '../../../aggregator/otlp/metrics-json.ts';
import { MetricsDecoder } from '../../../aggregator/otlp/metrics-protobuf.ts';
import { BodyError } from '../../../aggregator/otlp/receiver.ts';
import { type DescribedPoint, MapIdentities } from '../../support/identities.ts';
import { plainJson, spelledJson } from '../../support/json-spellings.ts';
import { encodeOtlp, encodeShuffled } from '../../support/otlp.ts';
import { metricsRequest } from '../../support/otlp-arbitraries.ts';
import { type Expected, expectedOf, isPlain, UNDECLARED } from '../../support/otlp-model.ts';
import { runs } from '../../support/runs.ts';

const REQUEST = 'ExportMetricsServiceRequest';

interface Decoder {
  decode(body: Uint8Array, batch: PointBatch): void;
}

/** Decodes and describes as the model does; streams become the numbers in which they first appear. */
function decoded(decoder: Decoder, identities: MapIdentities, body: Uint8Array): Expected {
  const batch = new PointBatch();
  decoder.decode(body, batch);
  const points = identities.describe(batch);
  expect(batch.points).toBe(points.length);
  return {
    points: points.map((point) => {
      const { stream: _, ...described } = point;
      return { ...described, attributes: withoutUndeclared(point) };
    }),
    streams: numbered(points.map(({ stream }) => String(stream))),
    ignored: batch.ignored,
    empty: batch.empty,
    rejected: [...batch.rejected.values()].reduce((sum, { points }) => sum + points, 0),
  };
}

function numbered(streams: readonly string[]): string[] {
  const order = [...new Set(streams)];
  return streams.map((stream) => String(order.indexOf(stream)));
}

/** What stands for an undeclared value is a digest: twelve characters that do not show it. */
function withoutUndeclared({ metric, attributes }: DescribedPoint): Record<string, unknown> {
  const declared: readonly string[] = metrics[metric.name].attributes;
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => {
      if (declared.includes(key)) return [key, value];
      expect(value).toMatch(/^[\w-]{12}$/);
      return [key, UNDECLARED];
    }),
  );
}

function modelOf(body: Uint8Array): Expected {
  const expected = expectedOf(body);
  return { ...expected, streams: numbered(expected.streams) };
}

/** A small generator of numbers in [0, 1), so that a failing case can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const seed = fc.integer({ min: 0, max: 2 ** 31 });

test('every encoding of a body gives what protobufjs reads in it, the first time and every other', () => {
  const identities = new MapIdentities();
  const decoder = new MetricsDecoder(identities);
  const json = new JsonMetricsDecoder(identities);
  let taken = 0;
  fc.assert(
    fc.property(metricsRequest, seed, (request, from) => {
      const body = encodeOtlp(REQUEST, request);
      const expected = modelOf(body);
      taken += expected.points.length;
      const cold = new MapIdentities();
      expect(decoded(new MetricsDecoder(cold), cold, body)).toEqual(expected);
      expect(decoded(decoder, identities, body)).toEqual(expected);
      const shuffled = encodeShuffled(REQUEST, request, randomFrom(from));
      const reordered = modelOf(shuffled);
      expect(decoded(decoder, identities, shuffled)).toEqual(reordered);
      expect(decoded(decoder, identities, shuffled)).toEqual(reordered);
      const text = plainJson(request);
      const otherwise = spelledJson(request, randomFrom(from));
      const coldJson = new MapIdentities();
      expect(decoded(new JsonMetricsDecoder(coldJson), coldJson, Buffer.from(text))).toEqual(expected);
      for (const body of [text, text, otherwise, otherwise, text])
        expect(decoded(json, identities, Buffer.from(body))).toEqual(expected);
    }),
    { numRuns: runs(75) },
  );
  expect(taken).toBeGreaterThan(runs(25));
});

describe('bytes that were changed on the way', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom('set', 'cut', 'insert', 'flip'), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 3,
  });
  function damaged(body: Uint8Array, list: readonly (readonly [number, string, number])[]): Uint8Array {
    let bytes = Buffer.from(body);
    for (const [where, how, byte] of list) {
      const at = bytes.length === 0 ? 0 : where % bytes.length;
      if (how === 'cut') bytes = bytes.subarray(0, at);
      else if (how === 'insert') bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(at)]);
      else if (bytes.length > 0) bytes[at] = how === 'set' ? byte : bytes[at] ^ (1 << (byte & 7));
    }
    return bytes;
  }
  function outcome(decoder: Decoder, identities: MapIdentities, body: Uint8Array): Expected | 'malformed' {
    const before = identities.size;
    try {
      return decoded(decoder, identities, body);
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      expect(identities.size, 'numbers given for a body that cannot be parsed').toBe(before);
      return 'malformed';
    }
  }

  /**
   * Undefined where a string is not UTF-8, for which protobufjs refuses a body (we take it, as the Collector does), and
   * where the sanitiser finds something, by chance.
   */
  function readable(body: Uint8Array): Expected | undefined {
    try {
      return isPlain(body) ? modelOf(body) : undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return undefined;
      throw error;
    }
  }

  /** What protobufjs makes of a message; undefined where it makes none, or where the sanitiser finds something. */
  function encodable(message: object): Expected | undefined {
    let body: Uint8Array;
    try {
      body = encodeOtlp(REQUEST, message);
    } catch {
      return undefined;
    }
    return readable(body);
  }

  test('of JSON give what protobufjs reads in the same message, or are refused as a whole', () => {
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(metricsRequest, seed, changes, (request, from, list) => {
        const original = Buffer.from(from % 2 === 0 ? plainJson(request) : spelledJson(request, randomFrom(from)));
        const body = damaged(original, list);
        const cold = new MapIdentities();
        const warm = new MapIdentities();
        const warmDecoder = new JsonMetricsDecoder(warm);
        warmDecoder.decode(original, new PointBatch());
        const first = outcome(new JsonMetricsDecoder(cold), cold, body);
        expect(outcome(warmDecoder, warm, body)).toEqual(first);
        if (first === 'malformed') {
          refused++;
          return;
        }
        // What is taken is JSON, of which protobufjs knows the message unless a value is of another type.
        const message: object = JSON.parse(body.toString());
        const expected = encodable(message);
        if (expected !== undefined) read++;
        expect(first).toEqual(expected ?? first);
      }),
      { numRuns: runs(250) },
    );
    expect(refused).toBeGreaterThan(runs(25));
    expect(read).toBeGreaterThan(runs(3));
  });

  test('give what protobufjs reads in them, or are refused as a whole, whatever was seen before', () => {
    let refused = 0;
    let read = 0;
    fc.assert(
      fc.property(metricsRequest, seed, changes, (request, from, list) => {
        const original = encodeShuffled(REQUEST, request, randomFrom(from));
        const body = damaged(original, list);
        const cold = new MapIdentities();
        const warm = new MapIdentities();
        const warmDecoder = new MetricsDecoder(warm);
        warmDecoder.decode(original, new PointBatch());
        const first = outcome(new MetricsDecoder(cold), cold, body);
        expect(outcome(warmDecoder, warm, body)).toEqual(first);
        if (first === 'malformed') refused++;
        else {
          const expected = readable(body);
          if (expected !== undefined) read++;
          expect(first).toEqual(expected ?? first);
        }
      }),
      { numRuns: runs(250) },
    );
    expect(refused).toBeGreaterThan(runs(25));
    expect(read).toBeGreaterThan(runs(8));
  });
});
