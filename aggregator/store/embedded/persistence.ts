import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { CHUNK, type Entry, type Instance, type StreamTable } from '../../otlp/streams.ts';
import type { MutationSpan } from '../port.ts';
import type { ClientTables } from './clients.ts';
import { compact, expand } from './compact.ts';
import { explainDamage, StoreFileError } from './database.ts';
import { type Pack, pack, packRule, periodsOf, unpack } from './pack.ts';
import type { SeriesDirectory, SeriesKey } from './series.ts';
import type { SpanShelf } from './spans.ts';
import type { BlockSource, NewBlock } from './tiers.ts';
import { LIFETIME, TIER_MINUTES } from './tiers.ts';

/** Periods are numbered in minutes: below 2^40 until the year 2,000,000. */
const TIER_FACTOR = 2 ** 40;
/** Blocks read from the disk stay in memory up to this many bytes. */
const CACHE_BYTES = 192 * 1024 * 1024;

/** What one checkpoint writes, in one transaction. */
export interface Checkpoint {
  readonly blocks: readonly NewBlock[];
  /** Journal files before this one are no longer needed. */
  readonly journal: number;
  readonly newestPointMs: number | undefined;
  readonly lastArrivalMs: number | undefined;
  /** When each service last sent something, as it is written. */
  readonly arrivals: string;
  /** Numbers that were given back since the last checkpoint that succeeded; they may be in use again. */
  readonly gone: Gone;
}

/** Rows to remove, by table. */
export type Gone = Readonly<Record<'series' | 'instances' | 'entries' | 'spans' | 'clients', readonly number[]>>;

/** Everything of the embedded store that lies in its database. */
export class Persistence implements BlockSource {
  revision = 0;
  readonly #database: DatabaseSync;
  readonly #directory: SeriesDirectory;
  readonly #streams: StreamTable;
  readonly #spans: SpanShelf;
  readonly #clients: ClientTables;
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
  /** Lists of edges already written. */
  #savedEdges = 0;

  constructor(
    database: DatabaseSync,
    directory: SeriesDirectory,
    streams: StreamTable,
    spans: SpanShelf,
    clients: ClientTables,
  ) {
    this.#database = database;
    this.#directory = directory;
    this.#streams = streams;
    this.#spans = spans;
    this.#clients = clients;
    this.#readBlock = database.prepare('SELECT data FROM blocks WHERE id = ?');
    this.#findPack = database.prepare('SELECT id, places FROM packs WHERE id > ? AND id <= ? ORDER BY id DESC');
    this.#readPack = database.prepare('SELECT places, data FROM packs WHERE id = ?');
    this.#oldestBlock = database.prepare('SELECT min(id) AS id FROM blocks WHERE id >= ? AND id < ?');
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
      return row === undefined ? this.#unpack(tier, period) : expand(row.data);
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
    return packed === undefined ? undefined : expand(new Uint8Array(packed));
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
    this.#transaction(() => {
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

  /** Bytes of the blocks that are in memory because they were read or written lately. */
  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  /** Number of blocks. */
  get blocks(): number {
    return this.#periods.reduce((sum, { size }) => sum + size, 0);
  }

  meta(key: string): string | undefined {
    const row = this.#database.prepare('SELECT value FROM meta WHERE key = ?').get(key) as
      | { value: string }
      | undefined;
    return row?.value;
  }

  setMeta(key: string, value: string): void {
    this.#database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(key, value);
  }

  /** Brings back what the last checkpoint saved. */
  load(): void {
    for (const { id, key } of this.#all<{ id: number; key: string }>('SELECT id, key FROM series ORDER BY id'))
      this.#directory.restore(id, JSON.parse(key) as SeriesKey);
    this.#directory.changed.clear();
    for (const { list } of this.#all<{ list: string }>('SELECT list FROM edges ORDER BY id'))
      this.#directory.restoreEdges(Float64Array.from(JSON.parse(list) as number[]));
    for (const { id, instance } of this.#all<{ id: number; instance: string }>(
      'SELECT id, instance FROM instances ORDER BY id',
    ))
      this.#streams.restoreInstance(id, JSON.parse(instance) as Instance);
    for (const { id, entry } of this.#all<{ id: number; entry: string }>('SELECT id, entry FROM entries ORDER BY id'))
      this.#streams.restoreEntry(id, JSON.parse(entry) as Entry);
    for (const { data } of this.#all<{ data: Uint8Array }>('SELECT data FROM streams ORDER BY chunk'))
      this.#loadStreams(data);
    this.#streams.rebuildIndex();
    for (const { span } of this.#all<{ span: string }>('SELECT span FROM spans'))
      this.#spans.offer(JSON.parse(span) as MutationSpan);
    for (const { hour, data } of this.#all<{ hour: number; data: string }>('SELECT hour, data FROM clients'))
      this.#clients.restore(hour, data);
    for (const { id } of this.#all<{ id: number }>('SELECT id FROM blocks'))
      this.#periods[Math.floor(id / TIER_FACTOR)].set(id % TIER_FACTOR, this.revision);
    for (const { id, places } of this.#all<{ id: number; places: Uint8Array }>('SELECT id, places FROM packs')) {
      const tier = Math.floor(id / TIER_FACTOR);
      for (const period of periodsOf(tier, id % TIER_FACTOR, places)) this.#periods[tier].set(period, this.revision);
    }
    this.#streams.forgottenMs = Number(this.meta('forgottenMs') ?? -Infinity);
    this.#noteSaved();
  }

  /** Writes everything that changed, all or nothing. */
  save(checkpoint: Checkpoint): void {
    this.#transaction(() => {
      // First, since a number may have been given anew meanwhile; in this transaction, since streams name these numbers.
      for (const table of ['series', 'instances', 'entries', 'spans', 'clients'] as const)
        this.#drop(table, checkpoint.gone[table]);
      const insertSeries = this.#database.prepare('INSERT OR REPLACE INTO series VALUES (?, ?)');
      for (const id of this.#directory.changed) insertSeries.run(id, JSON.stringify(this.#directory.series[id]));
      const insertEdges = this.#database.prepare('INSERT INTO edges VALUES (?, ?)');
      this.#directory.edges.slice(this.#savedEdges).forEach((list, i) => {
        insertEdges.run(this.#savedEdges + i, JSON.stringify(Array.from(list)));
      });
      this.#saveStreams();
      this.#saveSpans();
      this.#saveClients();
      const insertBlock = this.#database.prepare('INSERT OR REPLACE INTO blocks VALUES (?, ?)');
      for (const { tier, period, bytes } of checkpoint.blocks)
        insertBlock.run(tier * TIER_FACTOR + period, compact(bytes));
      this.setMeta('journal', String(checkpoint.journal));
      if (checkpoint.newestPointMs !== undefined) this.setMeta('newestPointMs', String(checkpoint.newestPointMs));
      if (checkpoint.lastArrivalMs !== undefined) this.setMeta('lastArrivalMs', String(checkpoint.lastArrivalMs));
      this.setMeta('arrivals', checkpoint.arrivals);
      if (this.#streams.forgottenMs > 0) this.setMeta('forgottenMs', String(this.#streams.forgottenMs));
    });
    this.revision++;
    for (const { tier, period, bytes } of checkpoint.blocks) {
      this.#periods[tier].set(period, this.revision);
      this.#keep(tier * TIER_FACTOR + period, bytes);
    }
    this.#noteSaved();
  }

  /** Drops blocks of a tier whose whole period lies before `minute`. */
  dropBefore(tier: number, minute: number): void {
    const gone = [...this.#periods[tier].keys()].filter((period) => period + TIER_MINUTES[tier] <= minute);
    if (gone.length === 0) return;
    const from = tier * TIER_FACTOR;
    const lastPack = minute - (packRule(tier)?.longestMinutes ?? 0);
    this.#transaction(() => {
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

  #drop(table: keyof Gone, numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    const remove = this.#database.prepare(
      `DELETE FROM ${table} WHERE ${table === 'spans' || table === 'clients' ? 'hour' : 'id'} = ?`,
    );
    for (const number of numbers) remove.run(number);
  }

  #saveStreams(): void {
    const insertEntry = this.#database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
    for (const id of this.#streams.newEntries) insertEntry.run(id, JSON.stringify(this.#streams.entries[id]));
    const insertInstance = this.#database.prepare('INSERT OR REPLACE INTO instances VALUES (?, ?)');
    for (const id of this.#streams.changedInstances)
      insertInstance.run(id, JSON.stringify(this.#streams.instances[id]));
    const insertChunk = this.#database.prepare('INSERT OR REPLACE INTO streams VALUES (?, ?)');
    for (const chunk of this.#streams.dirtyChunks) insertChunk.run(chunk, this.#packStreams(chunk));
  }

  /** Streams of a chunk, one behind the other: number, instance, entry, older, length of the state, the state. */
  #packStreams(chunk: number): Uint8Array {
    const { entryOf, instanceOf, older, state, stateLength, arena, length } = this.#streams;
    const end = Math.min((chunk + 1) * CHUNK, length);
    let size = 0;
    for (let id = chunk * CHUNK; id < end; id++)
      if (entryOf[id] >= 0) size += 5 + (state[id] < 0 ? 0 : stateLength[id]);
    const out = new Float64Array(size);
    let to = 0;
    for (let id = chunk * CHUNK; id < end; id++) {
      if (entryOf[id] < 0) continue;
      const at = state[id];
      const kept = at < 0 ? 0 : stateLength[id];
      out[to++] = id;
      out[to++] = instanceOf[id];
      out[to++] = entryOf[id];
      out[to++] = older[id];
      out[to++] = kept;
      for (let i = 0; i < kept; i++) out[to++] = arena.values[at + i];
    }
    return new Uint8Array(out.buffer);
  }

  #loadStreams(data: Uint8Array): void {
    const values = new Float64Array(new Uint8Array(data).buffer);
    for (let at = 0; at < values.length; ) {
      const [id, instance, entry, older, length] = values.subarray(at, at + 5);
      at += 5;
      this.#streams.restore(id, instance, entry, older, values.subarray(at, at + length));
      at += length;
    }
  }

  #saveClients(): void {
    const insert = this.#database.prepare('INSERT OR REPLACE INTO clients VALUES (?, ?)');
    for (const hour of this.#clients.dirtyHours) insert.run(hour, this.#clients.save(hour));
  }

  #saveSpans(): void {
    const remove = this.#database.prepare('DELETE FROM spans WHERE hour = ?');
    const insert = this.#database.prepare('INSERT INTO spans (hour, span) VALUES (?, ?)');
    for (const hour of this.#spans.dirtyHours) {
      remove.run(hour);
      for (const span of this.#spans.ofHour(hour)) insert.run(hour, JSON.stringify(span));
    }
  }

  #noteSaved(): void {
    this.#savedEdges = this.#directory.edges.length;
    this.#directory.changed.clear();
    this.#streams.newEntries.clear();
    this.#streams.changedInstances.clear();
    this.#streams.dirtyChunks.clear();
    this.#spans.dirtyHours.clear();
    this.#clients.dirtyHours.clear();
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #all<Row>(sql: string): Iterable<Row> {
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
