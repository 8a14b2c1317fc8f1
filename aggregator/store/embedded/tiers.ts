import { addingTo, type RowVisitor, visitBlock, visitBlockSliced, visitRowsSliced } from './block.ts';
import { encodeSliced } from './encode-block.ts';
import { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';
import type { Sliced } from './slices.ts';

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
  /** By tier, the minute up to which its blocks hold all that the finer ones do; minutes themselves always do. */
  readonly sealed: readonly number[];
  /** The first minute behind all blocks; 0 when there is none. */
  readonly end: number;
}

/** Adjoining periods of one tier, in minutes since 1970: from <= minute < to. */
export interface Run {
  readonly tier: number;
  readonly from: number;
  readonly to: number;
}

/** What is kept for ever of the minutes below the lifetime's seal. */
export const LIFETIME_RUN: Run = { tier: LIFETIME, from: 0, to: Infinity };

/** A block that replaces the one of its tier and period. */
export interface NewBlock {
  readonly tier: number;
  readonly period: number;
  readonly bytes: Uint8Array;
}

/**
 * The blocks that a span of minutes needs, in the order of time and each as coarse as can be: about thirty for any window,
 * in nine runs at most, or ten where minutes were dropped. Below the seal of its tier a coarse block stands for its whole
 * period, and its absence for silence; above it finer ones are read.
 * @param oldestMinute before it nothing finer than ten minutes may be read, because those blocks were dropped
 */
export function cover(from: number, to: number, oldestMinute: number, sealed: readonly number[]): Run[] {
  const runs: Run[] = [];
  // No minute is dropped before its ten minutes are sealed.
  const oldest = Math.min(oldestMinute, sealed[1]);
  let minute = from < oldest ? periodOf(1, from) : from;
  while (minute < to) {
    const finest = minute < oldest ? 1 : 0;
    let tier = LIFETIME - 1;
    while (tier > finest && !fits(tier, minute, Math.min(to, sealed[tier]))) tier--;
    const end = minute + TIER_MINUTES[tier];
    const last = runs.at(-1);
    if (last?.tier === tier) runs[runs.length - 1] = { ...last, to: end };
    else runs.push({ tier, from: minute, to: end });
    minute = end;
  }
  return runs;
}

function fits(tier: number, minute: number, to: number): boolean {
  return minute % TIER_MINUTES[tier] === 0 && minute + TIER_MINUTES[tier] <= to;
}

/** The blocks that all minutes need: what is kept for ever, behind what it does not hold yet. */
export function coverLife(source: BlockSource): Run[] {
  return [...cover(source.sealed[LIFETIME], source.end, 0, source.sealed), LIFETIME_RUN];
}

/** Shows every block of a run to a visitor. */
export function visitRun(source: BlockSource, { tier, from, to }: Run, visitor: RowVisitor): void {
  for (let period = from; period < to; period += TIER_MINUTES[tier]) {
    const bytes = source.block(tier, period);
    if (bytes !== undefined) visitBlock(bytes, visitor);
  }
}

/**
 * The blocks that hold what they held and the open minutes beside: of minutes, and, where a minute comes late, of the
 * tiers that are sealed there.
 */
export function* mergeOpen(
  directory: SeriesDirectory,
  source: BlockSource,
  open: ReadonlyMap<number, RowTable>,
): Sliced<NewBlock[]> {
  const out: NewBlock[] = [];
  const scratch = new RowTable(directory);
  for (const tier of TIER_MINUTES.keys()) {
    const late = [...open].filter(([minute]) => minute < source.sealed[tier]);
    const into = addingToTier(tier, scratch);
    for (const [period, tables] of Map.groupBy(late, ([minute]) => periodOf(tier, minute))) {
      const existing = source.block(tier, period);
      let merged = tables[0][1];
      if (tier > 0 || existing !== undefined) {
        scratch.clear();
        if (existing !== undefined) yield* visitBlockSliced(existing, into);
        for (const [, rows] of tables) yield* visitRowsSliced(rows, into);
        merged = scratch;
      }
      out.push({ tier, period, bytes: yield* encodeSliced(merged, tier === 0) });
      yield;
    }
  }
  return out;
}

/** What is kept for ever must not keep numbers in use that could be given anew. */
export function addingToTier(tier: number, rows: RowTable): RowVisitor {
  return addingTo(rows, tier === LIFETIME ? (id) => rows.directory.canonical(id) : undefined);
}
