/** What a filled store takes on the disk, tier by tier. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { openDatabase } from '../../aggregator/store/embedded/database.ts';
import { SERIES } from './filled-store.ts';
import { printTable } from './report.ts';

/** Ids of a tier's blocks begin at a multiple of this. */
const TIER_FACTOR = 2 ** 40;
const TIERS = ['1 min', '10 min', '1 h', '6 h', '1 d', 'lifetime'];

/** Blocks of one tier. */
interface Size {
  readonly bytes: number;
  readonly n: number;
}

/** Prints the bytes of a series and block of every tier. The store must be closed. */
export function printDisk(directory: string): void {
  const file = join(directory, 'vigil.db');
  const fileBytes = statSync(file).size;
  const database = openDatabase(file, false);
  const sizes = TIERS.map((_, tier) => sizeOf(database, tier));
  const rows = sizes.map(({ bytes, n }, tier) => [
    TIERS[tier]!,
    String(n),
    (bytes / 1e6).toFixed(1),
    (bytes / n / SERIES).toFixed(1),
  ]);
  console.log('');
  printTable(['tier', 'blocks', 'MB', 'bytes a series-block'], rows);
  const streams = database.prepare('SELECT coalesce(sum(length(data)), 0) AS bytes FROM streams').get();
  console.log(
    `\nThe whole file ${(fileBytes / 1e6).toFixed(1)} MB, ${(fileBytes / sizes[0]!.n / SERIES).toFixed(1)} bytes a series-minute; ` +
      `of it the state of ${SERIES} streams ${(Number(streams?.['bytes']) / 1e3).toFixed(0)} kB, whatever the time.`,
  );
  database.close();
}

function sizeOf(database: DatabaseSync, tier: number): Size {
  const sizes = 'SELECT coalesce(sum(length(data)), 0) AS bytes, count(*) AS n FROM blocks WHERE id >= ? AND id < ?';
  return database.prepare(sizes).get(tier * TIER_FACTOR, (tier + 1) * TIER_FACTOR) as unknown as Size;
}
