import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { OwnMetrics } from '../../metrics.ts';
import type { Door } from '../../otlp/attributes.ts';
import type { Receiver } from '../../otlp/receiver.ts';
import { type StreamLimits, StreamTable } from '../../otlp/streams.ts';
import type { TimeLimits } from '../../otlp/temporality.ts';
import type { Store, StoreState, TimeRange } from '../port.ts';
import { Arrivals } from './arrivals.ts';
import { Checkpoints } from './checkpoints.ts';
import { withClientNumbers, withClientTables } from './client-routing.ts';
import { ClientTables } from './clients.ts';
import { explain, openDatabase, StoreFileError, StoreGoneError, takeFiles } from './database.ts';
import { exportLines } from './export.ts';
import { Ingest } from './ingest.ts';
import { type FsyncPolicy, Journal } from './journal.ts';
import { MendedBlocks } from './mended-blocks.ts';
import { OpenMinutes } from './minutes.ts';
import { Persistence } from './persistence.ts';
import { recover } from './recovery.ts';
import { MINUTE_RETENTION_MS, Retention } from './retention.ts';
import { RollUps } from './roll-ups.ts';
import { DEFAULT_SERIES_LIMITS, SeriesDirectory, type SeriesLimits } from './series.ts';
import { SpanShelf } from './spans.ts';
import { EmbeddedStore } from './store.ts';
import { registerStoreMetrics } from './store-metrics.ts';

const DAY_MS = 24 * 3_600_000;
const CHECKPOINT_INTERVAL_MS = 60_000;
/**
 * How often it is looked whether a checkpoint or a roll-up is due, whether the files are where they were, or whether a disk
 * that refused writes takes them again.
 */
const TICK_MS = 5_000;
/** Between two steps of roll-ups others have their turn: longer ones while nothing is behind. */
const ROLL_UP_PAUSE_MS = 25;
const CATCH_UP_PAUSE_MS = 1;
const DATABASE_NAME = 'vigil.db';

export interface EmbeddedStoreOptions {
  readonly directory: string;
  readonly retentionDays: number;
  readonly metrics: OwnMetrics;
  readonly log: StoreLog;
  /** 'grouped' when absent. */
  readonly fsync?: FsyncPolicy;
  /** How values are kept; addresses of clients as they are when absent. */
  readonly door?: Door;
  readonly limits?: SeriesLimits;
  readonly streamLimits?: StreamLimits;
  /** What is believed of points' times; absent: what the contract says of points that are sent. */
  readonly timeLimits?: TimeLimits;
  /** Unix ms; the system's clock when absent. */
  readonly now?: () => number;
  /** Others have their turn after so much of a checkpoint, ms; 1 when absent. */
  readonly sliceMs?: number;
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
  /**
   * What the store holds of a span of time, as lines of OTLP/JSON.
   * @param onDamage told of each period that cannot be read; the others go on
   */
  exportLines(range: TimeRange, onDamage: (error: StoreFileError) => void): Iterable<string>;
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
    exportLines: (range, onDamage) => opened.exportLines(range, onDamage),
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
  readonly #clients = new ClientTables();
  readonly #minutes: OpenMinutes;
  readonly #journal: Journal;
  readonly #persistence: Persistence;
  readonly #checkpoints: Checkpoints;
  readonly #rollUps: RollUps;
  readonly #databaseFile: string;
  readonly #inode: bigint | undefined;
  #closeDatabase: (keepsLog: boolean) => void;
  readonly #options: EmbeddedStoreOptions;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #rollUpTimer: NodeJS.Timeout | undefined;
  #lastCheckpointMs: number;
  #refusing: string | undefined;
  #refusingSinceMs: number | undefined;

  constructor(options: EmbeddedStoreOptions) {
    const { directory, metrics, log } = options;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    makeDirectory(directory);
    this.#directory = new SeriesDirectory(options.limits ?? DEFAULT_SERIES_LIMITS, this.#now);
    this.#streams = new StreamTable(withClientNumbers(this.#directory, this.#clients), options.streamLimits);
    this.#minutes = new OpenMinutes(this.#directory);
    const databaseFile = join(directory, DATABASE_NAME);
    this.#databaseFile = databaseFile;
    const database = openDatabase(databaseFile, options.fsync !== 'never', log);
    this.#inode = inodeOf(databaseFile);
    this.#closeDatabase = () => database.close();
    this.#persistence = new Persistence(database, this.#directory, this.#streams, this.#spans, this.#clients);
    this.#journal = new Journal(directory, options.fsync ?? 'grouped', (error) => this.#refuse(error));
    this.#load();
    this.ingest = this.#createIngest();
    const files = options.fsync === 'never' ? undefined : takeFiles(database, databaseFile);
    if (files !== undefined) this.#closeDatabase = files.close;
    const mended = new MendedBlocks(this.#directory, this.#persistence.blocks, log);
    const parts = {
      directory: this.#directory,
      streams: this.#streams,
      spans: this.#spans,
      clients: this.#clients,
      minutes: this.#minutes,
      journal: this.#journal,
      persistence: this.#persistence,
      blocks: mended,
      files,
      ingest: this.ingest,
      metrics,
      retentionMs: options.retentionDays * DAY_MS,
      sliceMs: options.sliceMs,
      now: this.#now,
    };
    const retention = new Retention(parts);
    this.#checkpoints = new Checkpoints({ ...parts, retention });
    this.#rollUps = new RollUps(this.#directory, this.#persistence.blocks, mended, this.#now);
    const first = numberOr(this.#persistence.meta('journal'), 1);
    const recovered = recover(this.#journal, first, (record) => this.ingest.replay(record), log);
    this.#checkpoints.isPending = recovered.records > 0;
    this.#lastCheckpointMs = this.#now();
    // On a full disk this fails, and the store answers all the same: the journal's files stay until it succeeds.
    this.#checkpoints.begin(false, (error) => this.#ended(error));
    this.reader = new EmbeddedStore(
      { ...parts, blocks: this.#persistence.blocks, state: () => this.#state() },
      this.#now,
    );
    registerStoreMetrics(metrics, {
      ...parts,
      retention,
      recovered,
      databaseFile,
      checkpoints: this.#checkpoints,
      isRefusing: () => this.#refusing !== undefined,
    });
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#checkpointAtOnce();
    clearTimeout(this.#rollUpTimer);
    this.#journal.close();
    // SQLite itself leaves the log of a database that is gone.
    this.#closeDatabase(this.#checkpoints.isOwing && this.#isInPlace);
  }

  exportLines(range: TimeRange, onDamage: (error: StoreFileError) => void): Iterable<string> {
    this.#checkpointAtOnce();
    return exportLines(this.#directory, this.#persistence.blocks, range, onDamage);
  }

  #load(): void {
    try {
      this.#persistence.load(this.#now());
    } catch (error) {
      this.#closeDatabase(false);
      throw new StoreFileError(explain(this.#databaseFile, error), { cause: error });
    }
  }

  #createIngest(): Ingest {
    const ingest = new Ingest({
      streams: this.#streams,
      sink: withClientTables(this.#minutes, this.#clients),
      door: this.#options.door,
      spans: this.#spans,
      edges: this.#directory.edges,
      journal: this.#journal,
      watchedSinceMs: this.#creation(),
      timeLimits: this.#options.timeLimits,
      arrivals: new Arrivals(this.#persistence.meta('arrivals')),
      metrics: this.#options.metrics,
      now: this.#now,
      refusing: () => this.#refusing,
      refuse: (error) => this.#refuse(error),
      taken: () => this.#taken(),
    });
    ingest.newestPointMs = numberOr(this.#persistence.meta('newestPointMs'), undefined);
    ingest.lastArrivalMs = numberOr(this.#persistence.meta('lastArrivalMs'), undefined);
    return ingest;
  }

  /** When the store was made, Unix ms. */
  #creation(): number {
    const known = numberOr(this.#persistence.meta('createdMs'), undefined);
    if (known !== undefined) return known;
    const now = this.#now();
    this.#persistence.setMeta('createdMs', String(now));
    return now;
  }

  /** Called after each request that was taken. */
  #taken(): void {
    this.#checkpoints.isPending = true;
    // Whoever sends more than a checkpoint can take away meanwhile waits for it.
    if (this.#checkpoints.isFull) this.#checkpoints.finish();
    if (this.#checkpoints.isFull) this.#beginCheckpoint();
  }

  #tick(): void {
    this.ingest.noteClock(this.#now());
    if (this.#areFilesGone()) return;
    // A clock that was put back says as little about when that was as one that was put forward.
    const isDue = Math.abs(this.#now() - this.#lastCheckpointMs) >= CHECKPOINT_INTERVAL_MS;
    const isNeeded = this.#checkpoints.isPending || this.#streams.isCrowded;
    if (this.#refusing !== undefined) this.#recover();
    else if (this.#checkpoints.isUnderWay) return;
    else if (!this.#journal.isInPlace) {
      this.#options.log.warn({}, 'a journal file was removed: what it held is in memory, and goes to the database');
      this.#beginCheckpoint();
    } else if (isDue && isNeeded) this.#beginCheckpoint();
    else if (this.#rollUpTimer === undefined) this.#rollUp();
  }

  /** Rolls up step by step what is due. */
  #rollUp(): void {
    this.#rollUpTimer = undefined;
    if (this.#refusing !== undefined || this.#checkpoints.isUnderWay) return;
    try {
      if (!this.#rollUps.step()) return;
    } catch (error) {
      this.#refuse(error);
      return;
    }
    const pauseMs = this.#rollUps.isBehind ? CATCH_UP_PAUSE_MS : ROLL_UP_PAUSE_MS;
    this.#rollUpTimer = setTimeout(() => this.#rollUp(), pauseMs);
    this.#rollUpTimer.unref();
  }

  /** Begins to write what is open; when that fails it stays in memory and in the journal, and new data is refused. */
  #beginCheckpoint(): void {
    if (this.#areFilesGone()) return;
    this.#lastCheckpointMs = this.#now();
    this.#checkpoints.begin(false, (error) => this.#ended(error));
  }

  /** Writes all that is not written yet. */
  #checkpointAtOnce(): void {
    this.#checkpoints.finish();
    if (this.#areFilesGone()) return;
    if (!this.#checkpoints.isPending && !this.#checkpoints.isOwing) return;
    this.#lastCheckpointMs = this.#now();
    this.#checkpoints.write(false, (error) => this.#ended(error));
  }

  /** Whether the disk takes data again is found out in one go: nobody can send meanwhile. */
  #recover(): void {
    this.#checkpoints.finish();
    this.#lastCheckpointMs = this.#now();
    this.#checkpoints.write(true, (error) => {
      this.#ended(error);
      if (error !== undefined) return;
      this.#options.log.info({}, 'new data is taken again');
      this.#refusing = undefined;
      this.#refusingSinceMs = undefined;
    });
  }

  #ended(error: unknown): void {
    if (error !== undefined) this.#refuse(error);
    // Roll-ups waited for it.
    else if (this.#rollUps.isBehind && this.#rollUpTimer === undefined) this.#rollUp();
  }

  /** Whether the database that is open can still be found by its name, under which another one may lie. */
  get #isInPlace(): boolean {
    return inodeOf(this.#databaseFile) === this.#inode;
  }

  /**
   * Refuses new data when the database's file is gone, or another one lies in its place. An open file takes what is written
   * into it though nobody can find it any more, and loses it when it is closed.
   */
  #areFilesGone(): boolean {
    if (this.#isInPlace) return false;
    this.#refuse();
    return true;
  }

  #refuse(error?: unknown): void {
    const cause = this.#isInPlace ? error : new StoreGoneError(this.#databaseFile);
    const reason = reasonOf(cause);
    if (this.#refusing !== reason) this.#options.log.error({ err: cause }, `new data is refused: ${reason}`);
    this.#refusing = reason;
    this.#refusingSinceMs ??= this.#now();
  }

  #state(): StoreState {
    return {
      newestPointMs: this.ingest.newestPointMs,
      lastArrivalMs: this.ingest.lastArrivalMs,
      minuteRetentionMs: MINUTE_RETENTION_MS,
      retentionMs: this.#options.retentionDays * DAY_MS,
      services: this.#directory.services,
      arrivals: this.ingest.arrivals.byService,
      versions: this.#directory.versions,
      sharedIdentityExports: this.ingest.sharedIdentities.lastHour(this.#now()),
      rejectedLastHour: this.ingest.rejected.total(this.#now()),
      refusing: this.#refusing,
      refusingSinceMs: this.#refusingSinceMs,
    };
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof StoreGoneError) return 'the data directory was removed, moved or replaced';
  return error instanceof StoreFileError ? 'the store is damaged' : 'the data directory cannot be written';
}

/** What tells a file from others of its name, to SQLite as well; undefined when there is none. */
function inodeOf(file: string): bigint | undefined {
  try {
    return statSync(file, { bigint: true }).ino;
  } catch {
    return undefined;
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
