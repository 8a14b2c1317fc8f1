/** What a filled store takes on the disk, tier by tier, before and after packing. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { StreamTable } from '../../aggregator/otlp/streams.ts';
import { ClientTables } from '../../aggregator/store/embedded/clients.ts';
import { openDatabase } from '../../aggregator/store/embedded/database.ts';
import { PACK_RULES } from '../../aggregator/store/embedded/pack.ts';
import { Persistence } from '../../aggregator/store/embedded/persistence.ts';
import { SeriesDirectory } from '../../aggregator/store/embedded/series.ts';
import { SpanShelf } from '../../aggregator/store/embedded/spans.ts';
import { SERIES } from './filled-store.ts';
import { printTable } from './report.ts';

const MINUTE_MS = 60_000;
/** Ids of a tier's blocks begin at a multiple of this. */
const TIER_FACTOR = 2 ** 40;
const TIERS = ['1 min', '10 min', '1 h', '6 h', '1 d', 'lifetime'];

/** Blocks of one tier in one table. */
interface Size {
  readonly bytes: number;
  readonly n: number;
}

/** Prints the bytes of a series and block of every tier; packs what is old enough. The store must be closed. */
export function printDisk(directory: string): void {
  const file = join(directory, 'vigil.db');
  const fileBytes = statSync(file).size;
  const database = openDatabase(file, false);
  const series = new SeriesDirectory();
  const persistence = new Persistence(database, series, new StreamTable(series), new SpanShelf(), new ClientTables());
  persistence.load();
  const loose = TIERS.map((_, tier) => sizeOf(database, 'blocks', tier));
  for (const { tier, afterMs } of PACK_RULES)
    while (persistence.blocks.packBefore(tier, Math.floor((Date.now() - afterMs) / MINUTE_MS)));
  const rows = loose.map((before, tier) => {
    const packed = sizeOf(database, 'packs', tier);
    const packedBlocks = before.n - sizeOf(database, 'blocks', tier).n;
    const each = packedBlocks === 0 ? '' : (packed.bytes / packedBlocks / SERIES).toFixed(1);
    const looseEach = (before.bytes / before.n / SERIES).toFixed(1);
    return [TIERS[tier]!, String(before.n), (before.bytes / 1e6).toFixed(1), looseEach, each];
  });
  console.log('');
  printTable(['tier', 'blocks', 'MB', 'bytes a series-block', 'packed'], rows);
  const streams = database.prepare('SELECT coalesce(sum(length(data)), 0) AS bytes FROM streams').get();
  console.log(
    `\nThe whole file ${(fileBytes / 1e6).toFixed(1)} MB, ${(fileBytes / loose[0]!.n / SERIES).toFixed(1)} bytes a series-minute; ` +
      `of it the state of ${SERIES} streams ${(Number(streams?.['bytes']) / 1e3).toFixed(0)} kB, whatever the time.`,
  );
  database.close();
}

function sizeOf(database: DatabaseSync, table: 'blocks' | 'packs', tier: number): Size {
  const sizes = `SELECT coalesce(sum(length(data)), 0) AS bytes, count(*) AS n FROM ${table} WHERE id >= ? AND id < ?`;
  return database.prepare(sizes).get(tier * TIER_FACTOR, (tier + 1) * TIER_FACTOR) as unknown as Size;
}
