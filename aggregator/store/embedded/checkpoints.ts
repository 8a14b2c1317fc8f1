import type { OwnCounter, OwnMetrics } from '../../metrics.ts';
import type { DatabaseFile, DatabaseFiles } from './database.ts';
import type { Ingest } from './ingest.ts';
import type { Journal } from './journal.ts';
import type { OpenMinutes } from './minutes.ts';
import type { Persistence } from './persistence.ts';
import type { Retention } from './retention.ts';
import type { SeriesDirectory } from './series.ts';
import type { Work } from './slices.ts';
import { type BlockSource, mergeOpen } from './tiers.ts';

/** A journal of this size, two million points, brings the checkpoint forward: replaying it takes about a second. */
const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;
/** Minutes that may be open at once: a queue that drains hours of backlog brings the checkpoint forward, too. */
const MAX_OPEN_MINUTES = 64;
/** Memory of their rows; many series with wide histograms reach it before. */
const MAX_OPEN_BYTES = 256 * 1024 * 1024;
const DEFAULT_SLICE_MS = 1;

export interface CheckpointParts {
  readonly directory: SeriesDirectory;
  readonly minutes: OpenMinutes;
  readonly journal: Journal;
  readonly persistence: Persistence;
  readonly blocks: BlockSource;
  /** undefined where what is written need not survive the loss of power. */
  readonly files: DatabaseFiles | undefined;
  readonly retention: Retention;
  readonly ingest: Ingest;
  readonly metrics: OwnMetrics;
  /** Others have their turn after so much work, ms; 1 when absent. */
  readonly sliceMs?: number | undefined;
}

/** @param error why it failed: everything then stays in memory and in the journal */
type Ended = (error?: unknown) => void;

interface UnderWay {
  readonly work: Work;
  readonly ended: Ended;
  readonly beganMs: number;
  longestMs: number;
  /** The file that it waits for. */
  file: DatabaseFile | undefined;
  /** Why that could not be brought onto the disk. */
  refusal: unknown;
}

/**
 * Takes what is open to the disk, so that all of it counts or nothing, and lets the journal's older files go. At its beginning
 * what is open is closed, and the journal begins a new file; the rest comes in slices, one checkpoint at a time.
 */
export class Checkpoints {
  /** How long the last one took, its waits included; undefined before the first. */
  lastSeconds: number | undefined;
  /** The longest that it kept others waiting. */
  longestSliceSeconds: number | undefined;
  /** Whether anything was taken since the last one began. */
  isPending = false;
  readonly #parts: CheckpointParts;
  readonly #counter: OwnCounter<{ result: ['written', 'failed'] }>;
  #underWay: UnderWay | undefined;
  /** Whether it is being finished in one go. */
  #isAtOnce = false;
  /** Frames of the database's log that may not be on the disk, while that is being seen to, and after it failed. */
  #owedFrames = 0;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    this.#counter = parts.metrics.counter('aggregator_checkpoints_total', 'Checkpoints, by how they ended.', {
      result: ['written', 'failed'],
    });
  }

  /** Whether a bound on what may be open is reached. */
  get isFull(): boolean {
    const { journal, minutes } = this.#parts;
    return journal.size >= MAX_JOURNAL_BYTES || minutes.count > MAX_OPEN_MINUTES || minutes.bytes > MAX_OPEN_BYTES;
  }

  /** Whether something that SQLite counts as written may not be on the disk. */
  get isOwing(): boolean {
    return this.#owedFrames > 0;
  }

  get isUnderWay(): boolean {
    return this.#underWay !== undefined;
  }

  /**
   * Begins one; none may be under way.
   * @param isRecovering whether the disk refused something lately, and must prove that it takes records again
   */
  begin(isRecovering: boolean, ended: Ended): void {
    const work = this.#write(isRecovering);
    this.#underWay = { work, ended, beganMs: performance.now(), longestMs: 0, file: undefined, refusal: undefined };
    this.#turn(work);
  }

  /** Writes one in one go. */
  write(isRecovering: boolean, ended: Ended): void {
    this.#isAtOnce = true;
    this.begin(isRecovering, ended);
    this.finish();
  }

  /** Finishes the one that is under way, if one is, in one go. */
  finish(): void {
    this.#isAtOnce = true;
    if (this.#underWay !== undefined) this.#turn(this.#underWay.work);
    this.#isAtOnce = false;
  }

  #turn(work: Work): void {
    const underWay = this.#underWay;
    if (underWay?.work !== work) return;
    const beganMs = performance.now();
    let isDone: boolean;
    try {
      isDone = this.#step(underWay, beganMs);
    } catch (error) {
      this.#fail(underWay, error);
      return;
    }
    underWay.longestMs = Math.max(underWay.longestMs, performance.now() - beganMs);
    if (!isDone) return;
    this.#underWay = undefined;
    this.#counter.add({ result: 'written' });
    this.lastSeconds = (performance.now() - underWay.beganMs) / 1000;
    this.longestSliceSeconds = underWay.longestMs / 1000;
    underWay.ended();
  }

  /** @returns whether all is done; else its next turn will come */
  #step(underWay: UnderWay, beganMs: number): boolean {
    const { work } = underWay;
    for (;;) {
      if (this.#isAtOnce) this.#waitAtOnce(underWay);
      const { done, value: file } = underWay.refusal === undefined ? work.next() : work.throw(underWay.refusal);
      if (done) return true;
      underWay.file = file;
      if (this.#isAtOnce) continue;
      if (file !== undefined) {
        this.#parts.files?.bring(file, (error) => this.#brought(underWay, error));
        return false;
      }
      if (performance.now() - beganMs >= (this.#parts.sliceMs ?? DEFAULT_SLICE_MS)) {
        setImmediate(() => this.#turn(work));
        return false;
      }
    }
  }

  #waitAtOnce(underWay: UnderWay): void {
    try {
      if (underWay.file !== undefined) this.#parts.files?.bringAtOnce(underWay.file);
    } catch (error) {
      underWay.refusal = error;
    }
  }

  #brought(underWay: UnderWay, error: Error | null): void {
    underWay.refusal ??= error ?? undefined;
    this.#turn(underWay.work);
  }

  #fail(underWay: UnderWay, error: unknown): void {
    this.#underWay = undefined;
    this.#counter.add({ result: 'failed' });
    underWay.ended(error);
  }

  *#write(isRecovering: boolean): Work {
    const { journal, retention, files } = this.#parts;
    if (this.isOwing) files?.bringAnew(this.#owedFrames);
    this.#owedFrames = 0;
    journal.begin();
    if (isRecovering) journal.probe();
    const isSweeping = retention.isDue;
    if (isSweeping) retention.sweep();
    if (!this.isPending && !isSweeping) return;
    const { sequence } = journal;
    yield* this.#save(sequence);
    if (isSweeping) yield* retention.dropBlocks();
    yield* this.#bringOntoDisk();
    // Where the present one is gone, those that are there may be another store's.
    if (!journal.isInPlace) return;
    for (const older of journal.files()) if (older < sequence) journal.remove(older, this.#isAtOnce);
  }

  *#save(journal: number): Work {
    const { directory, persistence, blocks, minutes, ingest, retention } = this.#parts;
    const { newestPointMs, lastArrivalMs } = ingest;
    const rest = { journal, newestPointMs, lastArrivalMs, arrivals: ingest.arrivals.save(), gone: retention.gone };
    const changes = persistence.take();
    minutes.close();
    this.isPending = false;
    try {
      yield;
      const merged = yield* mergeOpen(directory, blocks, minutes.closing);
      yield* persistence.write(changes, { ...rest, blocks: merged }, () => this.#settle());
    } catch (error) {
      persistence.giveBack(changes);
      minutes.reopen();
      this.isPending = true;
      throw error;
    }
    retention.noteSaved();
    minutes.forgetClosing();
  }

  /** Between two of its transactions. In one go they may all stand in the log. */
  *#settle(): Work {
    if (!this.#isAtOnce) yield* this.#bringOntoDisk();
  }

  *#bringOntoDisk(): Work {
    const { files } = this.#parts;
    if (files === undefined) return;
    this.#owedFrames = files.frames();
    yield 'log';
    files.copyLog();
    yield 'database';
    this.#owedFrames = 0;
    files.beginLog();
    this.#owedFrames = files.frames();
    yield 'log';
    this.#owedFrames = 0;
  }
}
