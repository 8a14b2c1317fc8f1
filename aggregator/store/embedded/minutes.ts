import type { IncrementSink } from '../../otlp/increments.ts';
import { RowTable } from './rows.ts';
import type { SeriesDirectory } from './series.ts';

/** Tables that are kept for re-use, and how large each may be: 32 MiB. */
const MAX_SPARE = 4;
const MAX_SPARE_DOUBLES = 1 << 22;

/** What arrived since the last checkpoint, by minute since 1970. */
export class OpenMinutes implements IncrementSink {
  readonly tables = new Map<number, RowTable>();
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
    for (const table of this.tables.values()) doubles += table.arena.length;
    return 8 * doubles;
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

  clear(): void {
    for (const table of this.tables.values()) {
      if (this.#spare.length >= MAX_SPARE || table.arena.values.length > MAX_SPARE_DOUBLES) continue;
      table.clear();
      this.#spare.push(table);
    }
    this.tables.clear();
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
