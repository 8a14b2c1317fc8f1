import { addingTo, encodeBlock, type RowVisitor, visitBlock, visitRows } from './block.ts';
import { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';

/** Minutes of one block, by tier; the last tier is one block for the whole life of the store. */
export const TIER_MINUTES: readonly number[] = [1, 10, 60, 360, 1440, Infinity];
export const LIFETIME = TIER_MINUTES.length - 1;

/** Start of the period of a tier that a minute lies in, in minutes since 1970. */
export function periodOf(tier: number, minute: number): number {
  const length = TIER_MINUTES[tier];
  return length === Infinity ? 0 : Math.floor(minute / length) * length;
}

/** Where blocks come from. */
export interface BlockSource {
  /** Changes whenever a block is written or dropped. */
  readonly revision: number;
  /** undefined when nothing happened in the period, or it was dropped. */
  block(tier: number, period: number): Uint8Array | undefined;
  has(tier: number, period: number): boolean;
}

/** A block that replaces the one of its tier and period. */
export interface NewBlock {
  readonly tier: number;
  readonly period: number;
  readonly bytes: Uint8Array;
}

/**
 * Shows a visitor every block that a span of minutes needs, coarsest first: about thirty for any window. Every tier
 * holds everything that the finer ones hold, so a coarse block stands for its whole period, and its absence for silence.
 * @param oldestMinute before it nothing finer than ten minutes may be read, because those blocks were dropped
 */
export function cover(source: BlockSource, from: number, to: number, oldestMinute: number, visitor: RowVisitor): void {
  let minute = from < oldestMinute ? periodOf(1, from) : from;
  while (minute < to) {
    const finest = minute < oldestMinute ? 1 : 0;
    let tier = LIFETIME - 1;
    while (tier > finest && (minute % TIER_MINUTES[tier] !== 0 || minute + TIER_MINUTES[tier] > to)) tier--;
    const bytes = source.block(tier, minute);
    if (bytes !== undefined) visitBlock(bytes, visitor);
    minute += TIER_MINUTES[tier];
  }
}

/** The blocks that hold what they held and the open minutes beside. */
export function mergeIntoTiers(
  directory: SeriesDirectory,
  source: BlockSource,
  open: ReadonlyMap<number, RowTable>,
): NewBlock[] {
  const out: NewBlock[] = [];
  const scratch = new RowTable(directory);
  TIER_MINUTES.forEach((_, tier) => {
    // What is kept for ever must not keep numbers in use that could be given anew.
    const numbers = tier === LIFETIME ? (id: number) => directory.canonical(id) : undefined;
    const into = addingTo(scratch, numbers);
    const byPeriod = Map.groupBy(open, ([minute]) => periodOf(tier, minute));
    for (const [period, tables] of byPeriod) {
      scratch.clear();
      const existing = source.block(tier, period);
      if (existing !== undefined) visitBlock(existing, into);
      for (const [, rows] of tables) visitRows(rows, into);
      out.push({ tier, period, bytes: encodeBlock(scratch) });
    }
  });
  return out;
}
