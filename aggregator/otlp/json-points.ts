import { EXPLICIT, EXPONENTIAL, NUMBER } from './batch.ts';
import type { ByteTable } from './byte-table.ts';
import { Fields, type JsonCursor, OPEN_BRACE, OPEN_BRACKET } from './json-cursor.ts';
import { malformedJson } from './json-reader.ts';
import {
  COUNT,
  EXPLICIT_COUNTS,
  EXPLICIT_N,
  EXPONENTIAL_COUNTS,
  EXPONENTIAL_N,
  MAX,
  MAX_BUCKETS,
  MIN,
  OFFSET,
  presentNumber,
  SCALE,
  START,
  SUM,
  TIME,
  VALUE,
  ZERO_COUNT,
} from './judgement.ts';

/** Numbers of the fields that all points have; those that a kind of point has for itself follow. */
const START_TIME = 0;
const TIME_FIELD = 1;
const ATTRIBUTES = 2;
const FLAGS = 3;
const EXEMPLARS = 4;
const COMMON = ['startTimeUnixNano', 'timeUnixNano', 'attributes', 'flags', 'exemplars'] as const;
const AS_INT = 5;
const AS_DOUBLE = 6;
const COUNT_FIELD = 5;
const SUM_FIELD = 6;
const MIN_FIELD = 7;
const MAX_FIELD = 8;
const TOTALS = [...COMMON, 'count', 'sum', 'min', 'max'] as const;
const BUCKET_COUNTS = 9;
const EXPLICIT_BOUNDS = 10;
const SCALE_FIELD = 9;
const ZERO_COUNT_FIELD = 10;
const POSITIVE = 11;
const NEGATIVE = 12;
const ZERO_THRESHOLD = 13;

/** A part of the body that is remembered by its bytes. */
export interface Slice {
  /** Number of the entry in a table that was expected and stands there; else -1. */
  entry: number;
  start: number;
  /** 0 where the field is absent. */
  length: number;
}

/**
 * Reads single points of a JSON body, each straight into the record at `at` of an array that has room for it
 * (`RECORD_ROOM`). Beside the record it leaves behind, until the next point, what its public fields say.
 */
export class JsonPointReader {
  readonly cursor: JsonCursor;
  readonly attributes: Slice = { entry: -1, start: 0, length: 0 };
  readonly edges: Slice = { entry: -1, start: 0, length: 0 };
  /** Nothing was recorded: bit 0 of the flags, or a number that is missing. */
  isEmpty = false;
  /** There may be strings in the point that are no attributes of it. */
  hasMore = false;
  /** Sum of all bucket counts and the zero count. */
  total = 0;
  readonly #number = new Fields(...COMMON, 'asInt', 'asDouble');
  readonly #explicit = new Fields(...TOTALS, 'bucketCounts', 'explicitBounds');
  readonly #exponential = new Fields(...TOTALS, 'scale', 'zeroCount', 'positive', 'negative', 'zeroThreshold');
  readonly #buckets = new Fields('offset', 'bucketCounts');
  #offset = 0;
  #n = 0;

  constructor(cursor: JsonCursor) {
    this.cursor = cursor;
  }

  /**
   * @param table of attributes
   * @param guess number in it of those that are expected, -1 where nothing is
   */
  number(values: Float64Array, at: number, table: ByteTable, guess: number): void {
    const { cursor } = this;
    this.#begin(values, at, NUMBER);
    let hasValue = false;
    values[at + VALUE] = 0;
    let seen = 0;
    if (cursor.enters(OPEN_BRACE))
      for (let field = cursor.nextField(this.#number, -1); field >= 0; field = cursor.nextField(this.#number, field)) {
        seen = this.#once(this.#number, seen, field);
        if (field < AS_INT) this.#common(values, at, field, table, guess);
        else if (field > AS_DOUBLE) this.#unknown();
        else if (!cursor.isNull()) {
          if (hasValue) malformedJson();
          hasValue = true;
          values[at + VALUE] = field === AS_INT ? cursor.integer() : (cursor.double() as number);
        }
      }
    if (!hasValue) this.isEmpty = true;
  }

  /** See `number`. @param edges a table of lists of bucket edges, with the one that is expected */
  explicit(values: Float64Array, at: number, table: ByteTable, guess: number, edges: ByteTable, edge: number): void {
    const { cursor } = this;
    const fields = this.#explicit;
    this.#beginHistogram(values, at, EXPLICIT);
    let seen = 0;
    this.#n = 0;
    if (cursor.enters(OPEN_BRACE))
      for (let field = cursor.nextField(fields, -1); field >= 0; field = cursor.nextField(fields, field)) {
        seen = this.#once(fields, seen, field);
        if (field < COUNT_FIELD) this.#common(values, at, field, table, guess);
        else if (field <= MAX_FIELD) this.#totals(values, at, field);
        else if (field === BUCKET_COUNTS) this.#counts(values, at + EXPLICIT_COUNTS);
        else if (field === EXPLICIT_BOUNDS) this.#slice(this.edges, edges, edge);
        else this.#unknown();
      }
    values[at + EXPLICIT_N] = this.#n;
  }

  /** See `number`. */
  exponential(values: Float64Array, at: number, table: ByteTable, guess: number): void {
    const { cursor } = this;
    const fields = this.#exponential;
    this.#beginHistogram(values, at, EXPONENTIAL);
    values[at + SCALE] = 0;
    values[at + OFFSET] = 0;
    values[at + EXPONENTIAL_N] = 0;
    let zeroCount = 0;
    let negative = 0;
    let seen = 0;
    if (cursor.enters(OPEN_BRACE))
      for (let field = cursor.nextField(fields, -1); field >= 0; field = cursor.nextField(fields, field)) {
        seen = this.#once(fields, seen, field);
        if (field < COUNT_FIELD) this.#common(values, at, field, table, guess);
        else if (field <= MAX_FIELD) this.#totals(values, at, field);
        else if (field === SCALE_FIELD) values[at + SCALE] = cursor.integer();
        else if (field === ZERO_COUNT_FIELD) zeroCount = cursor.count();
        else if (field === POSITIVE) {
          this.#side(values, at + EXPONENTIAL_COUNTS);
          values[at + OFFSET] = this.#offset;
          values[at + EXPONENTIAL_N] = this.#n;
        } else if (field === NEGATIVE) negative = this.#side(NEGATIVE_COUNTS, 0);
        else if (field === ZERO_THRESHOLD) cursor.double();
        else this.#unknown();
      }
    this.total += zeroCount;
    values[at + ZERO_COUNT] = zeroCount + negative;
  }

  #begin(values: Float64Array, at: number, kind: number): void {
    values[at] = kind;
    values[at + START] = 0;
    values[at + TIME] = 0;
    this.attributes.entry = -1;
    this.attributes.length = 0;
    this.isEmpty = false;
    this.hasMore = false;
  }

  #beginHistogram(values: Float64Array, at: number, kind: number): void {
    this.#begin(values, at, kind);
    values[at + COUNT] = 0;
    values[at + SUM] = Number.NaN;
    values[at + MIN] = Number.NaN;
    values[at + MAX] = Number.NaN;
    this.edges.entry = -1;
    this.edges.length = 0;
    this.total = 0;
  }

  /** A name that stands twice is refused: readers disagree on which of both counts. */
  #once(fields: Fields, seen: number, field: number): number {
    if (field !== fields.unknown && (seen & (1 << field)) !== 0) malformedJson();
    return seen | (1 << field);
  }

  #common(values: Float64Array, at: number, field: number, table: ByteTable, guess: number): void {
    const { cursor } = this;
    if (field === ATTRIBUTES) this.#slice(this.attributes, table, guess);
    else if (field === START_TIME) values[at + START] = cursor.nanos();
    else if (field === TIME_FIELD) values[at + TIME] = cursor.nanos();
    else if (field === FLAGS) {
      if (cursor.count() % 2 === 1) this.isEmpty = true;
    } else if (field === EXEMPLARS) {
      const exemplars = cursor.value();
      if (exemplars !== null && !Array.isArray(exemplars)) malformedJson();
      if (exemplars !== null && exemplars.length > 0) this.hasMore = true;
    }
  }

  #totals(values: Float64Array, at: number, field: number): void {
    const { cursor } = this;
    if (field === COUNT_FIELD) {
      values[at + COUNT] = cursor.count();
      return;
    }
    const number = cursor.double();
    const index = field === SUM_FIELD ? SUM : field === MIN_FIELD ? MIN : MAX;
    values[at + index] = number === undefined ? Number.NaN : presentNumber(number);
  }

  #unknown(): void {
    this.cursor.value();
    this.hasMore = true;
  }

  /** What was expected is passed over without being read. */
  #slice(slice: Slice, table: ByteTable, guess: number): void {
    const { cursor } = this;
    slice.start = cursor.pos;
    if (guess >= 0) {
      const length = table.lengthOf(guess);
      if (length > 0 && cursor.has(length) && table.matches(guess, cursor.view, cursor.pos, length)) {
        slice.entry = guess;
        slice.length = length;
        cursor.pos += length;
        return;
      }
    }
    slice.start = cursor.pass();
    slice.length = cursor.pos - slice.start;
  }

  /** Buckets of one side, their counts from `at` on. @returns the sum of the counts */
  #side(values: Float64Array, at: number): number {
    const { cursor } = this;
    const before = this.total;
    this.#offset = 0;
    this.#n = 0;
    let seen = 0;
    if (cursor.enters(OPEN_BRACE))
      for (
        let field = cursor.nextField(this.#buckets, -1);
        field >= 0;
        field = cursor.nextField(this.#buckets, field)
      ) {
        seen = this.#once(this.#buckets, seen, field);
        if (field === 0) this.#offset = cursor.integer();
        else if (field === 1) this.#counts(values, at);
        else this.#unknown();
      }
    return this.total - before;
  }

  /** A list of counts, from `at` on. Above `MAX_BUCKETS` only their number and their sum are kept. */
  #counts(values: Float64Array, at: number): void {
    const { cursor } = this;
    let n = 0;
    let { total } = this;
    if (cursor.enters(OPEN_BRACKET))
      for (let more = cursor.nextItem(true); more; more = cursor.nextItem(false)) {
        const count = cursor.count();
        if (n < MAX_BUCKETS) values[at + n] = count;
        total += count;
        n++;
      }
    this.#n = n;
    this.total = total;
  }
}

/** Where the counts of negative buckets are read to: only their sum counts. */
const NEGATIVE_COUNTS = new Float64Array(MAX_BUCKETS);
