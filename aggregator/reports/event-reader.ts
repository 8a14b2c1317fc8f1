/** The events of an objective, in any span of time, without maintenance. */

import type { MetricName } from '@vigil/semconv';
import { attributes, metrics, OTHER } from '@vigil/semconv';
import { countAtMost } from '../domain/histogram.ts';
import { periodsOf, type Span, without } from '../domain/maintenance.ts';
import { type EventCounts, type EventSelection, eventCounts } from '../domain/objective.ts';
import type { GroupKey, Question, Store } from '../store/port.ts';
import type { Policy, Slo } from './report.ts';

const MINUTE_MS = 60_000;
/** What is old is exact to ten minutes; maintenance is left out in these, so that it is the same at every age. */
export const COARSE_GRAIN_MS = 10 * MINUTE_MS;

type Selection = EventSelection<MetricName>;

/** Counts of both selections of an indicator. */
interface Sums {
  readonly total: number;
  readonly part: number;
}

const NO_SUMS: Sums = { total: 0, part: 0 };

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

/**
 * @param cutsMs moments at which spans are taken apart: windows that end together then share what they have in common,
 * and a store that remembers reads every stretch once
 */
export function createEventReader(
  store: Store,
  slo: Slo,
  policy: Policy,
  service: string | undefined,
  cutsMs: readonly number[] = [],
): EventReader {
  const { total, part, partIs } = slo.indicator;
  const leftOut = periodsOf(policy.maintenance, slo.id);
  const nameKey = nameAttribute(total.metric);
  const cuts = [...new Set(cutsMs)].toSorted((a, b) => a - b);
  let exact = true;
  const sums = new Map<number, Map<number, Promise<Sums>>>();

  async function valuesOf(selection: Selection, spans: readonly (Span | undefined)[], by: readonly string[]) {
    const values = new Map<string, number>();
    for (const rows of await Promise.all(spans.map((span) => rowsOf(selection, span, by))))
      for (const { name, value } of rows) values.set(name, (values.get(name) ?? 0) + value);
    return values;
  }

  async function rowsOf({ metric, where, atMost }: Selection, span: Span | undefined, by: readonly string[]) {
    const { question, isSelected } = sharedQuestion({ metric, where }, by, service);
    const name = (key: GroupKey): string => (by.length > 0 && key[0]) || OTHER;
    if (metrics[metric].kind === 'counter') {
      const counts = span === undefined ? store.lifetimeCounts(question) : store.counts({ ...question, range: span });
      return (await counts).filter(({ key }) => isSelected(key)).map(({ key, value }) => ({ name: name(key), value }));
    }
    const rows = await (span === undefined
      ? store.lifetimeHistograms(question)
      : store.histograms({ ...question, range: span }));
    return rows
      .filter(({ key }) => isSelected(key))
      .map(({ key, histogram }) => {
        if (atMost === undefined) return { name: name(key), value: histogram.count };
        const counted = countAtMost(histogram, atMost);
        exact &&= counted.exact;
        return { name: name(key), value: counted.count };
      });
  }

  /** Both counts of a span by name. */
  function countsOf(span: Span, by: readonly string[]) {
    const spans = without(span, leftOut, COARSE_GRAIN_MS);
    return Promise.all([valuesOf(total, spans, by), valuesOf(part, spans, by)]);
  }

  /** Windows that end together share nearly all of their stretches: each is read once. */
  function sumsOf(stretch: Span): Promise<Sums> {
    let ofBeginning = sums.get(stretch.fromMs);
    if (ofBeginning === undefined) sums.set(stretch.fromMs, (ofBeginning = new Map()));
    let known = ofBeginning.get(stretch.toMs);
    if (known === undefined) ofBeginning.set(stretch.toMs, (known = readSums(stretch)));
    return known;
  }

  async function readSums(stretch: Span): Promise<Sums> {
    const [totals, parts] = await countsOf(stretch, []);
    return { total: totals.get(OTHER) ?? 0, part: parts.get(OTHER) ?? 0 };
  }

  return {
    async count(span) {
      const all = await Promise.all(cutAt(span, cuts).map(sumsOf));
      // Only whole sums are events: a part may exceed its total in one stretch and not in the next.
      const whole = all.reduce((sum, of) => ({ total: sum.total + of.total, part: sum.part + of.part }), NO_SUMS);
      return eventCounts(partIs, whole.part, whole.total);
    },
    async countByName(span) {
      const [totals, parts] = await countsOf(span, [nameKey]);
      return new Map([...totals].map(([name, value]) => [name, eventCounts(partIs, parts.get(name) ?? 0, value)]));
    },
    lifetimeTotal: async () => (await valuesOf(total, [undefined], [])).get(OTHER) ?? 0,
    isExact: () => exact,
  };
}

/**
 * What to ask for a selection: attributes whose values are a closed set are grouped by instead of filtered, so that
 * selections of one metric that differ in these alone are the same question.
 */
function sharedQuestion(
  { metric, where }: Pick<Selection, 'metric' | 'where'>,
  by: readonly string[],
  service: string | undefined,
): {
  readonly question: Omit<Question, 'range'>;
  readonly isSelected: (key: GroupKey) => boolean;
} {
  const closed = metrics[metric].attributes.filter((key) => isClosedSet(key) && !by.includes(key));
  const open = Object.entries(where).filter(([key]) => !closed.some((each) => each === key));
  const allowed = closed.map((key) => where[key]);
  return {
    question: { metric, where: Object.fromEntries(open), by: [...by, ...closed], service },
    isSelected: (key) => allowed.every((values, i) => values?.includes(key[by.length + i]) ?? true),
  };
}

function isClosedSet(key: keyof typeof attributes): boolean {
  const { values, extensible } = attributes[key];
  return values !== undefined && extensible !== true;
}

/** A span, taken apart. @param cuts ascending */
function cutAt({ fromMs, toMs }: Span, cuts: readonly number[]): Span[] {
  const edges = [fromMs, ...cuts.filter((cut) => cut > fromMs && cut < toMs), toMs];
  return edges.slice(1).map((edge, i) => ({ fromMs: edges[i], toMs: edge }));
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
