/**
 * The families about mutations. Counters are totals since the store began, so that they never fall; quantiles are those
 * of the last hour, as an average over all time would hide what happens now.
 */
import { DURATION_BUCKET_EDGES_SECONDS, OTHER } from '@vigil/semconv';
import { countsAtMost, type Histogram, quantile } from '../domain/histogram.ts';
import type { Exemplar, Labels, MetricFamily, Sample } from '../metrics.ts';
import type { HistogramRow, MutationSpan } from '../store/port.ts';
import type { ExpositionPart } from './exposition.ts';
import { groupByMutation, MUTATION_KEYS, type MutationFacts, settledDurations, successful } from './mutation-facts.ts';
import { windowUntil } from './report.ts';

const QUANTILES = ['0.50', '0.95', '0.99'] as const;
/** Spans looked through for exemplars. */
const MAX_EXEMPLAR_SPANS = 500;

/** Up to where each bucket of the histogram goes, and the label that says so. */
const BUCKET_EDGES = [...DURATION_BUCKET_EDGES_SECONDS, Infinity];
const BUCKET_LABELS = BUCKET_EDGES.map((edge) => ['le', edge === Infinity ? '+Inf' : String(edge)] as const);

const lastHour = (nowMs: number) => windowUntil(nowMs, 'hours', 1).range;

/** `graphql_mutation_total`, `_success_total`, `_failure_total`. */
export const mutationCounts: ExpositionPart = async (store, { service, nowMs }) => {
  const [rows, failed] = await Promise.all([
    store.lifetimeHistograms({ metric: 'vigil.mutation.duration', by: MUTATION_KEYS, service }),
    store.failedSpans({ range: lastHour(nowMs), service }, MAX_EXEMPLAR_SPANS),
  ]);
  const mutations = byName(groupByMutation(rows));
  const lastFailure = new Map(failed.toReversed().map((span) => [span.mutation, exemplarOf(span, 1)]));
  const counter = (
    name: string,
    help: string,
    count: (mutation: MutationFacts) => number,
    exemplars?: ReadonlyMap<string, Exemplar>,
  ): MetricFamily => ({
    name,
    type: 'counter',
    help,
    samples: mutations.map((mutation) => ({
      labels: [['mutation', mutation.name]],
      value: count(mutation),
      exemplar: count(mutation) > 0 ? exemplars?.get(mutation.name) : undefined,
    })),
  });
  return [
    counter('graphql_mutation_total', 'Mutations, the aborted ones too.', (mutation) => mutation.total),
    counter('graphql_mutation_success_total', 'Mutations that succeeded, in whole or in part.', successful),
    counter(
      'graphql_mutation_failure_total',
      'Mutations whose own field gave an error.',
      (mutation) => mutation.failure,
      lastFailure,
    ),
  ];
};

/** `graphql_mutation_errors_total`. */
export const mutationErrors: ExpositionPart = async (store, { service }) => {
  const rows = await store.lifetimeHistograms({
    metric: 'vigil.mutation.duration',
    by: ['vigil.mutation.name', 'error.type'],
    where: { 'vigil.mutation.outcome': ['failure'] },
    service,
  });
  const counts = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { key, histogram } of rows) {
    const [mutation, errorType] = [key[0], key[1] || OTHER];
    const id = `${mutation}\u0000${errorType}`;
    const labels: Labels = [
      ['mutation', mutation],
      ['error_type', errorType],
    ];
    counts.set(id, { labels, value: (counts.get(id)?.value ?? 0) + histogram.count });
  }
  return [
    {
      name: 'graphql_mutation_errors_total',
      type: 'counter',
      help: 'Mutations that failed, by type of error.',
      samples: [...counts.values()],
    },
  ];
};

/** `graphql_mutation_duration_seconds` and `graphql_server_mutation_duration_seconds`. */
export const mutationDurations: ExpositionPart = async (store, { service, nowMs }) => {
  const question = { ...settledDurations({ service }), by: ['vigil.mutation.name'] };
  const range = lastHour(nowMs);
  const [lifetime, recent, slowest] = await Promise.all([
    store.lifetimeHistograms(question),
    store.histograms({ ...question, range }),
    store.slowestSpans({ range, service }, MAX_EXEMPLAR_SPANS),
  ]);
  const rows = [...lifetime].sort((a, b) => (a.key[0] < b.key[0] ? -1 : 1));
  const recentByName = new Map(recent.map((row) => [row.key[0], row.histogram]));
  const exemplars = bucketExemplars(slowest);
  return [
    {
      name: 'graphql_mutation_duration_seconds',
      type: 'summary',
      help: 'Time that mutations took; quantiles over the last hour, sum and count since the store began.',
      samples: rows.flatMap((row) => summarySamples(row, recentByName.get(row.key[0]))),
    },
    {
      name: 'graphql_server_mutation_duration_seconds',
      type: 'histogram',
      help: 'Time that mutations took, since the store began.',
      samples: rows.flatMap((row) => histogramSamples(row, exemplars)),
    },
  ];
};

function summarySamples({ key: [mutation], histogram }: HistogramRow, recent: Histogram | undefined): Sample[] {
  const name = ['mutation', mutation] as const;
  return [
    ...QUANTILES.map((q) => ({
      labels: [name, ['quantile', q]] as const,
      // NaN is how a summary says that nothing happened lately.
      value: (recent && quantile(recent, Number(q))) ?? Number.NaN,
    })),
    { suffix: '_sum', labels: [name], value: histogram.sum },
    { suffix: '_count', labels: [name], value: histogram.count },
  ];
}

function histogramSamples({ key: [mutation], histogram }: HistogramRow, exemplars: BucketExemplars): Sample[] {
  const name = ['mutation', mutation] as const;
  // What lies inside a cell is shared out by the cell's own edges alone: minimum and maximum move, and a bucket that was
  // estimated with them could fall, which a counter must never do.
  const { count, sum, edges, counts } = histogram;
  const fixed: Histogram = { count, sum, edges, counts, min: -Infinity, max: Infinity };
  const own = exemplars.get(mutation);
  return [
    ...countsAtMost(fixed, BUCKET_EDGES).map((atMost, i): Sample => {
      const exemplar = own?.get(BUCKET_EDGES[i]);
      return { suffix: '_bucket', labels: [name, BUCKET_LABELS[i]], value: Math.round(atMost.count), exemplar };
    }),
    { suffix: '_sum', labels: [name], value: sum },
    { suffix: '_count', labels: [name], value: count },
  ];
}

/** By mutation and upper edge of the bucket. */
type BucketExemplars = ReadonlyMap<string, ReadonlyMap<number, Exemplar>>;

/** For each mutation and bucket the slowest kept span that fell into it. */
function bucketExemplars(slowestFirst: readonly MutationSpan[]): BucketExemplars {
  const exemplars = new Map<string, Map<number, Exemplar>>();
  for (const span of slowestFirst) {
    const seconds = span.durationMs / 1000;
    const edge = DURATION_BUCKET_EDGES_SECONDS.find((edge) => seconds <= edge) ?? Infinity;
    const own = exemplars.get(span.mutation) ?? new Map<number, Exemplar>();
    exemplars.set(span.mutation, own);
    if (!own.has(edge)) own.set(edge, exemplarOf(span, seconds));
  }
  return exemplars;
}

function exemplarOf({ traceId, spanId, endMs }: MutationSpan, value: number): Exemplar {
  return {
    labels: [
      ['trace_id', traceId],
      ['span_id', spanId],
    ],
    value,
    unixSeconds: endMs / 1000,
  };
}

function byName(mutations: readonly MutationFacts[]): MutationFacts[] {
  return mutations.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
