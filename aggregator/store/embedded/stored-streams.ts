import type { DatabaseSync } from 'node:sqlite';
import type { TakenStreams } from './changes.ts';
import type { Work } from './slices.ts';

/** What one transaction takes of chunks: to end it, and to copy it from SQLite's log into its file, takes a millisecond each. */
const PORTION_BYTES = 512 * 1024;
/** What is added to the number of a chunk for its second place: more than there can be chunks. */
const SECOND = 2 ** 32;

/**
 * Chunks of the stream table in the database. Each has two places, of which one counts, as the database says: a checkpoint
 * writes to the other one, which counts when the checkpoint ends. So what it writes before, in transactions of their own,
 * is as if it had not been, until then. In a single transaction with the rest the chunks of 100,000 streams kept everybody
 * waiting for 6 to 20 ms at its end, and for 8 to 22 ms while SQLite copied it.
 */
export class StoredStreams {
  readonly #database: DatabaseSync;
  /** Chunks whose second place counts. */
  #second: ReadonlySet<number> = new Set();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Reads every chunk, in ascending order.
   * @param places what `write` returned last; undefined before the first time
   */
  load(places: string | undefined, restore: (data: Uint8Array) => void): void {
    this.#second = new Set(places === undefined ? [] : (JSON.parse(places) as number[]));
    const rows = this.#database.prepare('SELECT chunk FROM streams').all() as { chunk: number }[];
    const read = this.#database.prepare('SELECT data FROM streams WHERE chunk = ?');
    for (const chunk of new Set(rows.map((row) => row.chunk % SECOND).sort((a, b) => a - b))) {
      const row = read.get(chunk + (this.#second.has(chunk) ? SECOND : 0)) as { data: Uint8Array } | undefined;
      // A new chunk of a checkpoint that did not end has none that counts.
      if (row !== undefined) restore(row.data);
    }
  }

  /**
   * Writes chunks within a transaction, which it ends and begins anew in between.
   * @param settle what must be done with a transaction that has ended
   * @returns which places count when the last transaction has ended, for the database to keep; `noteWritten` follows then
   */
  *write(taken: TakenStreams, settle: () => Work): Work<string> {
    const insert = this.#database.prepare('INSERT OR REPLACE INTO streams VALUES (?, ?)');
    let bytes = 0;
    for (const chunk of taken.chunks) {
      if (bytes >= PORTION_BYTES) {
        this.#database.exec('COMMIT');
        yield* settle();
        this.#database.exec('BEGIN IMMEDIATE');
        bytes = 0;
      }
      const data = taken.take(chunk);
      insert.run(chunk + (this.#second.has(chunk) ? 0 : SECOND), data);
      bytes += data.byteLength;
      yield;
    }
    return JSON.stringify([...this.#placesAfter(taken)]);
  }

  noteWritten(taken: TakenStreams): void {
    this.#second = this.#placesAfter(taken);
  }

  #placesAfter({ chunks }: TakenStreams): ReadonlySet<number> {
    const second = new Set(this.#second);
    for (const chunk of chunks) if (!second.delete(chunk)) second.add(chunk);
    return second;
  }
}
