/** What all answers about mutations are made from. */
import { OTHER } from '@vigil/semconv';
import { EMPTY_HISTOGRAM, type Histogram, merge } from '../domain/histogram.ts';
import type { HistogramRow, Question, Store } from '../store/port.ts';
import { descending } from './quantities.ts';
import type { Asked } from './report.ts';

/** Outcomes of mutations that came to an end. An aborted one never did, so its time says nothing about the mutation. */
export const SETTLED_OUTCOMES: readonly string[] = ['success', 'partial', 'failure'];

export const MUTATION_KEYS = ['vigil.mutation.name', 'vigil.mutation.outcome'] as const;

export interface OutcomeCounts {
  /** All of them, the aborted ones too. */
  readonly total: number;
  readonly success: number;
  readonly partial: number;
  readonly failure: number;
  readonly aborted: number;
}

export interface MutationFacts extends OutcomeCounts {
  readonly name: string;
  /** Seconds, of those that settled. */
  readonly durations: Histogram;
}

export interface ErrorFacts {
  readonly errorType: string;
  readonly count: number;
}

export const NO_OUTCOMES: OutcomeCounts = { total: 0, success: 0, partial: 0, failure: 0, aborted: 0 };

/** Mutations that had an effect, in whole or in part. */
export function successful(counts: OutcomeCounts): number {
  return counts.success + counts.partial;
}

type Scope = Pick<Question, 'service'>;

/** Every mutation of the window that fits, by count. */
export async function readMutations(
  store: Store,
  { window, service }: Asked,
  where: Question['where'] = {},
): Promise<readonly MutationFacts[]> {
  const rows = await store.histograms({
    metric: 'vigil.mutation.duration',
    range: window.range,
    by: MUTATION_KEYS,
    where,
    service,
  });
  return descending(
    groupByMutation(rows),
    (mutation) => mutation.total,
    (mutation) => mutation.name,
  );
}

/** Rows by mutation and outcome, as facts by mutation. */
export function groupByMutation(rows: readonly HistogramRow[]): MutationFacts[] {
  const byName = new Map<string, Facts>();
  for (const { key, histogram } of rows) {
    let facts = byName.get(key[0]);
    if (facts === undefined) byName.set(key[0], (facts = new Facts(key[0])));
    facts.add(key[1], histogram);
  }
  return [...byName.values()];
}

/** Durations are merged when somebody asks for them: most answers do for a few mutations only. */
class Facts implements MutationFacts {
  readonly name: string;
  total = 0;
  success = 0;
  partial = 0;
  failure = 0;
  aborted = 0;
  readonly #settled: Histogram[] = [];
  #durations: Histogram | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** An outcome that the registry does not know came from another version; it stands in the total alone. */
  add(outcome: string, histogram: Histogram): void {
    const { count } = histogram;
    this.total += count;
    if (outcome === 'success') this.success += count;
    else if (outcome === 'partial') this.partial += count;
    else if (outcome === 'failure') this.failure += count;
    else if (outcome === 'aborted') this.aborted += count;
    if (SETTLED_OUTCOMES.includes(outcome)) this.#settled.push(histogram);
  }

  get durations(): Histogram {
    this.#durations ??= this.#settled.reduce(merge, EMPTY_HISTOGRAM);
    return this.#durations;
  }
}

export function sumOutcomes(all: readonly OutcomeCounts[]): OutcomeCounts {
  return all.reduce<OutcomeCounts>(
    (sum, each) => ({
      total: sum.total + each.total,
      success: sum.success + each.success,
      partial: sum.partial + each.partial,
      failure: sum.failure + each.failure,
      aborted: sum.aborted + each.aborted,
    }),
    NO_OUTCOMES,
  );
}

/** Durations of all mutations that settled, merged by the store on its own grid. */
export async function readDurations(store: Store, { window, service }: Asked): Promise<Histogram> {
  const rows = await store.histograms({ ...settledDurations({ service }), range: window.range });
  return rows.map((row) => row.histogram).reduce(merge, EMPTY_HISTOGRAM);
}

export function settledDurations(scope: Scope) {
  return {
    metric: 'vigil.mutation.duration',
    where: { 'vigil.mutation.outcome': SETTLED_OUTCOMES },
    ...scope,
  } as const;
}

/** Failures by error type, by count. */
export async function readErrors(
  store: Store,
  { window, service }: Asked,
  where: Question['where'] = {},
): Promise<readonly ErrorFacts[]> {
  const rows = await store.histograms({
    metric: 'vigil.mutation.duration',
    range: window.range,
    by: ['error.type'],
    where: { ...where, 'vigil.mutation.outcome': ['failure'] },
    service,
  });
  const counts = new Map<string, number>();
  for (const { key, histogram } of rows) {
    const errorType = key[0] === '' ? OTHER : key[0];
    counts.set(errorType, (counts.get(errorType) ?? 0) + histogram.count);
  }
  return descending(
    [...counts].map(([errorType, count]) => ({ errorType, count })),
    (error) => error.count,
    (error) => error.errorType,
  );
}

/** Number of fields selected, over all mutations; undefined when none was reported. */
export async function readComplexity(store: Store, { window, service }: Asked): Promise<Histogram | undefined> {
  const rows = await store.histograms({ metric: 'vigil.mutation.complexity', range: window.range, service });
  const all = rows.map((row) => row.histogram).reduce(merge, EMPTY_HISTOGRAM);
  return all.count > 0 ? all : undefined;
}
