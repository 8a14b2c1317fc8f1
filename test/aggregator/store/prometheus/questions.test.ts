/** What is asked of Prometheus, and what is made of its answers, without a server. */
import { type MetricName, metrics } from '@vigil/semconv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { countAtMost, quantile } from '../../../../aggregator/domain/histogram.ts';
import { classicHistogram, nativeHistogram } from '../../../../aggregator/store/prometheus/cells.ts';
import { countExpression, histogramExpressions } from '../../../../aggregator/store/prometheus/expressions.ts';
import { quote, seriesName, serviceOf } from '../../../../aggregator/store/prometheus/names.ts';
import { lifetimeOf, periodsOf } from '../../../../aggregator/store/prometheus/periods.ts';
import { samplesOf } from '../../../../aggregator/store/prometheus/samples.ts';
import { selectorsOf, syntaxError } from '../../../support/promql.ts';

const JOB = { name: 'job' };
const names = Object.keys(metrics) as MetricName[];

describe('PromQL', () => {
  test('names are those of OpenTelemetry’s translation', () => {
    expect(seriesName('vigil.mutation.duration')).toBe('vigil_mutation_duration_seconds');
    expect(seriesName('vigil.mutation.complexity')).toBe('vigil_mutation_complexity');
    expect(seriesName('vigil.task.duplicated_keys')).toBe('vigil_task_duplicated_keys_total');
    expect(serviceOf('team/shop', JOB)).toBe('shop');
    expect(serviceOf('team/shop', { name: 'service_name' })).toBe('team/shop');
  });

  test.each(names)('%s is asked for in valid PromQL, at a time and in steps', (metric) => {
    for (const span of [{ lengthMs: 60_000 }, { lengthMs: 3_600_000, lastMs: 1_790_000_000_000 - 1 }]) {
      const scope = { metric, by: ['service.name', ...metrics[metric].attributes] };
      const { native, buckets, sums } = histogramExpressions(scope, span, JOB);
      for (const text of [countExpression(scope, span, JOB), native, buckets, sums])
        expect(syntaxError(text)).toBeUndefined();
    }
  });

  test('whatever a client names stays inside its string', () => {
    const nasty = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^["'`\\{}()|.*\n#,=~]{1,20}$/));
    fc.assert(
      fc.property(nasty, fc.array(nasty, { minLength: 1, maxLength: 3 }), fc.boolean(), (service, values, isJob) => {
        const scope = { metric: 'vigil.task.requests', service, where: { 'vigil.task.name': values } } as const;
        const span = { lengthMs: 60_000, lastMs: 1_790_000_000_000 };
        const text = countExpression(scope, span, { name: isJob ? 'job' : 'service_name' });
        expect(syntaxError(text)).toBeUndefined();
        const series = selectorsOf(text);
        expect(new Set(series.map(({ text: selector }) => selector)).size).toBe(1);
        expect(series.every(({ name }) => name === 'vigil_task_requests_total')).toBe(true);
        expect(JSON.parse(quote(service))).toBe(service.toWellFormed());
      }),
      { numRuns: 40 },
    );
  });
});

describe('histograms', () => {
  const bucket = (le: string, count: number) => ({ le, vmrange: '', count });

  test('cumulative buckets become cells, however the edges are written', () => {
    const h = classicHistogram([bucket('+Inf', 10), bucket('0.5', 4), bucket('1', 3), bucket('1.0', 6)], 7.5);
    expect(h).toMatchObject({ count: 10, sum: 7.5, min: 0, max: Infinity });
    expect(countAtMost(h, 0.5)).toEqual({ count: 4, exact: true });
    expect(countAtMost(h, 1)).toEqual({ count: 9, exact: true });
  });

  test('fractions of events are whole ones, and buckets that fall count nothing', () => {
    const h = classicHistogram([bucket('0.5', 4.2), bucket('1', 3.9), bucket('+Inf', 5.1)], 1);
    expect(h.count).toBe(5);
    expect(countAtMost(h, 1).count).toBe(4);
  });

  test('native ones keep their cells, and empty stretches between them count nothing', () => {
    const h = nativeHistogram({
      count: 4,
      sum: 9,
      cells: [
        { lower: 4, upper: 8, count: 1 },
        { lower: 0.5, upper: 1, count: 3 },
      ],
    });
    expect(h).toMatchObject({ count: 4, sum: 9, min: 0.5, max: 8, edges: [0.5, 1, 4, 8], counts: [3, 0, 1] });
    expect(quantile(h, 1)).toBe(8);
  });

  test('cells of several scales, as VictoriaMetrics keeps them, are all counted', () => {
    const range = (vmrange: string, count: number) => ({ le: '', vmrange, count });
    const h = classicHistogram(
      [range('5.000e-01...1.000e+00', 2), range('5.000e-01...7.071e-01', 4), range('7.071e-01...1.000e+00', 1)],
      5,
    );
    expect(h.count).toBeCloseTo(7);
    expect(countAtMost(h, 1)).toEqual({ count: h.count, exact: true });
    expect(countAtMost(h, 0.5).count).toBe(0);
  });

  test('an answer that is none of Prometheus’ is refused', () => {
    const row = { metric: {}, value: [1, '2'] };
    expect(samplesOf({ resultType: 'vector', result: [row] })).toEqual([{ labels: {}, timeMs: 1000, value: 2 }]);
    const histogram = { count: '2', sum: '3', buckets: [[3, '-0.1', '0.1', '2']] };
    expect(samplesOf({ resultType: 'matrix', result: [{ metric: {}, histograms: [[1.5, histogram]] }] })).toMatchObject(
      [{ timeMs: 1500, histogram: { count: 2, sum: 3, cells: [{ lower: 0, upper: 0.1, count: 2 }] } }],
    );
    const bad = [
      null,
      'text',
      {},
      { resultType: 'vector', result: {} },
      { resultType: 'vector', result: [7] },
      { resultType: 'matrix', result: [{ metric: {}, values: [7] }] },
      { resultType: 'vector', result: [{ metric: {}, histogram: [1, { count: '1', sum: '1', buckets: [[1]] }] }] },
    ];
    for (const data of bad) expect(() => samplesOf(data), JSON.stringify(data)).toThrow(/answer|samples|bucket/);
  });
});

describe('periods', () => {
  const DAY_MS = 86_400_000;
  const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);

  test('they make up the range, few of them, and what is sealed is over', () => {
    const minute = fc.integer({ min: 1, max: 3650 * 1440 });
    fc.assert(
      fc.property(minute, fc.integer({ min: 0, max: 5000 }), (minutes, back) => {
        const toMs = Math.floor(NOW_MS / 60_000 + 1 - back) * 60_000;
        const periods = periodsOf({ fromMs: toMs - minutes * 60_000, toMs }, NOW_MS);
        expect(periods[0].fromMs).toBe(toMs - minutes * 60_000);
        expect(periods.at(-1)?.toMs).toBe(toMs);
        for (const [i, period] of periods.entries()) {
          expect(period.fromMs).toBeLessThan(period.toMs);
          if (i > 0) expect(period.fromMs).toBe(periods[i - 1].toMs);
          if (period.isSealed) expect(period.toMs).toBeLessThan(NOW_MS);
        }
        expect(periods.length).toBeLessThan(130);
        if (minutes > 3 * 1440) expect(periods.filter(({ isSealed }) => isSealed).length).toBeGreaterThan(0);
      }),
    );
  });

  test('a lifetime begins at the same time for as long as it lasts, within the retention', () => {
    const { fromMs } = lifetimeOf(35, NOW_MS);
    expect(NOW_MS - fromMs).toBeLessThan(35 * DAY_MS);
    expect(lifetimeOf(35, fromMs).fromMs).toBe(fromMs);
    expect(lifetimeOf(35, fromMs + 35 * DAY_MS - 1).fromMs).toBe(fromMs);
    expect(lifetimeOf(35, fromMs + 35 * DAY_MS).fromMs).toBe(fromMs + 35 * DAY_MS);
  });
});
