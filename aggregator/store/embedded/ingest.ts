import type { OwnMetrics } from '../../metrics.ts';
import type { Door } from '../../otlp/attributes.ts';
import { PointBatch } from '../../otlp/batch.ts';
import { decodeBatch, encodeBatch } from '../../otlp/batch-record.ts';
import { withDecompressed } from '../../otlp/decompress.ts';
import type { IncrementSink } from '../../otlp/increments.ts';
import { LastHour } from '../../otlp/last-hour.ts';
import { JsonMetricsDecoder } from '../../otlp/metrics-json.ts';
import { MetricsDecoder } from '../../otlp/metrics-protobuf.ts';
import { type Accepted, BodyError, type ReceivedBody, type Receiver } from '../../otlp/receiver.ts';
import { describeRejected, nothingRead, REJECT_REASONS } from '../../otlp/rejections.ts';
import { SharedIdentities } from '../../otlp/shared-identities.ts';
import { decodeSpans } from '../../otlp/spans.ts';
import type { StreamTable } from '../../otlp/streams.ts';
import { Temporality, TIME_LIMITS, type TimeLimits } from '../../otlp/temporality.ts';
import type { MutationSpan } from '../port.ts';
import type { Arrivals } from './arrivals.ts';
import type { Journal, JournalRecord } from './journal.ts';
import * as kinds from './journal.ts';
import type { SpanShelf } from './spans.ts';

const RETRY_AFTER_SECONDS = 5;

export interface IngestParts {
  readonly streams: StreamTable;
  readonly sink: IncrementSink;
  /** How values are kept. */
  readonly door: Door | undefined;
  readonly spans: SpanShelf;
  readonly edges: readonly Float64Array[];
  readonly journal: Journal;
  /** When the store was made, Unix ms. */
  readonly watchedSinceMs: number;
  readonly timeLimits: TimeLimits | undefined;
  readonly arrivals: Arrivals;
  readonly metrics: OwnMetrics;
  now(): number;
  /** Why nothing may be taken now; undefined when it may. */
  refusing(): string | undefined;
  /** Called when the journal could not be written. */
  refuse(error: unknown): void;
  /** Called after each request of which something was taken. */
  taken(): void;
}

/** From a body to minutes: decode wholly, write to the journal, apply. A step that fails leaves nothing of the later ones. */
export class Ingest implements Receiver {
  newestPointMs: number | undefined;
  lastArrivalMs: number | undefined;
  readonly arrivals: Arrivals;
  readonly sharedIdentities = new SharedIdentities();
  /** Points that were not taken. */
  readonly rejected = new LastHour();
  readonly #parts: IngestParts;
  readonly #protobuf: MetricsDecoder;
  readonly #json: JsonMetricsDecoder;
  readonly #temporality: Temporality;
  readonly #batch = new PointBatch();
  readonly #counters: ReturnType<typeof registerCounters>;

  constructor(parts: IngestParts) {
    this.#parts = parts;
    this.arrivals = parts.arrivals;
    this.#protobuf = new MetricsDecoder(parts.streams, parts.door);
    this.#json = new JsonMetricsDecoder(parts.streams, parts.door);
    this.#temporality = new Temporality(parts.streams, parts.sink, parts.watchedSinceMs, parts.timeLimits);
    this.#counters = registerCounters(parts.metrics);
  }

  /** After a clock was put back, what was noted before must not seem new for as long as it had been ahead. */
  noteClock(nowMs: number): void {
    if (this.lastArrivalMs !== undefined) this.lastArrivalMs = Math.min(this.lastArrivalMs, nowMs);
    const { aheadMs } = this.#parts.timeLimits ?? TIME_LIMITS;
    if (this.newestPointMs !== undefined && this.newestPointMs > nowMs + aheadMs) this.newestPointMs = nowMs;
  }

  take(body: ReceivedBody): Accepted {
    const refusing = this.#parts.refusing();
    if (refusing !== undefined) throw new BodyError('unavailable', `Not taken: ${refusing}.`, RETRY_AFTER_SECONDS);
    const take = (bytes: Uint8Array) =>
      body.signal === 'metrics' ? this.#takeMetrics(body, bytes) : this.#takeSpans(body, bytes);
    return body.gzip ? withDecompressed(body.bytes, take) : take(body.bytes);
  }

  /** Applies a record of the journal as it was applied when it was received. */
  replay({ kind, receivedMs, body }: JournalRecord): void {
    const batch = this.#batch;
    if (kind === kinds.SPANS) {
      for (const span of JSON.parse(Buffer.from(body).toString()) as MutationSpan[]) this.#parts.spans.offer(span);
      return;
    }
    if (kind === kinds.POINTS) decodeBatch(body, this.#parts.streams, batch);
    else {
      const gzip = kind === kinds.METRICS_PROTOBUF_GZIP || kind === kinds.METRICS_JSON_GZIP;
      const isJson = kind === kinds.METRICS_JSON || kind === kinds.METRICS_JSON_GZIP;
      const decode = (bytes: Uint8Array) => this.#decode(isJson ? 'json' : 'protobuf', bytes);
      if (gzip) withDecompressed(body, decode);
      else decode(body);
    }
    this.#apply(receivedMs);
  }

  #takeMetrics(body: ReceivedBody, bytes: Uint8Array): Accepted {
    const batch = this.#batch;
    this.#decode(body.encoding, bytes);
    const now = this.#parts.now();
    if (batch.points > 0) {
      if (batch.clean) this.#append(recordKind(body), now, body.bytes);
      else this.#append(kinds.POINTS, now, encodeBatch(batch, this.#parts.streams, this.#parts.edges));
    }
    this.#apply(now);
    this.#count(now);
    if (batch.points > 0) this.#parts.taken();
    return batch.isForeign ? nothingRead('resourceMetrics') : describeRejected(batch.rejected);
  }

  #takeSpans(body: ReceivedBody, bytes: Uint8Array): Accepted {
    const { spans, isForeign } = decodeSpans(bytes, body.encoding);
    if (isForeign) return nothingRead('resourceSpans');
    const kept = spans.filter((span) => this.#parts.spans.wants(span));
    if (kept.length > 0) {
      this.#append(kinds.SPANS, this.#parts.now(), Buffer.from(JSON.stringify(kept)));
      for (const span of kept) this.#parts.spans.offer(span);
      this.#parts.taken();
    }
    return { rejected: 0, message: '' };
  }

  #decode(encoding: 'protobuf' | 'json', bytes: Uint8Array): void {
    this.#batch.reset();
    if (encoding === 'json') this.#json.decode(bytes, this.#batch);
    else this.#protobuf.decode(bytes, this.#batch);
  }

  #append(kind: number, now: number, bytes: Uint8Array): void {
    try {
      this.#parts.journal.append(kind, now, bytes);
    } catch (error) {
      this.#parts.refuse(error);
      throw new BodyError('unavailable', 'Not taken: the data directory cannot be written.', RETRY_AFTER_SECONDS);
    }
  }

  #apply(now: number): void {
    const applied = this.#temporality.apply(this.#batch, now);
    this.#counters.points.add({ result: 'taken' }, applied.taken);
    this.#counters.points.add({ result: 'duplicate' }, applied.duplicates);
    this.#counters.points.add({ result: 'baseline' }, applied.baselines);
    this.arrivals.note(applied.senders, now);
    for (const service of applied.shared) this.sharedIdentities.note(service, now);
    if (applied.taken > 0) {
      this.lastArrivalMs = now;
      this.newestPointMs = Math.max(this.newestPointMs ?? 0, applied.newestMs);
    }
  }

  #count(now: number): void {
    const { ignored, empty, rejected } = this.#batch;
    this.#counters.points.add({ result: 'ignored' }, ignored);
    this.#counters.points.add({ result: 'empty' }, empty);
    for (const [reason, { points }] of rejected) {
      this.#counters.rejected.add({ reason }, points);
      this.rejected.add(points, now);
    }
  }
}

function registerCounters(metrics: OwnMetrics) {
  return {
    points: metrics.counter('aggregator_points_total', 'Data points received, by what became of them.', {
      result: ['taken', 'duplicate', 'baseline', 'ignored', 'empty'],
    }),
    rejected: metrics.counter('aggregator_points_rejected_total', 'Data points that were not taken, by reason.', {
      reason: REJECT_REASONS,
    }),
  };
}

function recordKind({ encoding, gzip }: ReceivedBody): number {
  if (encoding === 'json') return gzip ? kinds.METRICS_JSON_GZIP : kinds.METRICS_JSON;
  return gzip ? kinds.METRICS_PROTOBUF_GZIP : kinds.METRICS_PROTOBUF;
}
