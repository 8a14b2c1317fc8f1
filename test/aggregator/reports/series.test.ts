import fc from 'fast-check';
import { expect, test } from 'vitest';
import { windowUntil } from '../../../aggregator/reports/report.ts';
import { MAX_SERIES_POINTS, seriesOf, stepsOf } from '../../../aggregator/reports/series.ts';

test('any window: at most 200 points, whole minutes, on one grid, nothing of the window left out', () => {
  const minutes = fc.integer({ min: 1, max: 3650 * 1440 });
  const now = fc.integer({ min: Date.UTC(2020), max: Date.UTC(2040) });
  fc.assert(
    fc.property(minutes, now, (length, nowMs) => {
      const window = windowUntil(nowMs, 'minutes', length);
      const { range, stepSeconds } = stepsOf(window.range);
      const { points } = seriesOf([], { range, stepSeconds }, () => null);
      expect(points.length).toBeLessThanOrEqual(MAX_SERIES_POINTS);
      expect(stepSeconds % 60).toBe(0);
      expect(points.every(([at], i) => at === points[0][0] + i * stepSeconds && at % stepSeconds === 0)).toBe(true);
      expect(range.fromMs).toBeLessThanOrEqual(window.range.fromMs);
      expect(range.toMs).toBeGreaterThanOrEqual(window.range.toMs);
    }),
  );
});

test('a window covers its whole length and this very instant', () => {
  const nowMs = Date.UTC(2026, 0, 1, 10, 0, 0);
  const { range } = windowUntil(nowMs, 'minutes', 1);
  expect(range.fromMs).toBe(nowMs - 60_000);
  expect(range.toMs).toBeGreaterThan(nowMs);
});
