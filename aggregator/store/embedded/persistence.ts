import type { DatabaseSync } from 'node:sqlite';
import { CHUNK, type Entry, type Instance, type StreamTable } from '../../otlp/streams.ts';
import type { MutationSpan } from '../port.ts';
import type { ClientTables } from './clients.ts';
import { transaction } from './database.ts';
import type { SeriesDirectory, SeriesKey } from './series.ts';
import type { SpanShelf } from './spans.ts';
import { StoredBlocks } from './stored-blocks.ts';
import type { NewBlock } from './tiers.ts';

const MINUTE_MS = 60_000;

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

/** Everything of the embedded store that lies in its database: the blocks, and the state of what receives. */
export class Persistence {
  readonly blocks: StoredBlocks;
  readonly #database: DatabaseSync;
  readonly #directory: SeriesDirectory;
  readonly #streams: StreamTable;
  readonly #spans: SpanShelf;
  readonly #clients: ClientTables;
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
    this.blocks = new StoredBlocks(database);
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
  load(nowMs: number): void {
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
    this.blocks.load(Math.floor(nowMs / MINUTE_MS));
    this.#streams.forgottenMs = Number(this.meta('forgottenMs') ?? -Infinity);
    this.#noteSaved();
    // Last: where fewer versions are told apart than were, what loses its name now must be saved.
    for (const { id, key } of this.#all<{ id: number; key: string }>('SELECT id, key FROM series ORDER BY id'))
      this.#directory.restore(id, JSON.parse(key) as SeriesKey);
  }

  /** Writes everything that changed, all or nothing. */
  save(checkpoint: Checkpoint): void {
    transaction(this.#database, () => {
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
      this.blocks.write(checkpoint.blocks);
      this.setMeta('journal', String(checkpoint.journal));
      if (checkpoint.newestPointMs !== undefined) this.setMeta('newestPointMs', String(checkpoint.newestPointMs));
      if (checkpoint.lastArrivalMs !== undefined) this.setMeta('lastArrivalMs', String(checkpoint.lastArrivalMs));
      this.setMeta('arrivals', checkpoint.arrivals);
      if (this.#streams.forgottenMs > 0) this.setMeta('forgottenMs', String(this.#streams.forgottenMs));
    });
    this.blocks.noteWritten(checkpoint.blocks);
    this.#noteSaved();
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

  #all<Row>(sql: string): Iterable<Row> {
    return this.#database.prepare(sql).iterate() as Iterable<Row>;
  }
}
