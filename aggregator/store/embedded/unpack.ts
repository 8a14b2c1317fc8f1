/**
 * For stores of versions 1 to 3: they kept minutes, and tens of minutes, that were older than a day or two in packs, many
 * blocks in one compressed row. This version keeps every block in a row of its own.
 */
import type { DatabaseSync } from 'node:sqlite';
import { zstdDecompressSync } from 'node:zlib';

/** So many packs in one transaction: what is done stays done when the process ends meanwhile. */
const PACKS_A_TRANSACTION = 64;
const TIER_FACTOR = 2 ** 40;

interface Pack {
  /** Tier and first minute, as with blocks. */
  readonly id: number;
  /** Of each block, its place in the span: u16. */
  readonly places: Uint8Array;
  /** The lengths of the blocks, u32, and these blocks, compressed. */
  readonly data: Uint8Array;
}

/**
 * Makes blocks of all packs.
 * @param begin told how many packs there are, when there are any
 */
export function unpackAll(database: DatabaseSync, begin: (packs: number) => void): void {
  const { n } = database.prepare('SELECT count(*) AS n FROM packs').get() as { n: number };
  if (n > 0) begin(n);
  // The last ones first: where two hold a block, the one that begins later is newer, and what lies beside packs is newest.
  const next = database.prepare('SELECT id, places, data FROM packs ORDER BY id DESC LIMIT ?');
  const insert = database.prepare('INSERT OR IGNORE INTO blocks VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM packs WHERE id = ?');
  for (let left = n; left > 0; left -= PACKS_A_TRANSACTION) {
    database.exec('BEGIN IMMEDIATE');
    for (const pack of next.all(PACKS_A_TRANSACTION) as unknown as Pack[]) {
      for (const [id, block] of blocksOf(pack)) insert.run(id, block);
      remove.run(pack.id);
    }
    database.exec('COMMIT');
  }
}

function* blocksOf({ id, places, data }: Pack): Iterable<[id: number, block: Uint8Array]> {
  const periods = new Uint16Array(new Uint8Array(places).buffer);
  const minutes = id < TIER_FACTOR ? 1 : 10;
  const whole = zstdDecompressSync(data);
  let at = 4 * periods.length;
  for (const [i, place] of periods.entries()) {
    const length = whole.readUInt32LE(4 * i);
    yield [id + place * minutes, whole.subarray(at, at + length)];
    at += length;
  }
}
