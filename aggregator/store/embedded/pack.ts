import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { TIER_MINUTES } from './tiers.ts';

/** Packing: blocks that nobody asks for every minute lie together, as one compressed frame. */
export interface PackRule {
  readonly tier: number;
  /** Minutes that one pack covers: what the edge of a window may need of the tier, so that nothing else is read for it. */
  readonly minutes: number;
  /** Minutes that packs of earlier versions cover at most; stores may hold such ones. */
  readonly longestMinutes: number;
  /** Blocks are packed when the pack's whole span is older than this, ms: later than any point may arrive. */
  readonly afterMs: number;
}

const HOUR_MS = 3_600_000;

export const PACK_RULES: readonly PackRule[] = [
  { tier: 0, minutes: 10, longestMinutes: 60, afterMs: 26 * HOUR_MS },
  { tier: 1, minutes: 60, longestMinutes: 1440, afterMs: 50 * HOUR_MS },
];

/** Higher levels cost ten times the time for 2 % of the size. */
const LEVEL = 3;

/** How a tier is packed; undefined where it is not. */
export function packRule(tier: number): PackRule | undefined {
  return PACK_RULES.find((rule) => rule.tier === tier);
}

/** A pack as it lies in the database. */
export interface Pack {
  /** Of each block, its place in the span: u16. */
  readonly places: Uint8Array;
  /** The lengths of the blocks as they are on the disk, u32, and these blocks, compressed. */
  readonly data: Uint8Array;
}

/** @param blocks as they are in memory, by period, all of one tier and one span */
export function pack(tier: number, start: number, blocks: ReadonlyMap<number, Uint8Array>): Pack {
  const periods = [...blocks.keys()].sort((a, b) => a - b);
  const parts = periods.map((period) => blocks.get(period) as Uint8Array);
  const lengths = Uint32Array.from(parts, ({ byteLength }) => byteLength);
  const places = Uint16Array.from(periods, (period) => (period - start) / TIER_MINUTES[tier]);
  const whole = Buffer.concat([new Uint8Array(lengths.buffer), ...parts]);
  const data = zstdCompressSync(whole, { params: { [constants.ZSTD_c_compressionLevel]: LEVEL } });
  return { places: new Uint8Array(places.buffer), data };
}

/** Periods of the blocks of a pack. */
export function periodsOf(tier: number, start: number, places: Uint8Array): number[] {
  return Array.from(new Uint16Array(new Uint8Array(places).buffer), (place) => start + place * TIER_MINUTES[tier]);
}

/** Blocks of a pack by period, as they are on the disk: most that lie beside the one that is asked for never are. */
export function unpack(tier: number, start: number, { places, data }: Pack): Map<number, Uint8Array> {
  const whole = zstdDecompressSync(data);
  const periods = periodsOf(tier, start, places);
  const blocks = new Map<number, Uint8Array>();
  let at = 4 * periods.length;
  periods.forEach((period, i) => {
    const length = whole.readUInt32LE(4 * i);
    blocks.set(period, whole.subarray(at, at + length));
    at += length;
  });
  return blocks;
}
