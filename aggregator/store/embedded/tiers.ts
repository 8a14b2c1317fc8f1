import { addingTo, type RowVisitor, visitBlock, visitRows } from './block.ts';
import { encodeBlock } from './encode-block.ts';
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
  /** The revision that a block was written in; undefined when there is none. */
  writtenIn(tier: number, period: number): number | undefined;
}

/** Adjoining periods of one tier, in minutes since 1970: from <= minute < to. */
export interface Run {
  readonly tier: number;
  readonly from: number;
  readonly to: number;
}

/** The whole life of the store. */
export const WHOLE_LIFE: Run = { tier: LIFETIME, from: 0, to: Infinity };

/** A block that replaces the one of its tier and period. */
export interface NewBlock {
  readonly tier: number;
  readonly period: number;
  readonly bytes: Uint8Array;
}

/**
 * The blocks that a span of minutes needs, in the order of time and each as coarse as can be: about thirty for any window,
 * in nine runs at most, or ten where minutes were dropped. Every tier holds everything that the finer ones hold, so a
 * coarse block stands for its whole period, and its absence for silence.
 * @param oldestMinute before it nothing finer than ten minutes may be read, because those blocks were dropped
 */
export function cover(from: number, to: number, oldestMinute: number): Run[] {
  const runs: Run[] = [];
  let minute = from < oldestMinute ? periodOf(1, from) : from;
  while (minute < to) {
    const finest = minute < oldestMinute ? 1 : 0;
    let tier = LIFETIME - 1;
    while (tier > finest && (minute % TIER_MINUTES[tier] !== 0 || minute + TIER_MINUTES[tier] > to)) tier--;
    const end = minute + TIER_MINUTES[tier];
    const last = runs.at(-1);
    if (last?.tier === tier) runs[runs.length - 1] = { ...last, to: end };
    else runs.push({ tier, from: minute, to: end });
    minute = end;
  }
  return runs;
}

/** Shows every block of a run to a visitor. */
export function visitRun(source: BlockSource, { tier, from, to }: Run, visitor: RowVisitor): void {
  for (let period = from; period < to; period += TIER_MINUTES[tier]) {
    const bytes = source.block(tier, period);
    if (bytes !== undefined) visitBlock(bytes, visitor);
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
      out.push({ tier, period, bytes: encodeBlock(scratch, tier === 0) });
    }
  });
  return out;
}
