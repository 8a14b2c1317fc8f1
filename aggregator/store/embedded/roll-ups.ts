import { visitBlock } from './block.ts';
import { encodeBlock } from './encode-block.ts';
import { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';
import type { StoredBlocks } from './stored-blocks.ts';
import {
  addingToTier,
  type BlockSource,
  cover,
  LIFETIME,
  LIFETIME_RUN,
  periodOf,
  type Run,
  TIER_MINUTES,
} from './tiers.ts';

const MINUTE_MS = 60_000;
/** Minutes are rolled up so long after they are over: nearly all points are there by then, and need no second tier. */
const SETTLED_MINUTES = 5;
/** Points may be so far ahead of the clock. What is further ahead tells that the clock went back, and that time has been. */
const AHEAD_MINUTES = 10;
const BEHIND_MINUTES = 60;
/** What is kept for ever takes up whole hours. */
const HOUR_TIER = 2;

/** A block that is being made of finer ones. */
interface RollUp {
  readonly tier: number;
  readonly period: number;
  /** Where its tier is sealed when it is written. */
  readonly to: number;
  readonly runs: readonly Run[];
  /** The revision of the blocks when it was begun. */
  readonly revision: number;
  readonly parts: readonly Part[];
  /** How many of the parts were added. */
  added: number;
}

type Part = readonly [tier: number, period: number];

/**
 * Makes the blocks of coarser tiers once their period is over, each from all finer blocks of its period, one finer block
 * a step, so that nobody waits for it. Points that come later than that go to the coarser blocks with their checkpoint.
 */
export class RollUps {
  readonly #blocks: StoredBlocks;
  readonly #mended: BlockSource;
  readonly #scratch: RowTable;
  readonly #now: () => number;
  #current: RollUp | undefined;

  /** @param mended the same blocks, of which damage is taken out */
  constructor(directory: SeriesDirectory, blocks: StoredBlocks, mended: BlockSource, now: () => number) {
    this.#blocks = blocks;
    this.#mended = mended;
    this.#scratch = new RowTable(directory);
    this.#now = now;
  }

  /** Whether more than an hour of minutes waits for its first roll-up: questions read them one by one meanwhile. */
  get isBehind(): boolean {
    return this.#settled() - this.#blocks.sealed[1] > BEHIND_MINUTES;
  }

  /** @returns whether there may be more to do now */
  step(): boolean {
    const current = (this.#current ??= this.#begin());
    if (current === undefined) return false;
    if (current.added < current.parts.length) this.#add(current);
    else {
      this.#current = undefined;
      if (this.#isFresh(current)) this.#finish(current);
    }
    return true;
  }

  #add(current: RollUp): void {
    const bytes = this.#mended.block(...current.parts[current.added]);
    if (bytes !== undefined) visitBlock(bytes, addingToTier(current.tier, this.#scratch));
    current.added++;
  }

  #finish({ tier, period, to }: RollUp): void {
    this.#blocks.rollUp({ tier, period, bytes: encodeBlock(this.#scratch, false) }, to);
  }

  /** Whether no part was written anew after it was added. */
  #isFresh({ runs, parts, revision }: RollUp): boolean {
    const now = this.#partsOf(runs);
    return (
      now.length === parts.length && now.every((part) => (this.#blocks.writtenIn(...part) ?? Infinity) <= revision)
    );
  }

  /** The first one that is due, the finest tier first; undefined when none is. */
  #begin(): RollUp | undefined {
    const { sealed } = this.#blocks;
    for (let tier = 1; tier < LIFETIME; tier++) {
      const over = periodOf(tier, tier === 1 ? this.#settled() : sealed[tier - 1]);
      if (over <= sealed[tier]) continue;
      const period = Math.min(over, periodOf(tier, this.#blocks.firstFrom(tier - 1, sealed[tier])));
      this.#blocks.skip(tier, period);
      const to = period + TIER_MINUTES[tier];
      if (period < over) return this.#create(tier, period, to, [{ tier: tier - 1, from: period, to }]);
    }
    const [from, to] = [sealed[LIFETIME], sealed[HOUR_TIER]];
    if (to <= from) return undefined;
    const news = cover(from, to, 0, sealed);
    if (this.#partsOf(news).length > 0) return this.#create(LIFETIME, 0, to, [...news, LIFETIME_RUN]);
    this.#blocks.skip(LIFETIME, to);
    return undefined;
  }

  /** The minute before which nearly all points have come. */
  #settled(): number {
    const now = Math.floor(this.#now() / MINUTE_MS);
    return Math.max(now, this.#blocks.end - AHEAD_MINUTES) - SETTLED_MINUTES;
  }

  #create(tier: number, period: number, to: number, runs: readonly Run[]): RollUp {
    this.#scratch.clear();
    return { tier, period, to, runs, revision: this.#blocks.revision, parts: this.#partsOf(runs), added: 0 };
  }

  #partsOf(runs: readonly Run[]): Part[] {
    const parts: Part[] = [];
    for (const { tier, from, to } of runs)
      for (let period = from; period < to; period += TIER_MINUTES[tier])
        if (this.#blocks.writtenIn(tier, period) !== undefined) parts.push([tier, period]);
    return parts;
  }
}
