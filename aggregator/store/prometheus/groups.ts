/** Samples as rows: values of labels as they may be shown, and rows of the same key added up. */
import type { Histogram } from '../../domain/histogram.ts';
import { merge } from '../../domain/histogram.ts';
import type { Door } from '../../otlp/attributes.ts';
import type { CountRow, GroupKey, HistogramRow } from '../port.ts';
import { type Bucket, classicHistogram, nativeHistogram } from './cells.ts';
import { labelName, type ServiceLabel, serviceOf } from './names.ts';
import type { Sample } from './samples.ts';

export interface Reading {
  readonly label: ServiceLabel;
  /** What was written to Prometheus passed no door of ours: it passes it here. */
  readonly door: Door;
}

/** The values of some attributes; '' where a series lacks one. */
export function keyOf({ labels }: Sample, by: readonly string[], { label, door }: Reading): GroupKey {
  return by.map((attribute) => {
    const value = labels[labelName(attribute, label)] ?? '';
    if (attribute === 'service.name') return door.sanitise(serviceOf(value, label));
    return attribute === 'client.address' ? door.clientAddress(value) : door.sanitise(value);
  });
}

/** Rows in which something happened. Events are whole; `increase()` gives fractions of them. */
export function countRows(samples: Iterable<Sample>, by: readonly string[], reading: Reading): CountRow[] {
  const rows = new Map<string, { readonly key: GroupKey; value: number }>();
  for (const sample of samples) {
    const key = keyOf(sample, by, reading);
    const row = at(rows, key, () => ({ key, value: 0 }));
    if (Number.isFinite(sample.value)) row.value += sample.value;
  }
  return [...rows.values()]
    .map(({ key, value }) => ({ key, value: Math.round(value) }))
    .filter(({ value }) => value > 0);
}

/** What was answered to the three expressions of a histogram. */
export interface HistogramSamples {
  readonly native: readonly Sample[];
  readonly buckets: readonly Sample[];
  readonly sums: readonly Sample[];
}

export function histogramRows(samples: HistogramSamples, by: readonly string[], reading: Reading): HistogramRow[] {
  const rows = new Map<string, { readonly key: GroupKey; readonly parts: Histogram[] }>();
  const add = (key: GroupKey, histogram: Histogram): void => {
    if (histogram.count > 0) at(rows, key, () => ({ key, parts: [] })).parts.push(histogram);
  };
  for (const sample of samples.native)
    if (sample.histogram !== undefined) add(keyOf(sample, by, reading), nativeHistogram(sample.histogram));
  const classic = new Map<string, { readonly key: GroupKey; readonly buckets: Bucket[]; sum: number }>();
  const classicAt = (sample: Sample) => {
    const key = keyOf(sample, by, reading);
    return at(classic, key, () => ({ key, buckets: [], sum: 0 }));
  };
  for (const sample of samples.buckets) {
    const { le = '', vmrange = '' } = sample.labels;
    classicAt(sample).buckets.push({ le, vmrange, count: sample.value });
  }
  for (const sample of samples.sums) classicAt(sample).sum += sample.value;
  for (const { key, buckets, sum } of classic.values()) add(key, classicHistogram(buckets, sum));
  return [...rows.values()].map(({ key, parts }) => ({ key, histogram: parts.reduce(merge) }));
}

export function addCounts(parts: readonly (readonly CountRow[])[]): CountRow[] {
  const [only] = parts;
  if (parts.length === 1) return [...only];
  const rows = new Map<string, { readonly key: GroupKey; value: number }>();
  for (const { key, value } of parts.flat()) at(rows, key, () => ({ key, value: 0 })).value += value;
  return [...rows.values()];
}

export function addHistograms(parts: readonly (readonly HistogramRow[])[]): HistogramRow[] {
  const [only] = parts;
  if (parts.length === 1) return [...only];
  const groups = Map.groupBy(parts.flat(), ({ key }) => JSON.stringify(key));
  return [...groups.values()].map((rows) => ({
    key: rows[0].key,
    histogram: rows.map(({ histogram }) => histogram).reduce(merge),
  }));
}

function at<Row>(rows: Map<string, Row>, key: GroupKey, make: () => Row): Row {
  const text = JSON.stringify(key);
  let row = rows.get(text);
  if (row === undefined) rows.set(text, (row = make()));
  return row;
}
