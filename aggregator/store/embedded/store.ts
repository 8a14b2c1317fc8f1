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
import { type RowVisitor, visitBlock, visitRows } from './block.ts';
import type { ClientTables } from './clients.ts';
import { type Accumulator, type ClosedPart, ClosedSums } from './closed-sums.ts';
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
  readonly #closed: ClosedSums;
  readonly #group: (question: Omit<Question, 'range'>) => Grouping;

  constructor(contents: StoreContents, now: () => number) {
    this.#contents = contents;
    this.#now = now;
    this.#closed = new ClosedSums(() => contents.blocks.revision);
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
    const accumulator = new CountAccumulator(grouping);
    this.#accumulate(`counts ${grouping.number}`, span, accumulator);
    const rows = grouping.keys.map((key, group) => ({ key, value: accumulator.totals[group] }));
    return rows.filter(({ value }) => value !== 0);
  }

  #histograms(grouping: Grouping, span: Minutes): HistogramRow[] {
    const accumulator = new HistogramAccumulator(this.#contents.directory, grouping);
    this.#accumulate(`histograms ${grouping.number}`, span, accumulator);
    const rows = accumulator.results().map((histogram, group) => ({ key: grouping.keys[group], histogram }));
    return rows.filter(({ histogram }) => histogram.count > 0);
  }

  #accumulate<Sums extends { readonly byteLength: number }>(
    name: string,
    span: Minutes,
    into: Accumulator<Sums>,
  ): void {
    this.#closed.accumulate({ asked: `${name} ${span.to - span.from}`, ...this.#blocksOf(span) }, into);
    for (const [minute, rows] of this.#contents.minutes.tables)
      if (minute >= span.from && minute < span.to) visitRows(rows, into);
  }

  #blocksOf(span: Minutes): Omit<ClosedPart, 'asked'> {
    const { blocks } = this.#contents;
    const total = () => blocks.block(LIFETIME, 0);
    if (span === ALWAYS) return { place: '', visit: (visitor) => visitIfAny(total(), visitor) };
    const { from, to } = span;
    const oldestMinute = Math.ceil((this.#now() - MINUTE_RETENTION_MS) / MINUTE_MS);
    const place = from < oldestMinute ? `${from} ${oldestMinute}` : String(from);
    return { place, visit: (visitor) => cover(blocks, from, to, oldestMinute, visitor) };
  }
}

function visitIfAny(block: Uint8Array | undefined, visitor: RowVisitor): void {
  if (block !== undefined) visitBlock(block, visitor);
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
