/**
 * The store that asks a Prometheus-compatible server, which holds the raw `vigil_*` series. It keeps nothing that could
 * not be asked for again, so any number of aggregators answer alike.
 */

import type { OwnMetrics } from '../../metrics.ts';
import type { Door } from '../../otlp/attributes.ts';
import type { CountRow, HistogramRow, Question, SeriesQuestion, Step, Store, TimeRange } from '../port.ts';
import { type Ask, type Asking, createBatches } from './batches.ts';
import { gridOf, readClients } from './clients.ts';
import { countExpression, histogramExpressions, type Scope, type Span, spanOf } from './expressions.ts';
import { addCounts, addHistograms, countRows, histogramRows, type Reading } from './groups.ts';
import { lifetimeOf, periodsOf } from './periods.ts';
import type { Sample } from './samples.ts';
import { createServer, type MetricsServer, type ServerOptions } from './server.ts';
import { createWatch } from './watch.ts';

export interface PrometheusStoreOptions extends Omit<ServerOptions, 'metrics'> {
  readonly metrics: OwnMetrics;
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** The label that tells services apart; `job` is read as OpenTelemetry's translation makes it. */
  readonly serviceLabel: string;
  readonly door: Door;
  /** How far back the server keeps data. */
  readonly retentionDays: number;
  /** How long what the server answered may be used again, in ms. */
  readonly ttlMs: number;
  readonly now?: () => number;
}

export interface OpenedPrometheusStore {
  readonly store: Store;
  close(): void;
}

const DAY_MS = 86_400_000;

/** Resolves when it was tried once to learn what the server holds; a server that is down does not hinder the start. */
export async function openPrometheusStore(options: PrometheusStoreOptions): Promise<OpenedPrometheusStore> {
  const { now = Date.now, retentionDays, ttlMs, log } = options;
  const server: MetricsServer = createServer(options);
  const reading: Reading = { label: { name: options.serviceLabel }, door: options.door };
  const ask = createBatches({ server, ttlMs, nowMs: now });
  const watch = createWatch({
    server,
    ask: createBatches({ server, ttlMs: 0, nowMs: now }),
    reading,
    log,
    nowMs: now,
    retentionMs: retentionDays * DAY_MS,
  });
  await watch.look();
  watch.begin();
  return { store: createStore({ ask, reading, nowMs: now, retentionDays, state: watch.state }), close: watch.end };
}

interface Parts {
  readonly ask: Ask;
  readonly reading: Reading;
  readonly nowMs: () => number;
  readonly retentionDays: number;
  readonly state: Store['state'];
}

function createStore({ ask, reading, nowMs, retentionDays, state }: Parts): Store {
  const counts = async (question: Question): Promise<CountRow[]> => {
    if (selectsNothing(question)) return [];
    const periods = periodsOf(question.range, nowMs());
    return addCounts(await Promise.all(periods.map((period) => countsOf(question, spanOf(period), period))));
  };
  const histograms = async (question: Question): Promise<HistogramRow[]> => {
    if (selectsNothing(question)) return [];
    const periods = periodsOf(question.range, nowMs());
    const parts = periods.map(async (period) => {
      const samples = await histogramSamples(question, spanOf(period), period);
      return histogramRows(samples, question.by ?? [], reading);
    });
    return addHistograms(await Promise.all(parts));
  };

  async function countsOf(scope: Scope, span: Span, how: Omit<Asking, 'expression'>): Promise<CountRow[]> {
    const { grid, isSealed } = how;
    const expression = countExpression(scope, span, reading.label);
    return countRows(await ask({ expression, grid, isSealed }), scope.by ?? [], reading);
  }

  async function histogramSamples(scope: Scope, span: Span, { grid, isSealed }: Omit<Asking, 'expression'>) {
    const { native, buckets, sums } = histogramExpressions(scope, span, reading.label);
    const [ofNative, ofBuckets, ofSums] = await Promise.all(
      [native, buckets, sums].map((expression) => ask({ expression, grid, isSealed })),
    );
    return { native: ofNative, buckets: ofBuckets, sums: ofSums };
  }

  return {
    counts,
    histograms,
    async countSteps(question) {
      if (selectsNothing(question) || isEmpty(question.range)) return [];
      const { stepMs, grid } = stepsOf(question);
      const expression = countExpression(question, { lengthMs: stepMs }, reading.label);
      return inSteps(question, await ask({ expression, grid }), (samples) =>
        countRows(samples, question.by ?? [], reading),
      );
    },
    async histogramSteps(question) {
      if (selectsNothing(question) || isEmpty(question.range)) return [];
      const { stepMs, grid } = stepsOf(question);
      const { native, buckets, sums } = await histogramSamples(question, { lengthMs: stepMs }, { grid });
      const inStep = (samples: readonly Sample[]) => Map.groupBy(samples, ({ timeMs }) => timeMs);
      const [sumsAt, bucketsAt, nativeAt] = [inStep(sums), inStep(buckets), inStep(native)];
      return stepEnds(question).map((endMs) => ({
        startMs: endMs + 1 - stepMs,
        rows: histogramRows(
          {
            native: nativeAt.get(endMs) ?? [],
            buckets: bucketsAt.get(endMs) ?? [],
            sums: sumsAt.get(endMs) ?? [],
          },
          question.by ?? [],
          reading,
        ),
      }));
    },
    lifetimeCounts: (question) => counts({ ...question, range: lifetimeOf(retentionDays, nowMs()) }),
    lifetimeHistograms: (question) => histograms({ ...question, range: lifetimeOf(retentionDays, nowMs()) }),
    // Spans are no metrics: the server has none.
    slowestSpans: async () => [],
    failedSpans: async () => [],
    clients: (question) => readClients(question, { ask, reading, nowMs: nowMs() }),
    state,
  };
}

function selectsNothing({ where = {} }: { readonly where?: Question['where'] }): boolean {
  return Object.values(where).some((values) => values.length === 0);
}

function isEmpty({ fromMs, toMs }: TimeRange): boolean {
  return fromMs >= toMs;
}

function stepsOf({ range, stepSeconds }: SeriesQuestion) {
  const stepMs = stepSeconds * 1000;
  return { stepMs, grid: gridOf(range, stepMs) };
}

/** The last moment of each step, in ms. */
function stepEnds(question: SeriesQuestion): number[] {
  const { stepMs, grid } = stepsOf(question);
  const ends: number[] = [];
  for (let endMs = grid.firstMs; endMs <= grid.lastMs; endMs += stepMs) ends.push(endMs);
  return ends;
}

function inSteps<Row>(
  question: SeriesQuestion,
  samples: readonly Sample[],
  rowsOf: (samples: readonly Sample[]) => readonly Row[],
): Step<Row>[] {
  const byEnd = Map.groupBy(samples, ({ timeMs }) => timeMs);
  return stepEnds(question).map((endMs) => ({
    startMs: endMs + 1 - question.stepSeconds * 1000,
    rows: rowsOf(byEnd.get(endMs) ?? []),
  }));
}
