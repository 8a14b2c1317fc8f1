import { StoreFileError } from './database.ts';
import { encodeBlock } from './encode-block.ts';
import type { StoreLog } from './open.ts';
import { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';
import type { StoredBlocks } from './stored-blocks.ts';
import {
  addingToTier,
  type BlockSource,
  cover,
  LIFETIME,
  periodOf,
  type Run,
  TIER_MINUTES,
  visitRun,
} from './tiers.ts';

/**
 * Blocks as those see them who write: one that is damaged is put aside, and made anew of the finer blocks of its period as
 * far as these are kept, so that receiving goes on. Who only reads is told of the damage instead.
 */
export class MendedBlocks implements BlockSource {
  readonly #directory: SeriesDirectory;
  readonly #blocks: StoredBlocks;
  readonly #log: StoreLog;

  constructor(directory: SeriesDirectory, blocks: StoredBlocks, log: StoreLog) {
    this.#directory = directory;
    this.#blocks = blocks;
    this.#log = log;
  }

  get revision(): number {
    return this.#blocks.revision;
  }

  get sealed(): readonly number[] {
    return this.#blocks.sealed;
  }

  get end(): number {
    return this.#blocks.end;
  }

  writtenIn(tier: number, period: number): number | undefined {
    return this.#blocks.writtenIn(tier, period);
  }

  /** @throws StoreFileError when the database cannot even give its bytes */
  block(tier: number, period: number): Uint8Array | undefined {
    try {
      return this.#blocks.block(tier, period);
    } catch (error) {
      if (!(error instanceof StoreFileError)) throw error;
      return this.#mend(tier, period, error);
    }
  }

  #mend(tier: number, period: number, damage: StoreFileError): Uint8Array | undefined {
    const rows = new RowTable(this.#directory);
    for (const run of this.#finer(tier, period)) visitRun(this, run, addingToTier(tier, rows));
    const anew = rows.series.length === 0 ? undefined : encodeBlock(rows, false);
    try {
      this.#blocks.putAside(tier, period, anew);
    } catch {
      throw damage;
    }
    this.#log.error(
      { err: damage, minutes: TIER_MINUTES[tier], madeAnew: anew !== undefined },
      'a block of the store is damaged: it was put into the table "damaged" of the file, and what finer blocks hold takes its place; check the disk',
    );
    return anew;
  }

  #finer(tier: number, period: number): Run[] {
    if (tier === 0) return [];
    if (tier < LIFETIME) return [{ tier: tier - 1, from: period, to: period + TIER_MINUTES[tier] }];
    const { sealed } = this;
    const first = Math.min(...TIER_MINUTES.slice(0, -1).map((_, finer) => this.#blocks.firstFrom(finer, 0)));
    return cover(periodOf(1, Math.min(first, sealed[LIFETIME])), sealed[LIFETIME], 0, sealed);
  }
}
