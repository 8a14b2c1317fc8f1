/** A store whose content is known to the last event: answers are made from a list of what happened. */
import { DURATION_BUCKET_EDGES_SECONDS, type MetricName } from '@vigil/semconv';
import type { Histogram } from '../../aggregator/domain/histogram.ts';
import type {
  GroupKey,
  HistogramRow,
  MutationSpan,
  Question,
  SeriesQuestion,
  SpanQuestion,
  Store,
  StoreState,
} from '../../aggregator/store/port.ts';

export interface RecordedMutation {
  readonly name: string;
  readonly outcome?: 'success' | 'partial' | 'failure' | 'aborted';
  readonly errorType?: string;
  readonly seconds: number;
  /** Fields selected, where it was reported. */
  readonly complexity?: number;
  readonly atMs: number;
  readonly service?: string;
  /** Present when its span was kept. */
  readonly traceId?: string;
}

interface Event {
  readonly metric: MetricName;
  readonly atMs: number;
  readonly value: number;
  readonly attributes: Readonly<Record<string, string>>;
}

const EDGES = [0, ...DURATION_BUCKET_EDGES_SECONDS, 200, Infinity];

export interface MemoryStore extends Store {
  add(...mutations: readonly RecordedMutation[]): void;
  /** Questions answered so far. */
  readonly asked: number;
  /** What `state` says, but for what is changed here. */
  stateChange: Partial<StoreState>;
  /** When set, every question fails with it. */
  failure: Error | undefined;
  /** When set, questions wait for it. */
  gate: Promise<void> | undefined;
}

export function createMemoryStore(): MemoryStore {
  const events: Event[] = [];
  const spans: MutationSpan[] = [];
  const store: MemoryStore & { asked: number } = {
    asked: 0,
    stateChange: {},
    failure: undefined,
    gate: undefined,
    add(...mutations) {
      for (const mutation of mutations) {
        events.push(...eventsOf(mutation));
        if (mutation.traceId !== undefined) spans.push(spanOf(mutation, mutation.traceId));
      }
    },
    counts: () => Promise.reject(new Error('no counter is known here')),
    countSteps: () => Promise.reject(new Error('no counter is known here')),
    lifetimeCounts: () => Promise.reject(new Error('no counter is known here')),
    histograms: (question) => answer(() => histogramRows(events, question)),
    histogramSteps: (question) => answer(() => steps(events, question)),
    lifetimeHistograms: (question) =>
      answer(() => histogramRows(events, { ...question, range: { fromMs: -Infinity, toMs: Infinity } })),
    slowestSpans: (question, limit) =>
      answer(() => matching(spans, question, (a, b) => b.durationMs - a.durationMs).slice(0, limit)),
    failedSpans: (question, limit) =>
      answer(() =>
        matching(spans, question, (a, b) => b.endMs - a.endMs)
          .filter((span) => span.outcome === 'failure')
          .slice(0, limit),
      ),
    state: () => ({
      newestPointMs: events.length === 0 ? undefined : Math.max(...events.map((event) => event.atMs)),
      lastArrivalMs: undefined,
      minuteRetentionMs: 8 * 86_400_000,
      retentionMs: 35 * 86_400_000,
      services: [],
      refusing: undefined,
      ...store.stateChange,
    }),
  };
  async function answer<Rows>(make: () => Rows): Promise<Rows> {
    store.asked++;
    await store.gate;
    if (store.failure !== undefined) throw store.failure;
    return make();
  }
  return store;
}

function eventsOf({ name, outcome, errorType, seconds, complexity, atMs, service }: RecordedMutation): Event[] {
  const common = { 'vigil.mutation.name': name, 'service.name': service ?? 'shop' };
  const attributes = { ...common, 'vigil.mutation.outcome': outcome ?? 'success', 'error.type': errorType ?? '' };
  const events: Event[] = [{ metric: 'vigil.mutation.duration', atMs, value: seconds, attributes }];
  if (complexity !== undefined)
    events.push({ metric: 'vigil.mutation.complexity', atMs, value: complexity, attributes: common });
  return events;
}

function spanOf({ name, outcome, errorType, seconds, atMs, service }: RecordedMutation, traceId: string): MutationSpan {
  return {
    traceId,
    spanId: traceId.slice(0, 16),
    service: service ?? 'shop',
    mutation: name,
    outcome: outcome ?? 'success',
    errorType: errorType ?? '',
    endMs: atMs,
    durationMs: seconds * 1000,
  };
}

function histogramRows(
  events: readonly Event[],
  { metric, range, by = [], service, where = {} }: Question,
): HistogramRow[] {
  const groups = new Map<string, { readonly key: GroupKey; readonly values: number[] }>();
  for (const { attributes, value, ...event } of events) {
    if (event.metric !== metric || event.atMs < range.fromMs || event.atMs >= range.toMs) continue;
    if (service !== undefined && attributes['service.name'] !== service) continue;
    if (!Object.entries(where).every(([name, allowed]) => allowed.includes(attributes[name] ?? ''))) continue;
    const key = by.map((name) => attributes[name] ?? '');
    const id = JSON.stringify(key);
    const group = groups.get(id) ?? { key, values: [] };
    group.values.push(value);
    groups.set(id, group);
  }
  return [...groups.values()].map(({ key, values }) => ({ key, histogram: histogramOf(values) }));
}

function histogramOf(values: readonly number[]): Histogram {
  const counts = new Array<number>(EDGES.length - 1).fill(0);
  for (const value of values) counts[Math.max(0, EDGES.findIndex((edge) => value <= edge) - 1)]++;
  return {
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    min: Math.min(...values),
    max: Math.max(...values),
    edges: EDGES,
    counts,
  };
}

function steps(events: readonly Event[], question: SeriesQuestion) {
  const stepMs = question.stepSeconds * 1000;
  const starts: number[] = [];
  for (let startMs = question.range.fromMs; startMs < question.range.toMs; startMs += stepMs) starts.push(startMs);
  return starts
    .map((startMs) => ({
      startMs,
      rows: histogramRows(events, { ...question, range: { fromMs: startMs, toMs: startMs + stepMs } }),
    }))
    .filter((step) => step.rows.length > 0);
}

function matching(
  spans: readonly MutationSpan[],
  { range, service, mutation }: SpanQuestion,
  order: (a: MutationSpan, b: MutationSpan) => number,
): MutationSpan[] {
  return spans
    .filter((span) => span.endMs >= range.fromMs && span.endMs < range.toMs)
    .filter((span) => service === undefined || span.service === service)
    .filter((span) => mutation === undefined || span.mutation === mutation)
    .sort(order);
}
