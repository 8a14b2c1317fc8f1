/** The events of an objective, in any span of time, without maintenance. */

import type { MetricName } from '@vigil/semconv';
import { metrics, OTHER } from '@vigil/semconv';
import { countAtMost } from '../domain/histogram.ts';
import { periodsOf, type Span, without } from '../domain/maintenance.ts';
import { addEvents, type EventCounts, type EventSelection, eventCounts, NO_EVENTS } from '../domain/objective.ts';
import type { Store } from '../store/port.ts';
import type { Policy, Slo } from './report.ts';

const MINUTE_MS = 60_000;
/** What is old is exact to ten minutes; maintenance is left out in these, so that it is the same at every age. */
export const COARSE_GRAIN_MS = 10 * MINUTE_MS;

type Selection = EventSelection<MetricName>;

export interface EventReader {
  /** Events of a span, maintenance left out. */
  count(span: Span): Promise<EventCounts>;
  /** The same by the name of what the events happened to. */
  countByName(span: Span): Promise<ReadonlyMap<string, EventCounts>>;
  /** Events since the store began, maintenance included. */
  lifetimeTotal(): Promise<number>;
  /** Whether every count so far was exact: false when a threshold lay inside a cell of a histogram. */
  isExact(): boolean;
}

export function createEventReader(store: Store, slo: Slo, policy: Policy, service: string | undefined): EventReader {
  const { total, part, partIs } = slo.indicator;
  const leftOut = periodsOf(policy.maintenance, slo.id);
  const nameKey = nameAttribute(total.metric);
  let exact = true;

  /** Both counts by group; where both select the same events they are read once. */
  async function read(span: Span, by: readonly string[]): Promise<ReadonlyMap<string, EventCounts>> {
    const [totals, parts] = await Promise.all([valuesOf(total, span, by), valuesOf(part, span, by)]);
    return new Map([...totals].map(([name, value]) => [name, eventCounts(partIs, parts.get(name) ?? 0, value)]));
  }

  async function valuesOf(selection: Selection, span: Span | undefined, by: readonly string[]) {
    const values = new Map<string, number>();
    for (const { key, value } of await rowsOf(selection, span, by)) {
      const name = key[0] || OTHER;
      values.set(name, (values.get(name) ?? 0) + value);
    }
    return values;
  }

  async function rowsOf({ metric, where, atMost }: Selection, span: Span | undefined, by: readonly string[]) {
    const question = { metric, where, by, service };
    if (metrics[metric].kind === 'counter')
      return span === undefined ? store.lifetimeCounts(question) : store.counts({ ...question, range: span });
    const rows = await (span === undefined
      ? store.lifetimeHistograms(question)
      : store.histograms({ ...question, range: span }));
    return rows.map(({ key, histogram }) => {
      if (atMost === undefined) return { key, value: histogram.count };
      const counted = countAtMost(histogram, atMost);
      exact &&= counted.exact;
      return { key, value: counted.count };
    });
  }

  async function countByName(span: Span, by: readonly string[]) {
    const sum = new Map<string, EventCounts>();
    for (const remaining of without(span, leftOut, COARSE_GRAIN_MS))
      for (const [name, counts] of await read(remaining, by))
        sum.set(name, addEvents(sum.get(name) ?? NO_EVENTS, counts));
    return sum;
  }

  return {
    count: async (span) => (await countByName(span, [])).get(OTHER) ?? NO_EVENTS,
    countByName: (span) => countByName(span, [nameKey]),
    lifetimeTotal: async () => (await valuesOf(total, undefined, [])).get(OTHER) ?? 0,
    isExact: () => exact,
  };
}

/** The attribute that names what an event happened to: a mutation, a task. */
function nameAttribute(metric: MetricName): string {
  const { attributes } = metrics[metric];
  return attributes.find((key) => key.endsWith('.name')) ?? attributes[0];
}

/**
 * The first moment of a span from which on there were events, in minutes (ten, where minutes are no longer kept).
 * @returns Unix ms, undefined without events
 */
export function firstEventMs(reader: EventReader, span: Span): Promise<number | undefined> {
  return bisect(reader, span, ({ fromMs }, middleMs) => ({ fromMs, toMs: middleMs }), 'first');
}

/** The start of the last minute of a span in which there was an event; Unix ms, undefined without events. */
export function lastEventMs(reader: EventReader, span: Span): Promise<number | undefined> {
  return bisect(reader, span, ({ toMs }, middleMs) => ({ fromMs: middleMs, toMs }), 'last');
}

async function bisect(
  reader: EventReader,
  span: Span,
  half: (span: Span, middleMs: number) => Span,
  wanted: 'first' | 'last',
): Promise<number | undefined> {
  if ((await reader.count(span)).total === 0) return undefined;
  let { fromMs, toMs } = span;
  while (toMs - fromMs > MINUTE_MS) {
    const middleMs = middleOf(fromMs, toMs);
    const hasEvents = (await reader.count(half({ fromMs, toMs }, middleMs))).total > 0;
    if (hasEvents === (wanted === 'first')) toMs = middleMs;
    else fromMs = middleMs;
  }
  return fromMs;
}

/** On whole ten minutes while the span is long: an old edge is exact to ten minutes and must not reach beyond the middle. */
function middleOf(fromMs: number, toMs: number): number {
  const grainMs = toMs - fromMs > 2 * COARSE_GRAIN_MS ? COARSE_GRAIN_MS : MINUTE_MS;
  const middleMs = Math.floor((fromMs + toMs) / 2 / grainMs) * grainMs;
  return middleMs > fromMs ? middleMs : fromMs + MINUTE_MS;
}
