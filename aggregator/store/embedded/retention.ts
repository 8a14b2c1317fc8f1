import type { StreamTable } from '../../otlp/streams.ts';
import { visitBlock } from './block.ts';
import { clientNumbers } from './client-routing.ts';
import type { ClientTables } from './clients.ts';
import type { Gone, Persistence } from './persistence.ts';
import type { SeriesDirectory } from './series.ts';
import type { Sliced } from './slices.ts';
import type { SpanShelf } from './spans.ts';
import { type BlockSource, LIFETIME, TIER_MINUTES } from './tiers.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Minutes are kept this long; what is older is exact to ten minutes. */
export const MINUTE_RETENTION_MS = 8 * DAY_MS;
/** The state of streams outlives their sender's last point by this; when it was last seen is known to the hour. */
const STREAM_RETENTION_MS = 8 * DAY_MS + HOUR_MS;
/** The same while a bound is reached: points older than 24 hours are refused, so no repetition of them can come. */
const CROWDED_STREAM_RETENTION_MS = 26 * HOUR_MS;
const CROWDED_SWEEP_MS = MINUTE_MS;

export interface RetentionParts {
  readonly directory: SeriesDirectory;
  readonly streams: StreamTable;
  readonly spans: SpanShelf;
  readonly clients: ClientTables;
  readonly persistence: Persistence;
  readonly blocks: BlockSource;
  /** How long anything at all is kept. */
  readonly retentionMs: number;
  now(): number;
}

const NOTHING: Gone = { series: [], instances: [], entries: [], spans: [], clients: [] };

/** Forgets what is older than it is kept: once an hour, and each minute while senders find no room. */
export class Retention {
  /** Instances forgotten so far. */
  evictedInstances = 0;
  readonly #parts: RetentionParts;
  #lastSweepMs = -Infinity;
  #gone = NOTHING;

  constructor(parts: RetentionParts) {
    this.#parts = parts;
  }

  /** Numbers that were given back, and whose rows must go with the next checkpoint. */
  get gone(): Gone {
    return this.#gone;
  }

  get isDue(): boolean {
    const since = Math.abs(this.#parts.now() - this.#lastSweepMs);
    return since >= HOUR_MS || (this.#parts.streams.isCrowded && since >= CROWDED_SWEEP_MS);
  }

  /** Forgets in memory. A checkpoint that holds `gone` must follow. */
  sweep(): void {
    const { directory, streams, spans, clients, blocks, retentionMs } = this.#parts;
    const now = this.#parts.now();
    this.#lastSweepMs = now;
    const keptMs = streams.isCrowded ? CROWDED_STREAM_RETENTION_MS : STREAM_RETENTION_MS;
    const { instances, entries } = streams.evict(now - keptMs);
    this.evictedInstances += instances.length;
    // Blocks are kept longer where a coarser tier has not taken them up yet.
    const oldestMs = Math.min(now - Math.max(retentionMs, STREAM_RETENTION_MS), Math.min(...blocks.sealed) * MINUTE_MS);
    const inUse = streams.seriesInUse();
    clients.release(clientNumbers(inUse));
    for (const id of numbersIn(blocks.block(LIFETIME, 0))) inUse.add(id);
    this.#gone = {
      series: [...this.#gone.series, ...directory.release(oldestMs - DAY_MS, inUse)],
      instances: [...this.#gone.instances, ...instances],
      entries: [...this.#gone.entries, ...entries],
      spans: [...this.#gone.spans, ...spans.dropBefore(now - MINUTE_RETENTION_MS)],
      clients: [...this.#gone.clients, ...clients.dropBefore(now - MINUTE_RETENTION_MS)],
    };
  }

  /** The checkpoint has succeeded. */
  noteSaved(): void {
    this.#gone = NOTHING;
  }

  *dropBlocks(): Sliced {
    const { persistence, retentionMs } = this.#parts;
    for (let tier = 0; tier < LIFETIME; tier++) {
      const keptMs = TIER_MINUTES[tier] === 1 ? Math.min(MINUTE_RETENTION_MS, retentionMs) : retentionMs;
      persistence.blocks.dropBefore(tier, Math.floor((this.#parts.now() - keptMs) / MINUTE_MS));
      yield;
    }
  }
}

/** Series that a block has rows of. */
function numbersIn(block: Uint8Array | undefined): number[] {
  const numbers: number[] = [];
  const note = (id: number) => void numbers.push(id);
  if (block !== undefined) visitBlock(block, { number: note, histogram: note });
  return numbers;
}
