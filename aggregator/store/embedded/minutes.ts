import type { IncrementSink } from '../../otlp/increments.ts';
import { addingTo, visitRows } from './block.ts';
import { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';

/** Tables that are kept for re-use, and how large each may be: 32 MiB. */
const MAX_SPARE = 4;
const MAX_SPARE_DOUBLES = 1 << 22;

/** What arrived since the last checkpoint, by minute since 1970. */
export class OpenMinutes implements IncrementSink {
  tables = new Map<number, RowTable>();
  /** What a checkpoint is writing: nothing is added to it any more, and no block holds it yet. */
  closing = new Map<number, RowTable>();
  readonly #directory: SeriesDirectory;
  /** Tables that are empty and keep their memory. */
  readonly #spare: RowTable[] = [];
  #minute = -1;
  #table: RowTable | undefined;

  constructor(directory: SeriesDirectory) {
    this.#directory = directory;
  }

  /** Memory of the rows. */
  get bytes(): number {
    let doubles = 0;
    for (const tables of [this.tables, this.closing])
      for (const table of tables.values()) doubles += table.arena.length;
    return 8 * doubles;
  }

  /** How many tables there are. */
  get count(): number {
    return this.tables.size + this.closing.size;
  }

  number(series: number, minute: number, value: number): void {
    this.#at(minute).number(series, value);
  }

  explicit(series: number, minute: number, values: Float64Array, at: number): void {
    this.#at(minute).explicitRecord(series, values, at);
  }

  exponential(series: number, minute: number, values: Float64Array, at: number): void {
    this.#at(minute).exponentialRecord(series, values, at);
  }

  edges(bounds: number): ArrayLike<number> {
    return this.#directory.edges[bounds];
  }

  /** A checkpoint begins: what is open is closing from now on. */
  close(): void {
    this.closing = this.tables;
    this.#openNew(new Map());
  }

  /** The checkpoint has succeeded. */
  forgetClosing(): void {
    for (const table of this.closing.values()) {
      if (this.#spare.length >= MAX_SPARE || table.arena.values.length > MAX_SPARE_DOUBLES) continue;
      table.clear();
      this.#spare.push(table);
    }
    this.closing = new Map();
  }

  /** The checkpoint has failed: all is open again. */
  reopen(): void {
    const since = this.tables;
    this.#openNew(this.closing);
    this.closing = new Map();
    for (const [minute, rows] of since) visitRows(rows, addingTo(this.#at(minute)));
  }

  #openNew(tables: Map<number, RowTable>): void {
    this.tables = tables;
    this.#minute = -1;
    this.#table = undefined;
  }

  #at(minute: number): RowTable {
    if (minute === this.#minute && this.#table !== undefined) return this.#table;
    let table = this.tables.get(minute);
    if (table === undefined) {
      table = this.#spare.pop() ?? new RowTable(this.#directory);
      this.tables.set(minute, table);
    }
    this.#minute = minute;
    this.#table = table;
    return table;
  }
}
