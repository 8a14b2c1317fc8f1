import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { checkBlock } from './block.ts';
import { explainDamage, StoreFileError, transaction } from './database.ts';
import { type BlockSource, LIFETIME, type NewBlock, periodOf, TIER_MINUTES } from './tiers.ts';

/** Periods are numbered in minutes: below 2^40 until the year 2,000,000. */
const TIER_FACTOR = 2 ** 40;
/** Blocks read from the disk stay in memory up to this many bytes. */
const CACHE_BYTES = 192 * 1024 * 1024;
/** Under this key the minutes up to which the tiers above minutes are sealed lie beside the blocks. */
const SEALED = 'sealed';

/** The blocks of all tiers, in the database and, those used last, in memory. */
export class StoredBlocks implements BlockSource {
  revision = 0;
  end = 0;
  /** Blocks that were put aside because they are damaged, since the store was made. */
  damaged = 0;
  readonly sealed: number[] = TIER_MINUTES.map(() => Infinity);
  readonly #database: DatabaseSync;
  /** Periods that have a block, by tier, and the revision that it was written in. */
  readonly #periods: Map<number, number>[] = TIER_MINUTES.map(() => new Map());
  /** Blocks by id, the one used last at the end. */
  readonly #cache = new Map<number, Uint8Array>();
  #cachedBytes = 0;
  readonly #readBlock: StatementSync;
  readonly #firstBlock: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#readBlock = database.prepare('SELECT data FROM blocks WHERE id = ?');
    this.#firstBlock = database.prepare('SELECT min(id) AS id FROM blocks WHERE id >= ? AND id < ?');
  }

  /**
   * Learns which there are, and up to where each tier is sealed. In a new store, and in one of an earlier version, whose
   * checkpoints wrote all tiers, that is up to now: of a coarser tier up to the period that is not over.
   */
  load(nowMinute: number): void {
    // As one text: a row each takes ten times as long.
    const { ids } = this.#database.prepare('SELECT json_group_array(id) AS ids FROM blocks').get() as { ids: string };
    for (const id of JSON.parse(ids) as number[]) this.#note(Math.floor(id / TIER_FACTOR), id % TIER_FACTOR);
    this.damaged = Number(this.#database.prepare('SELECT count(*) AS n FROM damaged').get()?.['n']);
    const saved = this.#savedSeals();
    if (saved !== undefined) this.#seal(JSON.parse(saved) as number[]);
    else {
      const minute = Math.max(nowMinute, this.end);
      this.#seal(TIER_MINUTES.slice(1).map((_, i) => (i + 1 === LIFETIME ? minute : periodOf(i + 1, minute))));
    }
  }

  /** Whether the store is new, or was written by an earlier version until now. */
  get isEarlier(): boolean {
    return this.#savedSeals() === undefined;
  }

  #savedSeals(): string | undefined {
    const row = this.#database.prepare('SELECT value FROM meta WHERE key = ?').get(SEALED);
    return row && String(row['value']);
  }

  #seal(minutes: readonly number[]): void {
    minutes.forEach((minute, i) => {
      this.sealed[i + 1] = minute;
    });
  }

  #note(tier: number, period: number): void {
    this.#periods[tier].set(period, this.revision);
    if (tier === 0) this.end = Math.max(this.end, period + 1);
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
      return row && checkBlock(row.data);
    } catch (error) {
      const what = tier === LIFETIME ? 'the totals' : `the block of ${new Date(period * 60_000).toISOString()}`;
      throw new StoreFileError(explainDamage(this.#database.location() ?? '', what, error), { cause: error });
    }
  }

  /** Period of the first block of a tier that does not lie before a minute; Infinity when there is none. */
  firstFrom(tier: number, minute: number): number {
    const from = tier * TIER_FACTOR;
    const { id } = this.#firstBlock.get(from + minute, from + TIER_FACTOR) as { id: number | null };
    return id === null ? Infinity : id % TIER_FACTOR;
  }

  /** Writes blocks, and what is sealed, within a transaction; when that succeeded `noteWritten` follows. */
  write(blocks: readonly NewBlock[], sealed: readonly number[] = this.sealed): void {
    const insert = this.#database.prepare('INSERT OR REPLACE INTO blocks VALUES (?, ?)');
    for (const { tier, period, bytes } of blocks) insert.run(tier * TIER_FACTOR + period, bytes);
    const text = JSON.stringify(sealed.slice(1));
    this.#database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(SEALED, text);
  }

  noteWritten(blocks: readonly NewBlock[]): void {
    this.revision++;
    for (const { tier, period, bytes } of blocks) {
      this.#note(tier, period);
      this.#keep(tier * TIER_FACTOR + period, bytes);
    }
  }

  /** Writes a block, and seals its tier behind it. */
  rollUp(block: NewBlock, to: number): void {
    const sealed = this.sealed.with(block.tier, to);
    transaction(this.#database, () => this.write([block], sealed));
    this.sealed[block.tier] = to;
    this.noteWritten([block]);
  }

  /** Seals a tier up to a minute where there is nothing to roll up. The next transaction writes that. */
  skip(tier: number, to: number): void {
    this.sealed[tier] = to;
  }

  /** Takes a damaged block out, keeps its bytes for whoever wants to look into them, and puts another in its place. */
  putAside(tier: number, period: number, anew: Uint8Array | undefined): void {
    const id = tier * TIER_FACTOR + period;
    const blocks = anew === undefined ? [] : [{ tier, period, bytes: anew }];
    transaction(this.#database, () => {
      this.#database.prepare('INSERT INTO damaged SELECT id, data FROM blocks WHERE id = ?').run(id);
      this.#database.prepare('DELETE FROM blocks WHERE id = ?').run(id);
      this.write(blocks);
    });
    this.#periods[tier].delete(period);
    this.noteWritten(blocks);
    this.damaged++;
  }

  /** Drops blocks of a tier whose whole period lies before `minute`, and that coarser tiers have taken up. */
  dropBefore(tier: number, minute: number): void {
    const limit = Math.min(minute, this.sealed[tier + 1], this.sealed[LIFETIME]);
    const gone = [...this.#periods[tier].keys()].filter((period) => period + TIER_MINUTES[tier] <= limit);
    if (gone.length === 0) return;
    const from = tier * TIER_FACTOR;
    transaction(this.#database, () => {
      this.#database
        .prepare('DELETE FROM blocks WHERE id >= ? AND id <= ?')
        .run(from, from + limit - TIER_MINUTES[tier]);
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
