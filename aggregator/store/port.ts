import type { MetricName } from '@vigil/semconv';
import type { Client } from '../domain/clients.ts';
import type { Histogram } from '../domain/histogram.ts';

/** A span of time, in Unix milliseconds: from <= t < to. */
export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Attributes by which rows of an answer are told apart, and their values: '' where a series lacks the attribute. */
export type GroupKey = readonly string[];

/** What is asked about one metric. */
export interface Question {
  readonly metric: MetricName;
  readonly range: TimeRange;
  /** Attribute keys (`service.name` and `service.version` too) that rows are grouped by, in the order of `GroupKey`; one row for all when absent. */
  readonly by?: readonly string[];
  /** Only this `service.name`. */
  readonly service?: string;
  /** Only series whose attribute has one of these values. */
  readonly where?: Readonly<Record<string, readonly string[]>>;
}

/** The same question for adjoining steps of equal length. */
export interface SeriesQuestion extends Question {
  /** Multiple of 60. */
  readonly stepSeconds: number;
}

export interface CountRow {
  readonly key: GroupKey;
  /** Sum of what was added in the range. */
  readonly value: number;
}

export interface HistogramRow {
  readonly key: GroupKey;
  readonly histogram: Histogram;
}

export interface Step<Row> {
  readonly startMs: number;
  readonly rows: readonly Row[];
}

/** A mutation's span that was kept because it was slow or failed. */
export interface MutationSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  readonly service: string;
  readonly mutation: string;
  readonly outcome: string;
  /** '' when it succeeded. */
  readonly errorType: string;
  readonly endMs: number;
  readonly durationMs: number;
}

export interface SpanQuestion {
  readonly range: TimeRange;
  readonly service?: string;
  readonly mutation?: string;
}

export interface ClientsQuestion {
  readonly range: TimeRange;
  /** Only this `service.name`. */
  readonly service?: string;
}

/** Who met refusals in the hours that a range touches. */
export interface ClientsAnswer {
  /** A client stands once for each hour and service; see `mergeClients`. */
  readonly clients: readonly Client[];
  /** Whether every client was told apart and kept; else there were at least these. */
  readonly isComplete: boolean;
}

/** Where the data stands. */
export interface StoreState {
  /** When the newest point that was taken says it was measured, Unix ms; undefined before the first. */
  readonly newestPointMs: number | undefined;
  /** When the last point was taken, Unix ms; undefined before the first. */
  readonly lastArrivalMs: number | undefined;
  /** How far back minutes, and anything at all, can be asked for, in ms. */
  readonly minuteRetentionMs: number;
  readonly retentionMs: number;
  /** Every `service.name` seen. */
  readonly services: readonly string[];
  /** When each service last sent something, Unix ms; of a service that is missing nothing is known. */
  readonly arrivals: ReadonlyMap<string, number>;
  /** Every `service.version` of each service, the newest last, '' among them where one was left out; absent where their order is not known. */
  readonly versions?: ReadonlyMap<string, readonly string[]>;
  /** Exports of the last hour that contradicted the one before, as those of several processes under one identity do, by service; absent where that is not known. */
  readonly sharedIdentityExports?: ReadonlyMap<string, number>;
  /** Points of the last hour that were not taken; absent where that is not known. */
  readonly rejectedLastHour?: number;
  /** Whether it takes new data, and if not, why. */
  readonly refusing: string | undefined;
  /** Unix ms; since when. */
  readonly refusingSinceMs?: number | undefined;
  /** Whether what is said here about data may be old, because whoever holds it does not answer; false when absent. */
  readonly isUnknown?: boolean;
}

/**
 * What every answer is made from. Two stores stand behind it: the embedded one, and a Prometheus-compatible server.
 * Answers hold only rows in which something happened. A store that cannot answer throws `StoreUnavailable`.
 */
export interface Store {
  counts(question: Question): Promise<readonly CountRow[]>;
  histograms(question: Question): Promise<readonly HistogramRow[]>;
  countSteps(question: SeriesQuestion): Promise<readonly Step<CountRow>[]>;
  histogramSteps(question: SeriesQuestion): Promise<readonly Step<HistogramRow>[]>;
  /** Totals since the store began: never fall, whatever retention drops. Those of a Prometheus server begin anew at fixed times. */
  lifetimeCounts(question: Omit<Question, 'range'>): Promise<readonly CountRow[]>;
  lifetimeHistograms(question: Omit<Question, 'range'>): Promise<readonly HistogramRow[]>;
  /** Slowest first, at most `limit`. */
  slowestSpans(question: SpanQuestion, limit: number): Promise<readonly MutationSpan[]>;
  /** Newest first, at most `limit`. */
  failedSpans(question: SpanQuestion, limit: number): Promise<readonly MutationSpan[]>;
  /** Clients are kept for as long as minutes are, the 1,000 worst of each hour. */
  clients(question: ClientsQuestion): Promise<ClientsAnswer>;
  state(): StoreState;
}

/** The store cannot answer now; the cause is for the log, the message for the client. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
  readonly retryAfterSeconds: number;
  constructor(message: string, retryAfterSeconds: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}
