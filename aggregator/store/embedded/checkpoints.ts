import type { OwnCounter, OwnMetrics } from '../../metrics.ts';
import type { Ingest } from './ingest.ts';
import type { Journal } from './journal.ts';
import type { OpenMinutes } from './minutes.ts';
import type { Persistence } from './persistence.ts';
import type { Retention } from './retention.ts';
import type { SeriesDirectory } from './series.ts';
import { type BlockSource, mergeOpen } from './tiers.ts';

/** A journal of this size, two million points, brings the checkpoint forward: replaying it takes about a second. */
const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;
/** Minutes that may be open at once: a queue that drains hours of backlog brings the checkpoint forward, too. */
const MAX_OPEN_MINUTES = 64;
/** Memory of their rows; many series with wide histograms reach it before. */
const MAX_OPEN_BYTES = 256 * 1024 * 1024;

export interface CheckpointParts {
  readonly directory: SeriesDirectory;
  readonly minutes: OpenMinutes;
  readonly journal: Journal;
  readonly persistence: Persistence;
  readonly blocks: BlockSource;
  readonly retention: Retention;
  readonly ingest: Ingest;
  readonly metrics: OwnMetrics;
}

/** Takes what is open to the disk, all of it in one transaction, and lets the journal's older files go. */
export class Checkpoints {
  /** How long the last one took; undefined before the first. */
  lastSeconds: number | undefined;
  /** Whether anything was taken since the last one. */
  isPending = false;
  readonly #parts: CheckpointParts;
  readonly #counter: OwnCounter<{ result: ['written', 'failed'] }>;

  constructor(parts: CheckpointParts) {
    this.#parts = parts;
    this.#counter = parts.metrics.counter('aggregator_checkpoints_total', 'Checkpoints, by how they ended.', {
      result: ['written', 'failed'],
    });
  }

  /** Whether a bound on what may be open is reached. */
  get isFull(): boolean {
    const { journal, minutes } = this.#parts;
    return (
      journal.size >= MAX_JOURNAL_BYTES || minutes.tables.size > MAX_OPEN_MINUTES || minutes.bytes > MAX_OPEN_BYTES
    );
  }

  /**
   * @param isRecovering whether the disk refused something lately, and must prove that it takes records again
   * @throws the system's error when the disk does not take it: everything then stays in memory and in the journal
   */
  write(isRecovering: boolean): void {
    const { journal, retention } = this.#parts;
    const began = performance.now();
    try {
      journal.begin();
      if (isRecovering) journal.probe();
      const isSweeping = retention.isDue;
      if (isSweeping) retention.sweep();
      if (this.isPending || isSweeping) this.#save();
      if (isSweeping) retention.dropBlocks();
    } catch (error) {
      this.#counter.add({ result: 'failed' });
      throw error;
    }
    this.#counter.add({ result: 'written' });
    this.lastSeconds = (performance.now() - began) / 1000;
  }

  #save(): void {
    const { directory, persistence, blocks, minutes, journal, ingest, retention } = this.#parts;
    const { sequence } = journal;
    persistence.save({
      blocks: mergeOpen(directory, blocks, minutes.tables),
      journal: sequence,
      newestPointMs: ingest.newestPointMs,
      lastArrivalMs: ingest.lastArrivalMs,
      arrivals: ingest.arrivals.save(),
      gone: retention.gone,
    });
    retention.noteSaved();
    minutes.clear();
    this.isPending = false;
    for (const older of journal.files()) if (older < sequence) journal.remove(older);
  }
}
