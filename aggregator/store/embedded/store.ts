import type {
  ClientsAnswer,
  ClientsQuestion,
  CountRow,
  HistogramRow,
  MutationSpan,
  Question,
  SeriesQuestion,
  SpanQuestion,
  Step,
  Store,
  StoreState,
} from '../port.ts';
import { CountAccumulator, type Grouping, HistogramAccumulator } from './accumulate.ts';
import { type RowVisitor, visitBlock, visitRows } from './block.ts';
import type { ClientTables } from './clients.ts';
import { createSeriesGrouper } from './grouping.ts';
import { MINUTE_RETENTION_MS } from './retention.ts';
import type { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';
import type { SpanShelf } from './spans.ts';
import { type BlockSource, cover, LIFETIME } from './tiers.ts';

const MINUTE_MS = 60_000;

/** What the reading side needs of the writing side. */
export interface StoreContents {
  readonly directory: SeriesDirectory;
  readonly blocks: BlockSource;
  /** Minutes since 1970 that are not, or not wholly, in a block yet. */
  readonly minutes: { readonly tables: ReadonlyMap<number, RowTable> };
  readonly spans: SpanShelf;
  readonly clients: ClientTables;
  state(): StoreState;
}

/** Answers questions from the blocks and the open minutes. Exact to the minute, as far back as minutes are kept. */
export class EmbeddedStore implements Store {
  readonly #contents: StoreContents;
  readonly #now: () => number;
  readonly #group: (question: Omit<Question, 'range'>) => Grouping;

  constructor(contents: StoreContents, now: () => number) {
    this.#contents = contents;
    this.#now = now;
    this.#group = createSeriesGrouper(contents.directory);
  }

  async counts(question: Question): Promise<CountRow[]> {
    const grouping = this.#group(question);
    return this.#counts(grouping, (visitor) => this.#visit(question.range.fromMs, question.range.toMs, visitor));
  }

  async histograms(question: Question): Promise<HistogramRow[]> {
    const grouping = this.#group(question);
    return this.#histograms(grouping, (visitor) => this.#visit(question.range.fromMs, question.range.toMs, visitor));
  }

  async countSteps(question: SeriesQuestion): Promise<Step<CountRow>[]> {
    const grouping = this.#group(question);
    return stepsOf(question).map(([startMs, endMs]) => ({
      startMs,
      rows: this.#counts(grouping, (visitor) => this.#visit(startMs, endMs, visitor)),
    }));
  }

  async histogramSteps(question: SeriesQuestion): Promise<Step<HistogramRow>[]> {
    const grouping = this.#group(question);
    return stepsOf(question).map(([startMs, endMs]) => ({
      startMs,
      rows: this.#histograms(grouping, (visitor) => this.#visit(startMs, endMs, visitor)),
    }));
  }

  async lifetimeCounts(question: Omit<Question, 'range'>): Promise<CountRow[]> {
    return this.#counts(this.#group(question), (visitor) => this.#visitLifetime(visitor));
  }

  async lifetimeHistograms(question: Omit<Question, 'range'>): Promise<HistogramRow[]> {
    return this.#histograms(this.#group(question), (visitor) => this.#visitLifetime(visitor));
  }

  async slowestSpans(question: SpanQuestion, limit: number): Promise<MutationSpan[]> {
    return this.#contents.spans.slowest(question, limit);
  }

  async failedSpans(question: SpanQuestion, limit: number): Promise<MutationSpan[]> {
    return this.#contents.spans.failed(question, limit);
  }

  async clients({ range, service }: ClientsQuestion): Promise<ClientsAnswer> {
    return this.#contents.clients.read(range, service);
  }

  state(): StoreState {
    return this.#contents.state();
  }

  #counts(grouping: Grouping, visit: (visitor: RowVisitor) => void): CountRow[] {
    const accumulator = new CountAccumulator(grouping);
    visit(accumulator);
    const rows = grouping.keys.map((key, group) => ({ key, value: accumulator.totals[group] }));
    return rows.filter(({ value }) => value !== 0);
  }

  #histograms(grouping: Grouping, visit: (visitor: RowVisitor) => void): HistogramRow[] {
    const accumulator = new HistogramAccumulator(this.#contents.directory, grouping);
    visit(accumulator);
    const rows = accumulator.results().map((histogram, group) => ({ key: grouping.keys[group], histogram }));
    return rows.filter(({ histogram }) => histogram.count > 0);
  }

  #visit(fromMs: number, toMs: number, visitor: RowVisitor): void {
    const { blocks, minutes } = this.#contents;
    const from = Math.floor(fromMs / MINUTE_MS);
    const to = Math.ceil(toMs / MINUTE_MS);
    const oldestMinute = Math.ceil((this.#now() - MINUTE_RETENTION_MS) / MINUTE_MS);
    cover(blocks, from, to, oldestMinute, visitor);
    for (const [minute, rows] of minutes.tables) if (minute >= from && minute < to) visitRows(rows, visitor);
  }

  #visitLifetime(visitor: RowVisitor): void {
    const total = this.#contents.blocks.block(LIFETIME, 0);
    if (total !== undefined) visitBlock(total, visitor);
    for (const rows of this.#contents.minutes.tables.values()) visitRows(rows, visitor);
  }
}

function stepsOf({ range, stepSeconds }: SeriesQuestion): [startMs: number, endMs: number][] {
  const stepMs = stepSeconds * 1000;
  const out: [number, number][] = [];
  for (let startMs = range.fromMs; startMs < range.toMs; startMs += stepMs) out.push([startMs, startMs + stepMs]);
  return out;
}
