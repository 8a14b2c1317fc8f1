import { html } from 'hono/html';
import { expect, test } from 'vitest';
import { bar, endedSteps, type Series, sparkline, timeSeries } from '../../../aggregator/page/charts.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);
const MINUTE_SECONDS = Date.UTC(2026, 0, 15, 12) / 1000;

function seriesOf(values: readonly (number | null)[]): Series {
  const first = MINUTE_SECONDS - 60 * (values.length - 1);
  return { step_seconds: 60, points: values.map((value, i) => [first + 60 * i, value]) };
}

test('a step that has not ended is no fall', () => {
  const series = seriesOf([5, 5, 1]);
  expect(endedSteps(series, NOW_MS).points.map(([, value]) => value)).toEqual([5, 5]);
  expect(endedSteps(series, NOW_MS + 30_000)).toEqual(series);
  expect(endedSteps(seriesOf([]), NOW_MS).points).toEqual([]);
});

test('a bar of less than nothing does not look like an empty one', () => {
  expect(String(bar(-0.1))).toContain('over');
  for (const share of [0, 0.5, 1]) expect(String(bar(share))).not.toContain('over');
});

test('a small line is drawn beside what it is held against, and a share near to its end', () => {
  const heights = (text: string) => [...text.matchAll(/ d="M[\d.]+ ([\d.]+)/g)].map(([, y]) => Number(y));
  const [target, line] = heights(String(sparkline(seriesOf([96, 97]), 'Success', 95, true)));
  // Up is less: 96 % is above its line of 95 %, and both are told apart.
  expect(target - line).toBeGreaterThan(1);
  expect(heights(String(sparkline(seriesOf([96, 97]), 'Success')))).toHaveLength(1);
});

test('bars stand on the ground, one a step', () => {
  const options = { id: 'a', title: 'Attempts', unit: '', isBars: true };
  const text = String(timeSeries({ ...options, series: [{ label: 'attempts', series: seriesOf([0, 3, null, 6]) }] }));
  const [, path] = /class="bars bars-0" d="([^"]+)"/.exec(text) ?? [];
  expect(path.match(/z/g)).toHaveLength(4);
  expect(text).not.toContain('class="line');
});

test('a title stays text in the chart and in what its script reads', async () => {
  const label = '"><script>alert(1)</script>';
  const text = String(
    await html`${timeSeries({ id: 'a', title: label, unit: '', series: [{ label, series: seriesOf([1]) }] })}`,
  );
  expect(text).not.toContain('<script>');
  const [, data] = /data-chart="([^"]+)"/.exec(text) ?? [];
  expect(JSON.parse(data.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&gt;', '>')).labels).toEqual([
    label,
  ]);
});
