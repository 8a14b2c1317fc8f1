import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnMetrics } from '../../metrics.ts';
import type { Receiver } from '../../otlp/receiver.ts';
import { StreamTable } from '../../otlp/streams.ts';
import type { TimeLimits } from '../../otlp/temporality.ts';
import type { Store, StoreState, TimeRange } from '../port.ts';
import { explain, openDatabase, StoreFileError } from './database.ts';
import { exportLines } from './export.ts';
import { Ingest } from './ingest.ts';
import { type FsyncPolicy, Journal } from './journal.ts';
import { OpenMinutes } from './minutes.ts';
import { PACK_RULES } from './pack.ts';
import { Persistence } from './persistence.ts';
import { DEFAULT_SERIES_LIMITS, SeriesDirectory, type SeriesLimits } from './series.ts';
import { SpanShelf } from './spans.ts';
import { EmbeddedStore } from './store.ts';
import { LIFETIME, mergeIntoTiers, TIER_MINUTES } from './tiers.ts';

const DAY_MS = 24 * 3_600_000;
const MINUTE_MS = 60_000;
/** Minutes are kept this long; what is older is exact to ten minutes. */
const MINUTE_RETENTION_MS = 8 * DAY_MS;
/** Stream state outlives its last point by this, so that forgetting never doubles. */
const STREAM_RETENTION_MS = 8 * DAY_MS;
const CHECKPOINT_INTERVAL_MS = 60_000;
/** How often it is looked whether a checkpoint is due, or whether a disk that refused writes takes them again. */
const TICK_MS = 5_000;
/** A journal of this size, two million points, brings the checkpoint forward: replaying it takes about a second. */
const CHECKPOINT_JOURNAL_BYTES = 64 * 1024 * 1024;
/** Minutes that may be open at once: a queue that drains hours of backlog brings the checkpoint forward, too. */
const MAX_OPEN_MINUTES = 64;

export interface EmbeddedStoreOptions {
  readonly directory: string;
  readonly retentionDays: number;
  readonly metrics: OwnMetrics;
  readonly log: StoreLog;
  /** 'grouped' when absent. */
  readonly fsync?: FsyncPolicy;
  readonly limits?: SeriesLimits;
  /** What is believed of points' times; absent: what the contract says of points that are sent. */
  readonly timeLimits?: TimeLimits;
  /** Unix ms; the system's clock when absent. */
  readonly now?: () => number;
}

/** The part of a logger that the store uses. */
export interface StoreLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface OpenedStore {
  readonly store: Store;
  readonly receiver: Receiver;
  /** What the store holds of a span of time, as lines of OTLP/JSON. */
  exportLines(range: TimeRange): Iterable<string>;
  /** Writes everything that is open and lets the directory go. */
  close(): void;
}

/**
 * Opens the embedded store in a directory of its own: reads the last checkpoint, replays the journal, and begins anew.
 * @throws StoreFileError when the directory cannot be used, is in use, or holds a store of a newer version
 */
export function openEmbeddedStore(options: EmbeddedStoreOptions): OpenedStore {
  const opened = new OpenStore(options);
  return {
    store: opened.reader,
    receiver: opened.ingest,
    exportLines: (range) => opened.exportLines(range),
    close: () => opened.close(),
  };
}

/** The writing side as a whole: minutes, blocks, streams and journal, and when each goes to the disk. */
class OpenStore {
  readonly reader: EmbeddedStore;
  readonly ingest: Ingest;
  readonly #directory: SeriesDirectory;
  readonly #streams: StreamTable;
  readonly #spans = new SpanShelf();
  readonly #minutes: OpenMinutes;
  readonly #journal: Journal;
  readonly #persistence: Persistence;
  readonly #closeDatabase: () => void;
  readonly #options: EmbeddedStoreOptions;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #lastSweepMs = 0;
  #lastCheckpointMs: number;
  #refusing: string | undefined;
  /** Whether anything was taken since the last checkpoint. */
  #pending = false;

  constructor(options: EmbeddedStoreOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    makeDirectory(options.directory);
    this.#directory = new SeriesDirectory(options.limits ?? DEFAULT_SERIES_LIMITS, this.#now);
    this.#streams = new StreamTable(this.#directory);
    this.#minutes = new OpenMinutes(this.#directory);
    const file = join(options.directory, 'vigil.db');
    const database = openDatabase(file, options.fsync !== 'never');
    this.#closeDatabase = () => database.close();
    this.#persistence = new Persistence(database, this.#directory, this.#streams, this.#spans);
    this.#journal = new Journal(options.directory, options.fsync ?? 'grouped', (error) => this.#refuse(error));
    try {
      this.#persistence.load();
    } catch (error) {
      this.#closeDatabase();
      throw new StoreFileError(explain(file, error), { cause: error });
    }
    this.ingest = new Ingest({
      streams: this.#streams,
      minutes: this.#minutes,
      spans: this.#spans,
      edges: this.#directory.edges,
      journal: this.#journal,
      watchedSinceMs: this.#creation(),
      timeLimits: options.timeLimits,
      metrics: options.metrics,
      now: this.#now,
      refusing: () => this.#refusing,
      refuse: (error) => this.#refuse(error),
      taken: () => this.#makeRoom(),
    });
    this.ingest.newestPointMs = numberOr(this.#persistence.meta('newestPointMs'), undefined);
    this.ingest.lastArrivalMs = numberOr(this.#persistence.meta('lastArrivalMs'), undefined);
    this.#replay();
    this.reader = new EmbeddedStore(
      {
        directory: this.#directory,
        blocks: this.#persistence,
        open: this.#minutes.tables,
        spans: this.#spans,
        state: () => this.#state(),
      },
      this.#now,
    );
    this.#registerMetrics(options.metrics);
    this.#lastCheckpointMs = this.#now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    if (this.#pending) this.#checkpoint();
    this.#journal.close();
    this.#closeDatabase();
  }

  exportLines(range: TimeRange): Iterable<string> {
    if (this.#pending) this.#checkpoint();
    return exportLines(this.#directory, this.#persistence, range);
  }

  /** When the store was made, Unix ms. */
  #creation(): number {
    const known = numberOr(this.#persistence.meta('createdMs'), undefined);
    if (known !== undefined) return known;
    const now = this.#now();
    this.#persistence.setMeta('createdMs', String(now));
    return now;
  }

  /** Brings back what was acknowledged since the last checkpoint. */
  #replay(): void {
    const first = numberOr(this.#persistence.meta('journal'), 1);
    let records = 0;
    for (const sequence of this.#journal.files().filter((n) => n >= first)) {
      const end = this.#journal.replay(sequence, (record) => this.ingest.replay(record));
      records += end.records;
      if (end.tornBytes > 0)
        this.#options.log.warn(
          { journal: sequence, bytes: end.tornBytes },
          'the journal ends in the middle of a record that was never acknowledged; it is left out',
        );
    }
    this.#pending = records > 0;
    if (records > 0)
      this.#options.log.info({ requests: records }, 'brought back what was received before the last stop');
    // On a full disk this fails, and the store answers all the same: the journal's files stay until it succeeds.
    this.#checkpoint();
  }

  /** Called after each request that was taken. */
  #makeRoom(): void {
    this.#pending = true;
    if (this.#journal.size >= CHECKPOINT_JOURNAL_BYTES || this.#minutes.tables.size > MAX_OPEN_MINUTES)
      this.#checkpoint();
  }

  #tick(): void {
    const isDue = this.#now() - this.#lastCheckpointMs >= CHECKPOINT_INTERVAL_MS;
    if (this.#refusing !== undefined || (isDue && this.#pending)) this.#checkpoint();
    else this.#packOne();
  }

  /** One pack at a time, so that nobody waits for it. */
  #packOne(): void {
    try {
      PACK_RULES.some(({ tier, afterMs }) =>
        this.#persistence.packBefore(tier, Math.floor((this.#now() - afterMs) / MINUTE_MS)),
      );
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** Writes what is open; when that fails it stays in memory and in the journal, and new data is refused. */
  #checkpoint(): void {
    this.#lastCheckpointMs = this.#now();
    try {
      this.#journal.begin(this.#journal.nextSequence());
      if (this.#pending) this.#writeCheckpoint();
      this.#sweep();
    } catch (error) {
      this.#refuse(error);
      return;
    }
    if (this.#refusing !== undefined) this.#options.log.info({}, 'the data directory can be written again');
    this.#refusing = undefined;
  }

  #refuse(error: unknown): void {
    if (this.#refusing === undefined)
      this.#options.log.error({ err: error }, 'the data directory cannot be written; new data is refused until it can');
    this.#refusing = 'the data directory cannot be written';
  }

  /** Everything taken so far goes to the database; only then are the journal's older files removed. */
  #writeCheckpoint(): void {
    const sequence = this.#journal.sequence;
    this.#persistence.save({
      blocks: mergeIntoTiers(this.#directory, this.#persistence, this.#minutes.tables),
      journal: sequence,
      newestPointMs: this.ingest.newestPointMs,
      lastArrivalMs: this.ingest.lastArrivalMs,
    });
    this.#minutes.clear();
    this.#pending = false;
    for (const older of this.#journal.files()) if (older < sequence) this.#journal.remove(older);
  }

  /** Once an hour: drops what is older than it is kept. */
  #sweep(): void {
    const now = this.#now();
    if (now - this.#lastSweepMs < 3_600_000) return;
    this.#lastSweepMs = now;
    const retentionMs = this.#options.retentionDays * DAY_MS;
    for (let tier = 0; tier < LIFETIME; tier++) {
      const keptMs = TIER_MINUTES[tier] === 1 ? Math.min(MINUTE_RETENTION_MS, retentionMs) : retentionMs;
      this.#persistence.dropBefore(tier, Math.floor((now - keptMs) / MINUTE_MS));
    }
    const { instances, entries } = this.#streams.evict(now - STREAM_RETENTION_MS);
    this.#persistence.drop('instances', instances);
    this.#persistence.drop('entries', entries);
    const unreferredMs = now - Math.max(retentionMs, STREAM_RETENTION_MS) - DAY_MS;
    this.#persistence.drop('series', this.#directory.release(unreferredMs, this.#streams.seriesInUse()));
    this.#persistence.drop('spans', this.#spans.dropBefore(now - MINUTE_RETENTION_MS));
  }

  #state(): StoreState {
    return {
      newestPointMs: this.ingest.newestPointMs,
      lastArrivalMs: this.ingest.lastArrivalMs,
      minuteRetentionMs: MINUTE_RETENTION_MS,
      retentionMs: this.#options.retentionDays * DAY_MS,
      services: [...new Set(this.#directory.series.flatMap((key) => key?.service ?? []))].sort(),
      refusing: this.#refusing,
    };
  }

  #registerMetrics(metrics: OwnMetrics): void {
    metrics.gauge('aggregator_series', 'Series in the store.', () => this.#directory.size);
    metrics.gauge('aggregator_streams', 'Streams whose state is kept.', () => this.#streams.inUse);
    metrics.gauge('aggregator_journal_bytes', 'Bytes received since the last checkpoint.', () => this.#journal.size);
    metrics.gauge(
      'aggregator_refusing',
      '1 while new data is refused, because the data directory cannot be written.',
      () => (this.#refusing === undefined ? 0 : 1),
    );
    metrics.gauge('aggregator_blocks', 'Blocks on the disk.', () => this.#persistence.blocks);
    metrics.observedCounter(
      'aggregator_series_overflowed_total',
      'New series that went to an overflow series.',
      () => this.#directory.overflowed,
    );
  }
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new StoreFileError(
      `${directory} cannot be made. Create it, or set MONITORING_DATA_DIR to a directory that can be written.`,
      { cause: error },
    );
  }
}

function numberOr<Otherwise>(text: string | undefined, otherwise: Otherwise): number | Otherwise {
  return text === undefined ? otherwise : Number(text);
}
