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

/** What stands in place of each block of a pack that cannot be read: who asks for it is told. */
const NO_BLOCK = new Uint8Array(0);

/**
 * Makes blocks of all packs. One that is damaged is put aside.
 * @param begin told how many packs there are, when there are any
 * @param onDamage told of each pack that cannot be read
 */
export function unpackAll(
  database: DatabaseSync,
  begin: (packs: number) => void,
  onDamage: (error: unknown) => void,
): void {
  const { n } = database.prepare('SELECT count(*) AS n FROM packs').get() as { n: number };
  if (n > 0) begin(n);
  // The last ones first: where two hold a block, the one that begins later is newer, and what lies beside packs is newest.
  const next = database.prepare('SELECT id, places, data FROM packs ORDER BY id DESC LIMIT ?');
  const insert = database.prepare('INSERT OR IGNORE INTO blocks VALUES (?, ?)');
  const remove = database.prepare('DELETE FROM packs WHERE id = ?');
  const keep = database.prepare('INSERT INTO damaged SELECT id, data FROM packs WHERE id = ?');
  for (let left = n; left > 0; left -= PACKS_A_TRANSACTION) {
    database.exec('BEGIN IMMEDIATE');
    for (const pack of next.all(PACKS_A_TRANSACTION) as unknown as Pack[]) {
      const { blocks, damage } = blocksOf(pack);
      for (const [id, block] of blocks) insert.run(id, block);
      if (damage !== undefined) {
        onDamage(damage);
        keep.run(pack.id);
      }
      remove.run(pack.id);
    }
    database.exec('COMMIT');
  }
}

/** Blocks by id, as they lie on the disk, and why they cannot be read. */
interface Unpacked {
  readonly blocks: readonly (readonly [id: number, block: Uint8Array])[];
  readonly damage?: unknown;
}

function blocksOf({ id, places, data }: Pack): Unpacked {
  const minutes = id < TIER_FACTOR ? 1 : 10;
  const ids = Array.from(new Uint16Array(new Uint8Array(places).buffer), (place) => id + place * minutes);
  try {
    const whole = zstdDecompressSync(data);
    let at = 4 * ids.length;
    const blocks = ids.map((id, i) => {
      const length = whole.readUInt32LE(4 * i);
      at += length;
      return [id, whole.subarray(at - length, at)] as const;
    });
    return { blocks };
  } catch (damage) {
    return { blocks: ids.map((id) => [id, NO_BLOCK] as const), damage };
  }
}
