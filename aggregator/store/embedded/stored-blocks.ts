import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { checkBlock } from './block.ts';
import { explainDamage, StoreFileError, transaction } from './database.ts';
import { type Pack, pack, packRule, periodsOf, unpack } from './pack.ts';
import { type BlockSource, LIFETIME, type NewBlock, TIER_MINUTES } from './tiers.ts';

/** Periods are numbered in minutes: below 2^40 until the year 2,000,000. */
const TIER_FACTOR = 2 ** 40;
/** Blocks read from the disk stay in memory up to this many bytes. */
const CACHE_BYTES = 192 * 1024 * 1024;

/** The blocks of all tiers, in the database and, those used last, in memory. */
export class StoredBlocks implements BlockSource {
  revision = 0;
  readonly #database: DatabaseSync;
  /** Periods that have a block, by tier, and the revision that it was written in. */
  readonly #periods: Map<number, number>[] = TIER_MINUTES.map(() => new Map());
  /** Blocks by id, the one used last at the end. */
  readonly #cache = new Map<number, Uint8Array>();
  #cachedBytes = 0;
  readonly #readBlock: StatementSync;
  readonly #findPack: StatementSync;
  readonly #readPack: StatementSync;
  readonly #oldestBlock: StatementSync;
  #openPack: { readonly id: number; readonly blocks: ReadonlyMap<number, Uint8Array> } | undefined;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#readBlock = database.prepare('SELECT data FROM blocks WHERE id = ?');
    this.#findPack = database.prepare('SELECT id, places FROM packs WHERE id > ? AND id <= ? ORDER BY id DESC');
    this.#readPack = database.prepare('SELECT places, data FROM packs WHERE id = ?');
    this.#oldestBlock = database.prepare('SELECT min(id) AS id FROM blocks WHERE id >= ? AND id < ?');
  }

  /** Learns which there are. */
  load(): void {
    for (const { id } of this.#rows<{ id: number }>('SELECT id FROM blocks'))
      this.#periods[Math.floor(id / TIER_FACTOR)].set(id % TIER_FACTOR, this.revision);
    for (const { id, places } of this.#rows<{ id: number; places: Uint8Array }>('SELECT id, places FROM packs')) {
      const tier = Math.floor(id / TIER_FACTOR);
      for (const period of periodsOf(tier, id % TIER_FACTOR, places)) this.#periods[tier].set(period, this.revision);
    }
  }

  writtenIn(tier: number, period: number): number | undefined {
    return this.#periods[tier].get(period);
  }

  block(tier: number, period: number): Uint8Array | undefined {
    if (!this.#periods[tier].has(period)) return undefined;
    const id = tier * TIER_FACTOR + period;
    const cached = this.#cache.get(id);
    if (cached !== undefined) {
      this.#cache.delete(id);
      this.#cache.set(id, cached);
      return cached;
    }
    const bytes = this.#read(tier, period);
    if (bytes !== undefined) this.#keep(id, bytes);
    return bytes;
  }

  /** @throws StoreFileError when the block is damaged */
  #read(tier: number, period: number): Uint8Array | undefined {
    try {
      const row = this.#readBlock.get(tier * TIER_FACTOR + period) as { data: Uint8Array } | undefined;
      return row === undefined ? this.#unpack(tier, period) : checkBlock(row.data);
    } catch (error) {
      const what = tier === LIFETIME ? 'the totals' : `the block of ${new Date(period * 60_000).toISOString()}`;
      throw new StoreFileError(explainDamage(this.#database.location() ?? '', what, error), { cause: error });
    }
  }

  /** A block out of its pack; the pack read last stays open, since its neighbours are asked for next. */
  #unpack(tier: number, period: number): Uint8Array | undefined {
    const id = this.#packWith(tier, period);
    if (id === undefined) return undefined;
    if (this.#openPack?.id !== id)
      this.#openPack = { id, blocks: unpack(tier, id % TIER_FACTOR, this.#readPack.get(id) as unknown as Pack) };
    const packed = this.#openPack.blocks.get(period);
    return packed === undefined ? undefined : checkBlock(new Uint8Array(packed));
  }

  /** The pack that holds a period: the one that begins last, since an earlier one of more minutes may hold it as it was before. */
  #packWith(tier: number, period: number): number | undefined {
    const rule = packRule(tier);
    if (rule === undefined) return undefined;
    const last = tier * TIER_FACTOR + period;
    const found = this.#findPack.all(last - rule.longestMinutes, last) as { id: number; places: Uint8Array }[];
    return found.find(({ id, places }) => periodsOf(tier, id % TIER_FACTOR, places).includes(period))?.id;
  }

  /**
   * Packs the oldest span of a tier that is not packed yet and lies wholly before a minute.
   * @returns whether there was one
   */
  packBefore(tier: number, minute: number): boolean {
    const oldest = this.#oldestBlock.get(tier * TIER_FACTOR, tier * TIER_FACTOR + minute) as { id: number | null };
    const rule = packRule(tier);
    if (oldest.id === null || rule === undefined) return false;
    const { minutes } = rule;
    const period = oldest.id % TIER_FACTOR;
    const start = period - (period % minutes);
    if (start + minutes > minute) return false;
    const from = tier * TIER_FACTOR + start;
    const periods = new Set(this.#periodsOfPack(tier, start));
    for (let period = start; period < start + minutes; period += TIER_MINUTES[tier]) periods.add(period);
    const blocks = new Map<number, Uint8Array>();
    for (const period of periods) {
      const bytes = this.block(tier, period);
      if (bytes !== undefined) blocks.set(period, bytes);
    }
    const { places, data } = pack(tier, start, blocks);
    transaction(this.#database, () => {
      this.#database.prepare('INSERT OR REPLACE INTO packs VALUES (?, ?, ?)').run(from, places, data);
      this.#database.prepare('DELETE FROM blocks WHERE id >= ? AND id < ?').run(from, from + minutes);
    });
    this.#openPack = undefined;
    return true;
  }

  /** Periods of the pack that begins at `start`; one of an earlier version holds more than is packed together. */
  #periodsOfPack(tier: number, start: number): number[] {
    const row = this.#readPack.get(tier * TIER_FACTOR + start) as unknown as Pack | undefined;
    return row === undefined ? [] : periodsOf(tier, start, row.places);
  }

  /** Writes blocks within the transaction of a checkpoint; when that succeeded `noteWritten` follows. */
  write(blocks: readonly NewBlock[]): void {
    const insert = this.#database.prepare('INSERT OR REPLACE INTO blocks VALUES (?, ?)');
    for (const { tier, period, bytes } of blocks) insert.run(tier * TIER_FACTOR + period, bytes);
  }

  noteWritten(blocks: readonly NewBlock[]): void {
    this.revision++;
    for (const { tier, period, bytes } of blocks) {
      this.#periods[tier].set(period, this.revision);
      this.#keep(tier * TIER_FACTOR + period, bytes);
    }
  }

  /** Drops blocks of a tier whose whole period lies before `minute`. */
  dropBefore(tier: number, minute: number): void {
    const gone = [...this.#periods[tier].keys()].filter((period) => period + TIER_MINUTES[tier] <= minute);
    if (gone.length === 0) return;
    const from = tier * TIER_FACTOR;
    const lastPack = minute - (packRule(tier)?.longestMinutes ?? 0);
    transaction(this.#database, () => {
      this.#database
        .prepare('DELETE FROM blocks WHERE id >= ? AND id <= ?')
        .run(from, from + minute - TIER_MINUTES[tier]);
      this.#database.prepare('DELETE FROM packs WHERE id >= ? AND id <= ?').run(from, from + lastPack);
    });
    this.revision++;
    for (const period of gone) {
      this.#periods[tier].delete(period);
      this.#forget(tier * TIER_FACTOR + period);
    }
  }

  /** Bytes of the blocks that are in memory because they were read or written lately. */
  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  /** How many there are. */
  get count(): number {
    return this.#periods.reduce((sum, { size }) => sum + size, 0);
  }

  #rows<Row>(sql: string): Iterable<Row> {
    return this.#database.prepare(sql).iterate() as Iterable<Row>;
  }

  #keep(id: number, bytes: Uint8Array): void {
    this.#forget(id);
    this.#cache.set(id, bytes);
    this.#cachedBytes += bytes.byteLength;
    for (const [oldest] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES) break;
      this.#forget(oldest);
    }
  }

  #forget(id: number): void {
    const cached = this.#cache.get(id);
    if (cached === undefined) return;
    this.#cache.delete(id);
    this.#cachedBytes -= cached.byteLength;
  }
}
