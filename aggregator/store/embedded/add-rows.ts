/**
 * Adds the rows of a whole block to the cells of their groups: `add-rows.wat`, eight counts at a time. It adds what nearly
 * all rows are: exponential, on a level of the grid, with counts of two bytes at most. The others are left to who asked.
 */
import { ADD_ROWS } from './add-rows-module.ts';
import { GROUP, placeOf } from './count-groups.ts';
import { GRID_CELLS, type LevelSums, MAX_LEVEL } from './grid.ts';

/** Columns of a block's histogram rows, of which the first `rows` entries mean something. */
export interface HistogramColumns {
  readonly series: Int32Array;
  readonly first: Int32Array;
  readonly cells: Int32Array;
  readonly scale: Int32Array;
  readonly width: Int32Array;
  /** Sums, minima and maxima, each as many as there is room for rows. */
  readonly totals: Float64Array;
}

/** The histogram rows of a block. */
export interface BlockRows {
  readonly rows: number;
  readonly columns: HistogramColumns;
  /** Widths of the groups of counts. */
  readonly widths: Int32Array;
  /** From the first count on, to the end of the block. */
  readonly counts: Uint8Array;
}

/** Rows that were not added, four numbers each: of the row, of its series, where its counts begin, and its groups. */
export type LeftRows = Int32Array;
export const LEFT_NUMBERS = 4;

/** What was added of all groups. */
export interface AddedRows {
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly levels: readonly LevelSums[];
}

/** The group of series whose rows are left. */
export const LEFT_ALONE = -2;

/** Who adds. Another one may begin before it has taken what was added. */
export interface Adding {
  /** The group of each series, -1 of those that nobody asked for, `LEFT_ALONE`. */
  readonly groupOf: Int32Array;
  readonly groups: number;
  /** Told before what it has added is made room for. */
  takeAdded(): void;
}

/** As `add-rows.wat` has them. */
const WIDTHS = 17;
const TABLE_BYTES = 64;
const MASKS = WIDTHS * TABLE_BYTES;
const START = 2048;
/** Widths of a group up to here are read in lanes of 16 bits: a count lies in two bytes. */
const WIDEST_IN_TWO_BYTES = 9;

const PAGE_BYTES = 2 ** 16;
const LEVELS = MAX_LEVEL + 1;
/** A group has the cells of all levels, one level behind the other. */
const GROUP_CELLS = 2 * GRID_CELLS;
const GROUP_BYTES = 4 * GROUP_CELLS;
/** The last eight counts of the last group may be written beyond it. */
const BEHIND_CELLS = 4 * GROUP;
/** Sixteen bytes are read where a count may lie. */
const BEHIND_COUNTS = 16;
const COLUMNS = 5;
/** Of questions about more groups the rows are shown one by one. */
export const MAX_GROUPS = 2 ** 24 / GROUP_BYTES;
/** A cell of a group has 32 bits, and each row adds 16 at most. */
const MAX_ROWS = 2 ** 16;

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly add: (...numbers: number[]) => number;
  readonly take: (...numbers: number[]) => void;
}

/** What is used of it here: with Node's types alone the compiler does not know it. Absent under `node --jitless`. */
declare const WebAssembly:
  | undefined
  | {
      validate(bytes: Uint8Array): boolean;
      readonly Module: new (bytes: Uint8Array) => object;
      readonly Instance: new (module: object) => { readonly exports: object };
    };

let made: { readonly adder: RowAdder | undefined } | undefined;

/** The one that all questions share; undefined where there is no WebAssembly, none with vectors, or no memory for it. */
export function rowAdder(): RowAdder | undefined {
  made ??= { adder: makeAdder() };
  return made.adder;
}

function makeAdder(): RowAdder | undefined {
  const bytes = Buffer.from(ADD_ROWS, 'base64');
  if (typeof WebAssembly === 'undefined' || !WebAssembly.validate(bytes)) return undefined;
  return new RowAdder(new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as Exports);
}

export class RowAdder {
  readonly #memory: Exports['memory'];
  readonly #add: Exports['add'];
  readonly #take: Exports['take'];
  #bytes: Uint8Array;
  #words: Int32Array;
  #doubles: Float64Array;
  #adding: Adding | undefined;
  #rows = 0;
  /** Room for series and groups, and where each area begins. */
  #series = 0;
  #groups = 0;
  #ranges = 0;
  #sums = 0;
  #cells = 0;
  #block = START;

  constructor({ memory, add, take }: Exports) {
    this.#memory = memory;
    this.#add = add;
    this.#take = take;
    const { buffer } = memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
    writeTables(this.#bytes, new DataView(buffer));
  }

  /** @returns the rows that were not added, valid until the next call */
  add(adding: Adding, { rows, columns, widths, counts }: BlockRows): LeftRows {
    if (this.#adding !== adding || this.#rows + rows > MAX_ROWS) this.#begin(adding);
    this.#rows += rows;
    const columnBytes = 4 * aligned(rows);
    const totals = this.#block;
    const series = totals + 3 * 2 * columnBytes;
    const left = series + COLUMNS * columnBytes;
    const widthsAt = left + LEFT_NUMBERS * columnBytes;
    const countsAt = aligned(widthsAt + 4 * widths.length);
    this.#reserve(countsAt + counts.length + BEHIND_COUNTS);
    const step = columns.totals.length / 3;
    for (let i = 0; i < 3; i++)
      this.#doubles.set(columns.totals.subarray(i * step, i * step + rows), (totals + i * 2 * columnBytes) >> 3);
    [columns.series, columns.first, columns.cells, columns.scale, columns.width].forEach((column, i) => {
      this.#words.set(column.subarray(0, rows), (series + i * columnBytes) >> 2);
    });
    this.#words.set(widths, widthsAt >> 2);
    this.#bytes.set(counts, countsAt);
    const n = this.#add(
      rows,
      series,
      columnBytes,
      totals,
      2 * columnBytes,
      widthsAt,
      countsAt,
      START,
      adding.groupOf.length,
      this.#sums,
      8 * this.#groups,
      this.#ranges,
      4 * this.#groups,
      this.#cells,
      left,
    );
    return this.#words.subarray(left >> 2, (left >> 2) + LEFT_NUMBERS * n);
  }

  /** What was added for somebody since he began, or was told to take it; undefined when that is nothing. */
  take(adding: Adding): AddedRows | undefined {
    if (this.#adding !== adding) return undefined;
    this.#adding = undefined;
    const { groups } = adding;
    const totals = (i: number) => {
      const at = (this.#sums >> 3) + i * this.#groups;
      return this.#doubles.slice(at, at + groups);
    };
    const levels: LevelSums[] = [];
    for (let level = 0; level < LEVELS; level++)
      if (this.#hasAny(level, groups)) levels.push(this.#takeLevel(level, groups));
    return { sum: totals(0), min: totals(1), max: totals(2), levels };
  }

  #hasAny(level: number, groups: number): boolean {
    const words = this.#words;
    const high = (this.#ranges >> 2) + (2 * level + 1) * this.#groups;
    for (let i = high; i < high + groups; i++) if (words[i] >= 0) return true;
    return false;
  }

  #takeLevel(level: number, groups: number): LevelSums {
    const ranges = this.#ranges + 2 * level * 4 * this.#groups;
    const low = this.#words.slice(ranges >> 2, (ranges >> 2) + groups);
    const high = this.#words.slice((ranges >> 2) + this.#groups, (ranges >> 2) + this.#groups + groups);
    const start = new Int32Array(groups);
    let length = 0;
    for (let group = 0; group < groups; group++) {
      start[group] = length;
      if (high[group] >= low[group]) length += high[group] - low[group] + 1;
    }
    const totals = this.#block;
    const counts = totals + 8 * groups;
    this.#reserve(counts + 8 * length);
    const cells = this.#cells + 4 * (GROUP_CELLS - (GROUP_CELLS >> level));
    this.#take(groups, ranges, 4 * this.#groups, cells, counts, totals);
    const total = this.#doubles.slice(totals >> 3, counts >> 3);
    return { level, total, low, high, start, counts: this.#doubles.slice(counts >> 3, (counts >> 3) + length) };
  }

  #begin(adding: Adding): void {
    this.#adding?.takeAdded();
    this.#adding = adding;
    this.#rows = 0;
    const { groupOf, groups } = adding;
    if (groupOf.length > this.#series || groups > this.#groups) this.#layOut(groupOf.length, groups);
    this.#words.set(groupOf, START >> 2);
    const ranges = this.#ranges >> 2;
    for (let i = 0; i < 2 * LEVELS; i++)
      this.#words.fill(i % 2 === 0 ? GRID_CELLS : -1, ranges + i * this.#groups, ranges + i * this.#groups + groups);
    const sums = this.#sums >> 3;
    this.#doubles.fill(0, sums, sums + groups);
    this.#doubles.fill(Infinity, sums + this.#groups, sums + this.#groups + groups);
    this.#doubles.fill(-Infinity, sums + 2 * this.#groups, sums + 2 * this.#groups + groups);
  }

  #layOut(series: number, groups: number): void {
    this.#series = aligned(Math.max(this.#series, series));
    this.#groups = aligned(Math.max(this.#groups, groups));
    this.#ranges = START + 4 * this.#series;
    this.#sums = this.#ranges + LEVELS * 2 * 4 * this.#groups;
    this.#cells = this.#sums + 3 * 8 * this.#groups;
    this.#block = aligned(this.#cells + GROUP_BYTES * this.#groups + BEHIND_CELLS);
    this.#reserve(this.#block);
    this.#bytes.fill(0, this.#cells, this.#block);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes.length) return;
    try {
      this.#memory.grow(Math.ceil((bytes - this.#bytes.length) / PAGE_BYTES));
    } catch (error) {
      // What it holds cannot be taken, and must not be added to the next answer.
      made = { adder: undefined };
      throw error;
    }
    const { buffer } = this.#memory;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#doubles = new Float64Array(buffer);
  }
}

/** To a multiple of eight. */
function aligned(n: number): number {
  return (n + 7) & ~7;
}

/** For each width of a group: the bytes that each count lies in, and what brings it to the top of its lane. */
function writeTables(bytes: Uint8Array, view: DataView): void {
  for (let bits = 1; bits < WIDTHS; bits++) {
    const laneBytes = bits <= WIDEST_IN_TWO_BYTES ? 2 : 4;
    for (let i = 0; i < GROUP; i++) {
      const bit = placeOf(i) * bits;
      // Four lanes of four bytes, then the other four in tables of their own.
      const table = bits * TABLE_BYTES + (laneBytes === 4 && i >= 4 ? 32 : 0);
      const lane = laneBytes * (laneBytes === 4 ? i % 4 : i);
      for (let byte = 0; byte < laneBytes; byte++) bytes[table + lane + byte] = (bit >> 3) + byte;
      const factor = 2 ** (8 * laneBytes - bits - (bit & 7));
      if (laneBytes === 2) view.setUint16(table + 16 + lane, factor, true);
      else view.setUint32(table + 16 + lane, factor, true);
    }
  }
  for (let lanes = 0; lanes < GROUP; lanes++) for (let i = 0; i < 2 * lanes; i++) bytes[MASKS + 16 * lanes + i] = 255;
}
