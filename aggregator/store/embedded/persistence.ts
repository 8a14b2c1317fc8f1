import type { DatabaseSync } from 'node:sqlite';
import type { Entry, Instance, StreamTable } from '../../otlp/streams.ts';
import type { MutationSpan } from '../port.ts';
import { type Changes, type Changing, forgetChanges, giveBack, takeChanges } from './changes.ts';
import type { ClientTables } from './clients.ts';
import type { SeriesDirectory, SeriesKey } from './series.ts';
import type { Sliced, Work } from './slices.ts';
import type { SpanShelf } from './spans.ts';
import { StoredBlocks } from './stored-blocks.ts';
import { StoredStreams } from './stored-streams.ts';
import type { NewBlock } from './tiers.ts';

const MINUTE_MS = 60_000;
/** The place of each chunk of streams that counts. */
const STREAM_PLACES = 'streamPlaces';

/** What one checkpoint writes, beside what changed. */
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
  readonly #streams: StoredStreams;
  readonly #changing: Changing;
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
    this.#changing = { directory, streams, spans, clients };
    this.blocks = new StoredBlocks(database);
    this.#streams = new StoredStreams(database);
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
    const { directory, streams, spans, clients } = this.#changing;
    for (const { list } of this.#all<{ list: string }>('SELECT list FROM edges ORDER BY id'))
      directory.restoreEdges(Float64Array.from(JSON.parse(list) as number[]));
    for (const { id, instance } of this.#all<{ id: number; instance: string }>(
      'SELECT id, instance FROM instances ORDER BY id',
    ))
      streams.restoreInstance(id, JSON.parse(instance) as Instance);
    for (const { id, entry } of this.#all<{ id: number; entry: string }>('SELECT id, entry FROM entries ORDER BY id'))
      streams.restoreEntry(id, JSON.parse(entry) as Entry);
    this.#streams.load(this.meta(STREAM_PLACES), (data) => this.#loadStreams(data));
    streams.rebuildIndex();
    for (const { span } of this.#all<{ span: string }>('SELECT span FROM spans'))
      spans.offer(JSON.parse(span) as MutationSpan);
    for (const { hour, data } of this.#all<{ hour: number; data: string }>('SELECT hour, data FROM clients'))
      clients.restore(hour, data);
    const { isEarlier } = this.blocks;
    this.blocks.load(Math.floor(nowMs / MINUTE_MS));
    streams.forgottenMs = Number(this.meta('forgottenMs') ?? -Infinity);
    this.#savedEdges = directory.edges.length;
    forgetChanges(this.#changing);
    // Last, since it is to be saved: which series lose their names where fewer versions are told apart than were, and ...
    for (const { id, key } of this.#all<{ id: number; key: string }>('SELECT id, key FROM series ORDER BY id'))
      directory.restore(id, JSON.parse(key) as SeriesKey);
    // ... those that starts of earlier versions found, and did not save.
    if (isEarlier) streams.findAllSeries();
  }

  /** Takes what changed since the last checkpoint: to be written, or to be given back. */
  take(): Changes {
    return takeChanges(this.#changing, this.#savedEdges);
  }

  giveBack(changes: Changes): void {
    giveBack(changes, this.#changing);
  }

  /**
   * Writes everything that changed, all or nothing: what counts is in the last transaction. Blocks come last of all, with
   * what ends it: nobody may see them before.
   * @param settle what must be done with each transaction but the last when it has ended
   * @throws the system's error; nothing counts then
   */
  *write(changes: Changes, checkpoint: Checkpoint, settle: () => Work): Work {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const places = yield* this.#streams.write(changes.streams, settle);
      yield* this.#writeChanges(changes, checkpoint.gone);
      this.setMeta(STREAM_PLACES, places);
      this.blocks.write(checkpoint.blocks);
      this.setMeta('journal', String(checkpoint.journal));
      if (checkpoint.newestPointMs !== undefined) this.setMeta('newestPointMs', String(checkpoint.newestPointMs));
      if (checkpoint.lastArrivalMs !== undefined) this.setMeta('lastArrivalMs', String(checkpoint.lastArrivalMs));
      this.setMeta('arrivals', checkpoint.arrivals);
      const { forgottenMs } = this.#changing.streams;
      if (forgottenMs > 0) this.setMeta('forgottenMs', String(forgottenMs));
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    this.blocks.noteWritten(checkpoint.blocks);
    this.#streams.noteWritten(changes.streams);
    this.#savedEdges += changes.edges.length;
  }

  *#writeChanges(changes: Changes, gone: Gone): Sliced {
    // First, since a number may have been given anew meanwhile; in this transaction, since streams name these numbers.
    for (const table of ['series', 'instances', 'entries', 'spans', 'clients'] as const) this.#drop(table, gone[table]);
    yield;
    yield* this.#insert('series', changes.series, (key) => JSON.stringify(key));
    yield* this.#insert('edges', changes.edges, (list) => JSON.stringify(Array.from(list)));
    yield* this.#insert('entries', changes.entries, (entry) => JSON.stringify(entry));
    yield* this.#insert('instances', changes.instances, (instance) => instance);
    yield* this.#insert('clients', changes.clients, (hour) => hour);
    const remove = this.#database.prepare('DELETE FROM spans WHERE hour = ?');
    const insertSpan = this.#database.prepare('INSERT INTO spans (hour, span) VALUES (?, ?)');
    for (const [hour, spans] of changes.spans) {
      remove.run(hour);
      for (const span of spans) {
        insertSpan.run(hour, JSON.stringify(span));
        yield;
      }
    }
  }

  *#insert<Row>(table: string, rows: Iterable<readonly [number, Row]>, textOf: (row: Row) => string): Sliced {
    const insert = this.#database.prepare(`INSERT OR REPLACE INTO ${table} VALUES (?, ?)`);
    for (const [number, row] of rows) {
      insert.run(number, textOf(row));
      yield;
    }
  }

  #drop(table: keyof Gone, numbers: readonly number[]): void {
    if (numbers.length === 0) return;
    const remove = this.#database.prepare(
      `DELETE FROM ${table} WHERE ${table === 'spans' || table === 'clients' ? 'hour' : 'id'} = ?`,
    );
    for (const number of numbers) remove.run(number);
  }

  #loadStreams(data: Uint8Array): void {
    const values = new Float64Array(new Uint8Array(data).buffer);
    for (let at = 0; at < values.length; ) {
      const [id, instance, entry, older, length] = values.subarray(at, at + 5);
      at += 5;
      this.#changing.streams.restore(id, instance, entry, older, values.subarray(at, at + length));
      at += length;
    }
  }

  #all<Row>(sql: string): Iterable<Row> {
    return this.#database.prepare(sql).iterate() as Iterable<Row>;
  }
}
