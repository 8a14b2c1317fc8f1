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
  TimeRange,
} from '../port.ts';
import { CountAccumulator, type Grouping, HistogramAccumulator } from './accumulate.ts';
import { visitRows } from './block.ts';
import type { ClientTables } from './clients.ts';
import { type Accumulator, ClosedSums } from './closed-sums.ts';
import { createSeriesGrouper } from './grouping.ts';
import { MINUTE_RETENTION_MS } from './retention.ts';
import type { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';
import type { SpanShelf } from './spans.ts';
import { type BlockSource, cover, coverLife, type Run } from './tiers.ts';

const MINUTE_MS = 60_000;

/** What the reading side needs of the writing side. */
export interface StoreContents {
  readonly directory: SeriesDirectory;
  readonly blocks: BlockSource;
  /** Minutes since 1970 that are not, or not wholly, in a block yet. */
  readonly minutes: {
    readonly tables: ReadonlyMap<number, RowTable>;
    readonly closing: ReadonlyMap<number, RowTable>;
  };
  readonly spans: SpanShelf;
  readonly clients: ClientTables;
  state(): StoreState;
}

/** Answers questions from the blocks and the open minutes. Exact to the minute, as far back as minutes are kept. */
export class EmbeddedStore implements Store {
  readonly #contents: StoreContents;
  readonly #now: () => number;
  readonly #closed: ClosedSums;
  readonly #group: (question: Omit<Question, 'range'>) => Grouping;

  constructor(contents: StoreContents, now: () => number) {
    this.#contents = contents;
    this.#now = now;
    this.#closed = new ClosedSums(contents.blocks);
    this.#group = createSeriesGrouper(contents.directory);
  }

  async counts(question: Question): Promise<CountRow[]> {
    return this.#counts(this.#group(question), minutesOf(question.range));
  }

  async histograms(question: Question): Promise<HistogramRow[]> {
    return this.#histograms(this.#group(question), minutesOf(question.range));
  }

  async countSteps(question: SeriesQuestion): Promise<Step<CountRow>[]> {
    const grouping = this.#group(question);
    return stepsOf(question).map((range) => ({
      startMs: range.fromMs,
      rows: this.#counts(grouping, minutesOf(range)),
    }));
  }

  async histogramSteps(question: SeriesQuestion): Promise<Step<HistogramRow>[]> {
    const grouping = this.#group(question);
    return stepsOf(question).map((range) => ({
      startMs: range.fromMs,
      rows: this.#histograms(grouping, minutesOf(range)),
    }));
  }

  async lifetimeCounts(question: Omit<Question, 'range'>): Promise<CountRow[]> {
    return this.#counts(this.#group(question), ALWAYS);
  }

  async lifetimeHistograms(question: Omit<Question, 'range'>): Promise<HistogramRow[]> {
    return this.#histograms(this.#group(question), ALWAYS);
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

  #counts(grouping: Grouping, span: Minutes): CountRow[] {
    if (grouping.keys.length === 0) return [];
    const accumulator = this.#accumulate(`counts ${grouping.number}`, span, () => new CountAccumulator(grouping));
    const rows = grouping.keys.map((key, group) => ({ key, value: accumulator.totals[group] }));
    return rows.filter(({ value }) => value !== 0);
  }

  #histograms(grouping: Grouping, span: Minutes): HistogramRow[] {
    if (grouping.keys.length === 0) return [];
    const create = () => new HistogramAccumulator(this.#contents.directory, grouping);
    const accumulator = this.#accumulate(`histograms ${grouping.number}`, span, create);
    const rows = accumulator.results().map((histogram, group) => ({ key: grouping.keys[group], histogram }));
    return rows.filter(({ histogram }) => histogram.count > 0);
  }

  /** @returns an accumulator that holds the blocks and the open minutes of a span */
  #accumulate<Sums extends { readonly byteLength: number }, Kind extends Accumulator<Sums>>(
    name: string,
    span: Minutes,
    create: () => Kind,
  ): Kind {
    const into = create();
    this.#closed.accumulate({ name, runs: this.#runsOf(span), create }, into);
    const { tables, closing } = this.#contents.minutes;
    for (const open of [closing, tables])
      for (const [minute, rows] of open) if (minute >= span.from && minute < span.to) visitRows(rows, into);
    return into;
  }

  #runsOf(span: Minutes): readonly Run[] {
    const { blocks } = this.#contents;
    if (span === ALWAYS) return coverLife(blocks);
    const oldestMinute = Math.ceil((this.#now() - MINUTE_RETENTION_MS) / MINUTE_MS);
    return cover(span.from, span.to, oldestMinute, blocks.sealed);
  }
}

/** Minutes since 1970: from <= minute < to. */
interface Minutes {
  readonly from: number;
  readonly to: number;
}

/** The whole life of the store. */
const ALWAYS: Minutes = { from: -Infinity, to: Infinity };

function minutesOf({ fromMs, toMs }: TimeRange): Minutes {
  return { from: Math.floor(fromMs / MINUTE_MS), to: Math.ceil(toMs / MINUTE_MS) };
}

function stepsOf({ range, stepSeconds }: SeriesQuestion): TimeRange[] {
  const stepMs = stepSeconds * 1000;
  const out: TimeRange[] = [];
  for (let fromMs = range.fromMs; fromMs < range.toMs; fromMs += stepMs) out.push({ fromMs, toMs: fromMs + stepMs });
  return out;
}
