/** OTLP by hand against the running service: shapes, temporalities, repetitions, restarts, crashes. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { encodeOtlp } from '../support/otlp.ts';
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';

interface Mutations {
  readonly statistics: {
    readonly total_mutations: number;
    readonly successful_mutations: number;
    readonly failed_mutations: number;
    readonly mutation_breakdown: Readonly<Record<string, number>>;
    readonly error_breakdown: Readonly<Record<string, number>>;
    readonly execution_time: { readonly max: number };
  };
}

const toProtobuf = (body: Buffer) => encodeOtlp('ExportMetricsServiceRequest', JSON.parse(body.toString()) as object);
const json = { 'Content-Type': 'application/json' };
const statistics = async (aggregator: RunningAggregator) =>
  (await aggregator.json<Mutations>('/monitoring/graphql/mutations/')).statistics;

let names = 0;
/** A point of a mutation and an instance that no other test uses. */
function freshPoint(over: Partial<PointDescription> = {}): PointDescription {
  const name = `Mutation${names++}`;
  return {
    metric: 'vigil.mutation.duration',
    instance: `instance-of-${name}`,
    attributes: { 'vigil.mutation.name': name, 'vigil.mutation.outcome': 'success' },
    cumulative: false,
    startMs: Date.now() - 1,
    timeMs: Date.now(),
    values: [0.01, 0.2, 0.5, 0.7, 3],
    shape: { scale: 5 },
    ...over,
  };
}
const nameOf = (point: PointDescription) => point.attributes['vigil.mutation.name'];

describe('a running aggregator', () => {
  let aggregator: RunningAggregator;
  beforeAll(async () => {
    aggregator = await startAggregator();
  });
  afterAll(() => aggregator.stop());
  const countOf = async (point: PointDescription) =>
    (await statistics(aggregator)).mutation_breakdown[nameOf(point)] ?? 0;

  const encodings = [
    ['JSON', json, (body: Buffer) => body],
    ['gzipped JSON', { ...json, 'Content-Encoding': 'gzip' }, (body: Buffer) => gzipSync(body)],
    ['protobuf', { 'Content-Type': 'application/x-protobuf' }, toProtobuf],
    [
      'gzipped protobuf',
      { 'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'gzip' },
      (body: Buffer) => gzipSync(toProtobuf(body)),
    ],
  ] as const;
  const shapes = [
    ['explicit', 'explicit'],
    ['exponential', { scale: 5 }],
  ] as const;
  const cases = encodings.flatMap((encoding) =>
    shapes.flatMap((shape) =>
      [false, true].map((cumulative) => ({
        encoding,
        shape,
        cumulative,
        title: `${encoding[0]}, ${shape[0]}, ${cumulative ? 'cumulative' : 'delta'}`,
      })),
    ),
  );
  test.each(cases)(
    '$title histograms count exactly, and once when sent again',
    async ({ encoding, shape, cumulative }) => {
      const [, headers, encode] = encoding;
      const first = freshPoint({ shape: shape[1], cumulative });
      const more = [0.3, 0.4];
      const second = {
        ...first,
        startMs: cumulative ? first.startMs : first.timeMs,
        timeMs: first.timeMs + 1,
        values: cumulative ? [...first.values, ...more] : more,
      };
      const total = first.values.length + more.length;
      for (const point of [first, second, second, first]) {
        const answer = await aggregator.post('/v1/metrics', encode(metricsBody([point])), headers);
        expect(answer.status).toBe(200);
      }
      expect(await countOf(first)).toBe(total);
    },
  );

  test('a sender that restarts under its identity is no negative and no double', async () => {
    const first = freshPoint({ cumulative: true });
    const reborn = { ...first, startMs: first.timeMs + 1, timeMs: first.timeMs + 2, values: [0.1, 0.1] };
    const grown = { ...reborn, timeMs: first.timeMs + 3, values: [0.1, 0.1, 0.1] };
    for (const point of [first, reborn, grown]) await aggregator.post('/v1/metrics', metricsBody([point]), json);
    expect(await countOf(first)).toBe(first.values.length + 3);
  });

  test('a sender that began before the store does sets a baseline, and counts from there', async () => {
    const first = freshPoint({ cumulative: true, startMs: Date.now() - 3_600_000 });
    const grown = { ...first, timeMs: first.timeMs + 1, values: [...first.values, 0.1] };
    for (const point of [first, grown]) await aggregator.post('/v1/metrics', metricsBody([point]), json);
    expect(await countOf(first)).toBe(1);
  });

  test('a late delta point that fills a hole counts, in its own time', async () => {
    const at = Date.now() - 5 * 60_000;
    const step = (n: number) => freshPoint({ startMs: at + n * 1000, timeMs: at + (n + 1) * 1000 });
    const first = step(0);
    const third = { ...step(2), attributes: first.attributes, instance: first.instance };
    const second = { ...step(1), attributes: first.attributes, instance: first.instance };
    for (const point of [first, third, second, second])
      await aggregator.post('/v1/metrics', metricsBody([point]), json);
    expect(await countOf(first)).toBe(15);
    const recent = await aggregator.json<Mutations>('/monitoring/graphql/mutations/?window=2');
    expect(recent.statistics.mutation_breakdown[nameOf(first)] ?? 0).toBe(0);
  });

  test('points too old and too far ahead are refused with the reason, the others of the body are taken', async () => {
    const good = freshPoint();
    const old = freshPoint({ timeMs: Date.now() - 25 * 3_600_000 });
    const ahead = freshPoint({ timeMs: Date.now() + 11 * 60_000 });
    const answer = await aggregator.post('/v1/metrics', metricsBody([good, old, ahead]), json);
    expect(answer.status).toBe(200);
    const { partialSuccess } = (await answer.json()) as {
      partialSuccess: { rejectedDataPoints: string; errorMessage: string };
    };
    expect(Number(partialSuccess.rejectedDataPoints)).toBe(2);
    expect(partialSuccess.errorMessage).toMatch(/older than 24 hours/);
    expect(await countOf(good)).toBe(good.values.length);
    expect(await countOf(old)).toBe(0);
  });

  test('outcomes and error types are told apart', async () => {
    const name = `Mutation${names++}`;
    const before = await statistics(aggregator);
    const outcome = (outcome: string, n: number, error?: string) =>
      freshPoint({
        attributes: {
          'vigil.mutation.name': name,
          'vigil.mutation.outcome': outcome,
          ...(error ? { 'error.type': error } : {}),
        },
        values: new Array<number>(n).fill(0.2),
      });
    const points = [
      outcome('success', 5),
      outcome('partial', 3, 'DOWNSTREAM'),
      outcome('failure', 2, 'FORBIDDEN'),
      outcome('aborted', 1),
    ];
    await aggregator.post('/v1/metrics', metricsBody(points), json);
    const after = await statistics(aggregator);
    expect(after.total_mutations - before.total_mutations).toBe(11);
    expect(after.successful_mutations - before.successful_mutations).toBe(8);
    expect(after.failed_mutations - before.failed_mutations).toBe(2);
    expect(after.error_breakdown['FORBIDDEN']).toBe(2);
    expect(after.error_breakdown['DOWNSTREAM']).toBeUndefined();
  });
});

test('kill -9 right after a 200 loses nothing, and nothing counts twice afterwards', async () => {
  let aggregator = await startAggregator();
  const { directory } = aggregator;
  let sent = 0;
  const point = freshPoint({ cumulative: true, values: [] });
  const values: number[] = [];
  for (let round = 0; round < 3; round++) {
    values.push(0.1 * (round + 1), 0.2);
    sent += 2;
    const delta = freshPoint({ attributes: point.attributes, instance: `delta-${round}`, values: [0.4] });
    sent += 1;
    const body = metricsBody([{ ...point, timeMs: Date.now(), values }, delta]);
    const answer = await aggregator.post('/v1/metrics', body, json);
    expect(answer.status).toBe(200);
    await aggregator.stop('SIGKILL');
    aggregator = await startAggregator({ directory });
    // The sender saw its answer get lost, and sends again.
    await aggregator.post('/v1/metrics', body, json);
    expect((await statistics(aggregator)).mutation_breakdown[nameOf(point)]).toBe(sent);
  }
  expect(await aggregator.stop()).toBe(0);
  const again = await startAggregator({ directory });
  expect((await statistics(again)).total_mutations).toBe(sent);
  await again.stop();
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'senders that restart or begin while the receiver is down (%s) lose nothing',
  async (signal) => {
    const before = await startAggregator();
    const first = freshPoint({ cumulative: true });
    await before.post('/v1/metrics', metricsBody([first]), json);
    await before.stop(signal);
    // It counts on, ends, and is born again under its identity; another instance is new altogether.
    const last = { ...first, timeMs: Date.now(), values: [...first.values, 0.1, 0.1] };
    const reborn = { ...first, startMs: last.timeMs + 1, timeMs: last.timeMs + 2, values: [0.2, 0.2, 0.2] };
    const fresh = { ...reborn, instance: `${first.instance}-new`, values: [0.3, 0.3, 0.3, 0.3] };
    const grown = { ...reborn, timeMs: reborn.timeMs + 1, values: [...reborn.values, 0.2] };
    const after = await startAggregator({ directory: before.directory });
    const count = async () => (await statistics(after)).mutation_breakdown[nameOf(first)];
    await after.post('/v1/metrics', metricsBody([reborn, fresh]), json);
    expect(await count()).toBe(first.values.length + 3 + 4);
    // A Collector between them had kept what the first life said last, and brings it late; then again.
    for (const point of [last, grown, last]) await after.post('/v1/metrics', metricsBody([point]), json);
    expect(await count()).toBe(last.values.length + 4 + 4);
    await after.stop();
  },
);
