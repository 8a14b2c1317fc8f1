import { beforeEach, describe, expect, test } from 'vitest';
import { reportMutations } from '../../../aggregator/reports/mutations.ts';
import { reportMutationsBreakdown } from '../../../aggregator/reports/mutations-breakdown.ts';
import { reportMutationsPerformance } from '../../../aggregator/reports/mutations-performance.ts';
import { type Asked, windowUntil } from '../../../aggregator/reports/report.ts';
import { createKnownStore, type KnownStore, type RecordedMutation } from '../../support/known-store.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);
const lastHour: Asked = { window: windowUntil(NOW_MS, 'minutes', 60) };

let store: KnownStore;
beforeEach(() => {
  store = createKnownStore(NOW_MS);
});

function add(n: number, mutation: Omit<RecordedMutation, 'atMs'> & { readonly atMs?: number }): void {
  store.add({ atMs: NOW_MS - 60_000, ...mutation }, n);
}

describe('mutations', () => {
  test('without data every number is 0, and the recommendation says that there is none', async () => {
    const { statistics, recommendations } = await reportMutations(store, lastHour);
    expect(statistics).toEqual({
      total_mutations: 0,
      successful_mutations: 0,
      failed_mutations: 0,
      partial_mutations: 0,
      aborted_mutations: 0,
      success_rate: 0,
      execution_time: { mean: 0, p50: 0, p95: 0, p99: 0, max: 0 },
      mutation_breakdown: {},
      error_breakdown: {},
      complexity_stats: null,
    });
    expect(recommendations.map(({ id, level }) => [id, level])).toEqual([['mutations-no-data', 'info']]);
  });

  test('successful is success and partial; aborted ones stand in the total only', async () => {
    add(6, { name: 'LoginUser', seconds: 0.1 });
    add(2, { name: 'LoginUser', outcome: 'partial', errorType: 'NESTED', seconds: 0.1 });
    add(3, { name: 'InsertRecord', outcome: 'failure', errorType: 'BAD_USER_INPUT', seconds: 0.1 });
    add(1, { name: 'InsertRecord', outcome: 'aborted', errorType: 'AbortError', seconds: 100 });
    const { statistics } = await reportMutations(store, lastHour);
    expect(statistics).toMatchObject({
      total_mutations: 12,
      successful_mutations: 8,
      failed_mutations: 3,
      partial_mutations: 2,
      aborted_mutations: 1,
      success_rate: 66.67,
      mutation_breakdown: { LoginUser: 8, InsertRecord: 4 },
      error_breakdown: { BAD_USER_INPUT: 3 },
      execution_time: { mean: 100, p50: 100, p99: 100, max: 100 },
    });
  });

  test('times are milliseconds with two decimals', async () => {
    add(1, { name: 'LoginUser', seconds: 0.123456, complexity: 7 });
    add(1, { name: 'LoginUser', seconds: 0.123456, complexity: 8 });
    const { statistics } = await reportMutations(store, lastHour);
    expect(statistics.execution_time).toEqual({ mean: 123.46, p50: 123.46, p95: 123.46, p99: 123.46, max: 123.46 });
    expect(statistics.complexity_stats).toEqual({ mean: 7.5, max: 8 });
  });

  test('breakdowns hold the 20 most frequent mutations and the 10 most frequent errors', async () => {
    for (let i = 1; i <= 25; i++) add(i, { name: `M${i}`, outcome: 'failure', errorType: `E${i}`, seconds: 0.1 });
    const { statistics } = await reportMutations(store, lastHour);
    const names = (from: number, n: number, letter: string) =>
      Array.from({ length: n }, (_, i) => `${letter}${from - i}`);
    expect(Object.keys(statistics.mutation_breakdown)).toEqual(names(25, 20, 'M'));
    expect(Object.keys(statistics.error_breakdown)).toEqual(names(25, 10, 'E'));
    expect(statistics.error_breakdown['E25']).toBe(25);
  });

  test('the window and the service choose what counts', async () => {
    add(1, { name: 'A', seconds: 0.1, atMs: NOW_MS });
    add(2, { name: 'A', seconds: 0.1, atMs: NOW_MS - 59 * 60_000, service: 'other' });
    add(4, { name: 'A', seconds: 0.1, atMs: NOW_MS - 62 * 60_000 });
    const total = async (asked: Asked) => (await reportMutations(store, asked)).statistics.total_mutations;
    expect(await total(lastHour)).toBe(3);
    expect(await total({ ...lastHour, service: 'other' })).toBe(2);
    expect(await total({ ...lastHour, service: 'nobody' })).toBe(0);
    expect(await total({ window: windowUntil(NOW_MS, 'minutes', 120) })).toBe(7);
  });
});

describe('recommendations', () => {
  const levels = async (): Promise<string[]> =>
    (await reportMutations(store, lastHour)).recommendations.map(({ id, level }) => `${level} ${id}`);

  test.each<[string, () => void, string[]]>([
    [
      'everything on its threshold',
      () => {
        add(95, { name: 'A', seconds: 0.5 });
        add(5, { name: 'A', outcome: 'failure', seconds: 0.5 });
      },
      ['info mutations-healthy'],
    ],
    [
      'one failure more',
      () => {
        add(94, { name: 'A', seconds: 0.5 });
        add(6, { name: 'A', outcome: 'failure', seconds: 0.5 });
      },
      ['warning mutation-success-rate'],
    ],
    ['p95 just above its target', () => add(100, { name: 'A', seconds: 0.500001 }), ['warning mutation-p95']],
    ['p99 of exactly 3 s', () => add(100, { name: 'A', seconds: 3 }), ['warning mutation-p95']],
    ['p99 above 3 s', () => add(100, { name: 'A', seconds: 3.001 }), ['critical mutation-p99', 'warning mutation-p95']],
    [
      'everything wrong',
      () => add(100, { name: 'A', outcome: 'failure', seconds: 9 }),
      ['critical mutation-p99', 'warning mutation-success-rate', 'warning mutation-p95'],
    ],
  ])('%s', async (_name, fill, expected) => {
    fill();
    expect(await levels()).toEqual(expected);
  });

  test('a p95 above 1 s says so too', async () => {
    add(100, { name: 'A', seconds: 1.2 });
    const [{ message }] = (await reportMutations(store, lastHour)).recommendations;
    expect(message).toContain('1200 ms');
    expect(message).toContain('500 ms');
    expect(message).toContain('1000 ms');
  });

  test('of few mutations a percentile is called what it is: the slowest', async () => {
    add(1, { name: 'A', seconds: 4.2 });
    const alone = (await reportMutations(store, lastHour)).recommendations;
    expect(alone.map(({ message }) => message)).toEqual([
      'The slowest mutation of 1 took about 4200 ms (p99); above 3000 ms people give up waiting.',
      'The slowest mutation of 1 took about 4200 ms (p95); the target is 500 ms. It is above 1000 ms too, which only one in 100 may exceed.',
    ]);
    add(19, { name: 'A', seconds: 4.2 });
    const [ofTwenty] = (await reportMutations(store, lastHour)).recommendations.filter(
      ({ id }) => id === 'mutation-p95',
    );
    expect(ofTwenty.message).toMatch(/^One mutation in 20 took longer than 4200 ms/);
  });

  test('the evidence holds the numbers and the traces', async () => {
    add(9, { name: 'A', seconds: 0.1 });
    add(1, { name: 'A', outcome: 'failure', seconds: 0.1, traceId: 'f'.repeat(32) });
    const [recommendation] = (await reportMutations(store, lastHour)).recommendations;
    expect(recommendation).toEqual({
      id: 'mutation-success-rate',
      area: 'mutations',
      level: 'warning',
      message: 'Only 90 % of the mutations succeeded; at least 95 % should.',
      action: expect.stringMatching(/\.$/),
      evidence: {
        window_seconds: 3600,
        events: 10,
        signal: 'success_rate',
        value: 90,
        threshold: 95,
        unit: 'percent',
        source: 'objective mutation-success',
        trace_ids: ['f'.repeat(32)],
      },
      link: '/monitoring/graphql/mutations/breakdown/',
    });
  });
});

test('breakdown: rows by count, ties by name', async () => {
  add(2, { name: 'B', seconds: 0.2 });
  add(1, { name: 'A', seconds: 0.1 });
  add(1, { name: 'A', outcome: 'failure', seconds: 0.1 });
  add(3, { name: 'C', outcome: 'failure', errorType: 'TIMEOUT', seconds: 0.3 });
  expect(await reportMutationsBreakdown(store, lastHour)).toEqual({
    mutation_breakdown: { C: 3, A: 2, B: 2 },
    error_breakdown: { TIMEOUT: 3, _OTHER: 1 },
    top_mutations: [
      { mutation_name: 'C', count: 3, failed: 3, success_rate: 0, p95_ms: 300 },
      { mutation_name: 'A', count: 2, failed: 1, success_rate: 50, p95_ms: 100 },
      { mutation_name: 'B', count: 2, failed: 0, success_rate: 100, p95_ms: 200 },
    ],
    top_errors: [
      { error_type: 'TIMEOUT', count: 3 },
      { error_type: '_OTHER', count: 1 },
    ],
  });
});

describe('performance', () => {
  test('without data compliance is null', async () => {
    const body = await reportMutationsPerformance(store, lastHour);
    expect(body.slo_compliance).toEqual({
      p95_target_ms: 500,
      p95_actual_ms: null,
      p95_compliant: null,
      p99_target_ms: 1000,
      p99_actual_ms: null,
      p99_compliant: null,
      overall_compliant: null,
    });
    expect(body.performance_summary.p95_execution_time_ms).toBe(0);
    expect(body.series.points.every(([, value]) => value === null)).toBe(true);
  });

  test('a percentile equal to its target complies; above it by less than bodies show, it does not', async () => {
    add(10, { name: 'A', seconds: 0.5 });
    expect((await reportMutationsPerformance(store, lastHour)).slo_compliance).toMatchObject({
      p95_actual_ms: 500,
      p95_compliant: true,
      p99_compliant: true,
      overall_compliant: true,
    });
    store = createKnownStore(NOW_MS);
    add(10, { name: 'A', seconds: 0.500001 });
    expect((await reportMutationsPerformance(store, lastHour)).slo_compliance).toMatchObject({
      p95_actual_ms: 500,
      p95_compliant: false,
      p99_compliant: true,
      overall_compliant: false,
    });
  });

  test('the slowest mutations come first, each with the traces of its slowest runs', async () => {
    add(3, { name: 'Quick', seconds: 0.01, traceId: 'a'.repeat(32) });
    add(2, { name: 'Slow', seconds: 2, traceId: 'b'.repeat(32) });
    add(1, { name: 'Slow', seconds: 1.5, traceId: 'c'.repeat(32) });
    add(1, { name: 'Aborted', outcome: 'aborted', seconds: 50 });
    const { slowest_mutations } = await reportMutationsPerformance(store, lastHour);
    expect(slowest_mutations.map((row) => [row.mutation_name, row.count, row.trace_ids])).toEqual([
      ['Slow', 3, ['b'.repeat(32), 'c'.repeat(32)]],
      ['Quick', 3, ['a'.repeat(32)]],
    ]);
  });

  test('series: p95, throughput and success in the steps of the window', async () => {
    add(3, { name: 'A', seconds: 0.2, atMs: NOW_MS - 120_000 });
    add(1, { name: 'A', seconds: 0.2, atMs: NOW_MS - 120_000, outcome: 'failure' });
    add(2, { name: 'A', seconds: 0.2, atMs: NOW_MS - 120_000, outcome: 'aborted' });
    const { series, throughput_series, success_series } = await reportMutationsPerformance(store, lastHour);
    const start = Math.floor((NOW_MS - 120_000) / 60_000) * 60;
    expect(series.step_seconds).toBe(60);
    expect(series.points.find(([at]) => at === start)).toEqual([start, 200]);
    expect(throughput_series.points.find(([at]) => at === start)).toEqual([start, 4]);
    expect(success_series.points.filter(([, value]) => value !== null)).toEqual([[start, 75]]);
    expect(throughput_series.points.reduce((sum, [, value]) => sum + (value ?? 0), 0)).toBe(4);
  });
});
