import { EXPLICIT, NUMBER, type PointBatch, recordLength } from './batch.ts';
import { CUMULATIVE } from './identity.ts';
import { START, type StreamTable, TIME } from './streams.ts';

/** Takes what was added to a series in one minute: always increments, never totals. */
export interface IncrementSink {
  number(series: number, minute: number, value: number): void;
  /** `n` bucket counts stand in `from` at `at`. */
  explicit(
    series: number,
    minute: number,
    sum: number,
    min: number,
    max: number,
    from: Float64Array,
    at: number,
    n: number,
  ): void;
  /** The first of `n` bucket counts has index `offset` at `scale`; `zero` values are too small to have a bucket. */
  exponential(
    series: number,
    minute: number,
    sum: number,
    min: number,
    max: number,
    scale: number,
    zero: number,
    offset: number,
    from: Float64Array,
    at: number,
    n: number,
  ): void;
  /** Edges of the interned list `bounds`. */
  edges(bounds: number): ArrayLike<number>;
}

/** What became of a batch's points, those that were rejected aside. */
export interface Applied {
  taken: number;
  /** Points that repeat what is known. */
  duplicates: number;
  /** First points of cumulative streams that began before anybody watched: they only set the baseline. */
  baselines: number;
  /** Time of the newest point taken, Unix ms; -Infinity when there is none. */
  newestMs: number;
  /** Services that sent, whatever became of their points. */
  readonly senders: Set<string>;
  /** Services of which a sender contradicted itself, as several under one identity do. */
  readonly shared: Set<string>;
}

/** What is believed of a point's times, ms. */
export interface TimeLimits {
  /** How late a point may be. */
  readonly lateMs: number;
  /** How far ahead of the clock a point may be. */
  readonly aheadMs: number;
  /** A cumulative stream whose first point is younger than this counts from its start, even if nobody watched then. */
  readonly youngMs: number;
}

export const TIME_LIMITS: TimeLimits = { lateMs: 24 * 3_600_000, aheadMs: 10 * 60_000, youngMs: 0 };

/** For telemetry from files: as old as it may be, and streams that begin in the file count from their start. */
export const IMPORT_TIME_LIMITS: TimeLimits = { lateMs: Infinity, aheadMs: 10 * 60_000, youngMs: 5 * 60_000 };

/** Finest scale that is kept: 16 buckets to the doubling, each 4.4 % wide. */
export const MAX_SCALE = 4;

const NS_PER_MINUTE = 6e10;
/** Recent intervals that a delta stream remembers. */
const INTERVALS = 5;
/** Earlier lives of a cumulative stream that are remembered. */
const LIVES = 3;

/** Layout of a cumulative state behind START and TIME. */
const VALUE = 2;
const COUNT = 2;
const BOUNDS = 3;
const SUM = 4;
const CELLS = 5;
const SCALE = 3;
const ZERO = 5;
const OFFSET = 6;
const BUCKETS = 7;

/**
 * Turns points into increments: differences of cumulative streams with their resets, and delta points without those
 * that were sent before. Applying never fails: everything that can be refused is refused by decoding, or counted here.
 */
export class Temporality {
  readonly #streams: StreamTable;
  readonly #sink: IncrementSink;
  readonly #limits: TimeLimits;
  /** Streams that began earlier than this, Unix ns, have counted before anybody watched. */
  readonly #watchedSinceNs: number;
  #scratch = new Float64Array(512);
  #known = false;
  /** Instances of the present batch that contradict themselves: an earlier life goes on, or a total fell in the midst of one. */
  readonly #sharing = new Set<number>();
  #minute = 0;

  constructor(streams: StreamTable, sink: IncrementSink, watchedSinceMs: number, limits: TimeLimits = TIME_LIMITS) {
    this.#streams = streams;
    this.#sink = sink;
    this.#watchedSinceNs = watchedSinceMs * 1e6;
    this.#limits = limits;
  }

  /** @param nowMs when the request arrived, Unix ms: replaying a journal gives the time of then */
  apply(batch: PointBatch, nowMs: number): Applied {
    const applied: Applied = {
      taken: 0,
      duplicates: 0,
      baselines: 0,
      newestMs: -Infinity,
      senders: new Set(),
      shared: new Set(),
    };
    this.#sharing.clear();
    const seen = new Set<number>();
    let last = -1;
    const oldest = (nowMs - this.#limits.lateMs) * 1e6;
    const newest = (nowMs + this.#limits.aheadMs) * 1e6;
    const values = batch.values;
    for (let at = 0; at < batch.length; at += recordLength(values, at)) {
      const kind = values[at];
      const stream = values[at + 1];
      const time = values[at + 3];
      if (stream < 0) batch.reject('too many streams');
      else if (time < oldest) batch.reject('older than 24 hours');
      else if (time > newest) batch.reject('more than 10 minutes ahead');
      else {
        const instance = this.#streams.instanceOf[stream];
        if (instance !== last) {
          last = instance;
          seen.add(instance);
          this.#known = this.#streams.instances[instance]?.known ?? false;
        }
        // A point is about the time up to its own: one measured on the stroke of a minute belongs to the minute before.
        this.#minute = Math.ceil(time / NS_PER_MINUTE) - 1;
        const outcome = this.#point(values, at, kind, stream);
        applied[outcome]++;
        if (outcome === 'taken') applied.newestMs = Math.max(applied.newestMs, time / 1e6);
      }
    }
    for (const id of seen) {
      this.#streams.see(id, nowMs);
      applied.senders.add(this.#streams.instances[id]?.service ?? '');
    }
    for (const id of this.#sharing) applied.shared.add(this.#streams.instances[id]?.service ?? '');
    return applied;
  }

  #point(values: Float64Array, at: number, kind: number, stream: number): 'taken' | 'duplicates' | 'baselines' {
    const streams = this.#streams;
    const temporality = streams.entryOfStream(stream).metric.temporality;
    if (temporality === CUMULATIVE) return this.#cumulative(values, at, kind, stream);
    if (!this.#isNewInterval(stream, values[at + 2], values[at + 3])) return 'duplicates';
    if (kind === NUMBER) this.#sink.number(streams.seriesOf(stream, -1), this.#minute, values[at + 4]);
    else if (kind === EXPLICIT) {
      const series = streams.seriesOf(stream, values[at + 8] | 0);
      this.#sink.explicit(
        series,
        this.#minute,
        values[at + 5],
        values[at + 6],
        values[at + 7],
        values,
        at + 10,
        values[at + 9] | 0,
      );
    } else {
      this.#sink.exponential(
        streams.seriesOf(stream, -1),
        this.#minute,
        values[at + 5],
        values[at + 6],
        values[at + 7],
        values[at + 8] | 0,
        values[at + 9],
        values[at + 10] | 0,
        values,
        at + 12,
        values[at + 11] | 0,
      );
    }
    return 'taken';
  }

  /**
   * Notes the interval of a delta point, and whether it was new. One sender's intervals adjoin or leave holes, so
   * adjoining ones are kept as one, and whatever lies inside is a repetition. Senders that share an identity overlap
   * as they please: of theirs only an equal interval is a repetition.
   */
  #isNewInterval(stream: number, start: number, time: number): boolean {
    const streams = this.#streams;
    const from = start === 0 ? time : start;
    const onlyEqual = start === 0 || (streams.instances[streams.instanceOf[stream]]?.anonymous ?? true);
    const at = streams.resize(stream, 1 + 2 * INTERVALS);
    const state = streams.arena.values;
    const n = state[at];
    for (let i = at + 1; i <= at + 2 * n; i += 2)
      if (onlyEqual ? state[i] === from && state[i + 1] === time : state[i] <= from && time <= state[i + 1])
        return false;
    streams.touch(stream);
    if (onlyEqual || !joinInterval(state, at, from, time)) {
      if (n === INTERVALS) forgetOldestHole(state, at, onlyEqual);
      const last = at + 1 + 2 * state[at]++;
      state[last] = from;
      state[last + 1] = time;
    }
    return true;
  }

  #cumulative(values: Float64Array, at: number, kind: number, head: number): 'taken' | 'duplicates' | 'baselines' {
    const start = values[at + 2];
    const time = values[at + 3];
    const stream = this.#lifeOf(head, start);
    const streams = this.#streams;
    if (stream !== head && time > streams.arena.values[streams.state[head] + TIME])
      this.#sharing.add(streams.instanceOf[head]);
    if (stream < 0) return 'duplicates';
    streams.touch(stream);
    const state = streams.state[stream];
    if (state >= 0 && streams.arena.values[state + TIME] >= time) return 'duplicates';
    const isFirst = state < 0;
    const isYoung = start > 0 && time - start < this.#limits.youngMs * 1e6;
    const watchedSince = Math.max(this.#watchedSinceNs, streams.forgottenMs * 1e6);
    const counts = !isFirst || this.#known || start >= watchedSince || isYoung;
    if (kind === NUMBER) this.#cumulativeNumber(values, at, stream, isFirst, counts);
    else if (kind === EXPLICIT) this.#cumulativeExplicit(values, at, stream, isFirst, counts);
    else this.#cumulativeExponential(values, at, stream, isFirst, counts);
    const now = streams.state[stream];
    streams.arena.values[now + START] = start;
    streams.arena.values[now + TIME] = time;
    return counts ? 'taken' : 'baselines';
  }

  /**
   * The stream that holds the life which began at `start`. A later start moves the present state into the chain of
   * earlier lives, so that the number of the stream stays that of the present life.
   * @returns -1 for an unknown earlier life when there is no room for it
   */
  #lifeOf(head: number, start: number): number {
    const streams = this.#streams;
    if (streams.state[head] < 0) return head;
    const present = streams.arena.values[streams.state[head] + START];
    if (present === start) return head;
    if (start > present) {
      const old = streams.add(streams.instanceOf[head], streams.entryOf[head]);
      if (old < 0) {
        this.#forgetValues(head);
        return head;
      }
      streams.state[old] = streams.state[head];
      streams.stateLength[old] = streams.stateLength[head];
      streams.older[old] = streams.older[head];
      streams.state[head] = -1;
      streams.older[head] = old;
      this.#boundLives(head);
      return head;
    }
    let lives = 0;
    for (let id = streams.older[head]; id >= 0; id = streams.older[id], lives++)
      if (streams.arena.values[streams.state[id] + START] === start) return id;
    // Beyond the bound it cannot be known what of this life was counted: dropping it cannot double it.
    if (lives >= LIVES) return -1;
    const life = streams.add(streams.instanceOf[head], streams.entryOf[head]);
    if (life < 0) return -1;
    streams.older[life] = streams.older[head];
    streams.older[head] = life;
    streams.touch(head);
    return life;
  }

  #forgetValues(stream: number): void {
    const at = this.#streams.state[stream];
    this.#streams.arena.values.fill(0, at, at + this.#streams.stateLength[stream]);
  }

  #boundLives(head: number): void {
    const streams = this.#streams;
    let id = head;
    for (let i = 0; i < LIVES && id >= 0; i++) id = streams.older[id];
    if (id >= 0 && streams.older[id] >= 0) {
      streams.release(streams.older[id]);
      streams.older[id] = -1;
      streams.touch(id);
    }
  }

  #cumulativeNumber(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
    const streams = this.#streams;
    const value = values[at + 4];
    const state = streams.resize(stream, VALUE + 1);
    const before = isFirst ? 0 : streams.arena.values[state + VALUE];
    const monotonic = streams.entryOfStream(stream).metric.monotonic;
    const fell = monotonic && value < before;
    if (fell) this.#sharing.add(streams.instanceOf[stream]);
    const increment = fell ? value : value - before;
    streams.arena.values[state + VALUE] = value;
    if (counts && increment !== 0) this.#sink.number(streams.seriesOf(stream, -1), this.#minute, increment);
  }

  #cumulativeExplicit(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
    const streams = this.#streams;
    const bounds = values[at + 8] | 0;
    const n = values[at + 9] | 0;
    const source = at + 10;
    const state = streams.resize(stream, CELLS + n);
    const kept = streams.arena.values;
    let sum = values[at + 5];
    const difference = this.#scratchOf(n);
    const continues =
      !isFirst && kept[state + BOUNDS] === bounds && subtract(values, source, kept, state + CELLS, difference, n);
    if (continues) sum -= kept[state + SUM];
    else {
      if (!isFirst && kept[state + BOUNDS] === bounds) this.#sharing.add(streams.instanceOf[stream]);
      for (let i = 0; i < n; i++) difference[i] = values[source + i];
    }
    kept[state + COUNT] = values[at + 4];
    kept[state + BOUNDS] = bounds;
    kept[state + SUM] = values[at + 5];
    for (let i = 0; i < n; i++) kept[state + CELLS + i] = values[source + i];
    if (!counts) return;
    let low = 0;
    let high = n - 1;
    while (low < n && difference[low] === 0) low++;
    while (high >= 0 && difference[high] === 0) high--;
    if (high < 0) return;
    let min = values[at + 6];
    let max = values[at + 7];
    if (continues) {
      const edges = this.#sink.edges(bounds);
      if (low > 0) min = tighterMin(min, edges[low - 1]);
      if (high < edges.length) max = tighterMax(max, edges[high]);
    }
    this.#sink.explicit(streams.seriesOf(stream, bounds), this.#minute, sum, min, max, difference, 0, n);
  }

  #cumulativeExponential(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
    const streams = this.#streams;
    let kept = streams.arena.values;
    let state = streams.state[stream];
    // `| 0` says that these doubles are whole numbers: what is an index must not be computed as a double.
    let scale = Math.min(values[at + 8] | 0, MAX_SCALE);
    if (!isFirst && kept[state + SCALE] < scale) scale = kept[state + SCALE] | 0;
    const shift = (values[at + 8] | 0) - scale;
    const offset = values[at + 10] | 0;
    const n = values[at + 11] | 0;
    const first = offset >> shift;
    const length = n === 0 ? 0 : ((offset + n - 1) >> shift) - first + 1;
    const folded = this.#scratchOf(2 * length);
    fold(values, at + 12, n, offset, shift, folded, first, length);
    const had = isFirst ? 0 : streams.stateLength[stream] - BUCKETS;
    if (!isFirst) foldState(kept, state, had, scale);
    let zero = values[at + 9];
    let sum = values[at + 5];
    const continues = !isFirst && subtractBuckets(kept, state, had, folded, length, first, zero);
    if (continues) {
      zero -= kept[state + ZERO];
      sum -= kept[state + SUM];
    } else {
      if (!isFirst) this.#sharing.add(streams.instanceOf[stream]);
      folded.copyWithin(length, 0, length);
    }
    state = streams.resize(stream, BUCKETS + length);
    kept = streams.arena.values;
    kept[state + COUNT] = values[at + 4];
    kept[state + SCALE] = scale;
    kept[state + SUM] = values[at + 5];
    kept[state + ZERO] = values[at + 9];
    kept[state + OFFSET] = first;
    for (let i = 0; i < length; i++) kept[state + BUCKETS + i] = folded[i];
    kept.fill(0, state + BUCKETS + length, state + streams.stateLength[stream]);
    if (!counts) return;
    let low = length;
    let high = 2 * length - 1;
    while (low <= high && folded[low] === 0) low++;
    while (high >= low && folded[high] === 0) high--;
    if (high < low && zero === 0) return;
    let min = values[at + 6];
    let max = values[at + 7];
    if (continues && high >= low) {
      if (zero === 0) min = tighterMin(min, 2 ** ((first + low - length) * 2 ** -scale));
      max = tighterMax(max, 2 ** ((first + high - length + 1) * 2 ** -scale));
    }
    const series = streams.seriesOf(stream, -1);
    this.#sink.exponential(
      series,
      this.#minute,
      sum,
      min,
      max,
      scale,
      zero,
      first + low - length,
      folded,
      low,
      high - low + 1,
    );
  }

  #scratchOf(n: number): Float64Array {
    if (this.#scratch.length < n) this.#scratch = new Float64Array(2 * n);
    return this.#scratch;
  }
}

/** The larger of a minimum, NaN when it is unknown, and the lower edge of the lowest bucket that grew. */
function tighterMin(min: number, edge: number): number {
  return Number.isNaN(min) ? edge : Math.max(min, edge);
}

/** The smaller of a maximum, NaN when it is unknown, and the upper edge of the highest bucket that grew. */
function tighterMax(max: number, edge: number): number {
  return Number.isNaN(max) ? edge : Math.min(max, edge);
}

/** Lengthens an interval that adjoins the new one, and closes the hole when it now adjoins another. */
function joinInterval(state: Float64Array, at: number, from: number, time: number): boolean {
  const end = at + 1 + 2 * state[at];
  for (let i = at + 1; i < end; i += 2) {
    if (state[i + 1] === from) state[i + 1] = time;
    else if (state[i] === time) state[i] = from;
    else continue;
    for (let j = at + 1; j < end; j += 2)
      if (j !== i && (state[j] === state[i + 1] || state[j + 1] === state[i])) {
        state[i] = Math.min(state[i], state[j]);
        state[i + 1] = Math.max(state[i + 1], state[j + 1]);
        state.copyWithin(j, end - 2, end);
        state[at]--;
        break;
      }
    return true;
  }
  return false;
}

/**
 * Makes room for one interval. Of one sender the two oldest become one, so that late points between them are taken for
 * repetitions; of intervals that may overlap the oldest is forgotten.
 */
function forgetOldestHole(state: Float64Array, at: number, overlapping: boolean): void {
  const pairs: [number, number][] = [];
  for (let i = at + 1; i < at + 1 + 2 * state[at]; i += 2) pairs.push([state[i], state[i + 1]]);
  pairs.sort((a, b) => a[0] - b[0]);
  const [oldest, second, ...rest] = pairs;
  const kept: [number, number][] = overlapping
    ? [second, ...rest]
    : [[oldest[0], Math.max(oldest[1], second[1])], ...rest];
  kept.forEach(([from, to], i) => {
    state[at + 1 + 2 * i] = from;
    state[at + 2 + 2 * i] = to;
  });
  state[at] = kept.length;
}

/** `difference = now - before`; false, and worthless, when any cell fell: the sender began anew. */
function subtract(
  now: Float64Array,
  nowAt: number,
  before: Float64Array,
  beforeAt: number,
  difference: Float64Array,
  n: number,
): boolean {
  for (let i = 0; i < n; i++) {
    const d = now[nowAt + i] - before[beforeAt + i];
    if (d < 0) return false;
    difference[i] = d;
  }
  return true;
}

/**
 * Makes `n` buckets, the first with index `offset`, as wide as `shift` halvings of the scale say: `length` of them, the
 * first with index `first`, at the beginning of `folded`.
 */
function fold(
  from: Float64Array,
  at: number,
  n: number,
  offset: number,
  shift: number,
  folded: Float64Array,
  first: number,
  length: number,
): void {
  if (shift === 0) {
    for (let i = 0; i < n; i++) folded[i] = from[at + i];
    return;
  }
  folded.fill(0, 0, length);
  for (let i = 0; i < n; i++) folded[((offset + i) >> shift) - first] += from[at + i];
}

/** Folds the buckets of a cumulative state down to a coarser scale, in place. */
function foldState(kept: Float64Array, state: number, n: number, scale: number): void {
  const shift = (kept[state + SCALE] | 0) - scale;
  if (shift <= 0) return;
  const offset = kept[state + OFFSET] | 0;
  const first = offset >> shift;
  for (let i = 0; i < n; i++) {
    const count = kept[state + BUCKETS + i];
    kept[state + BUCKETS + i] = 0;
    kept[state + BUCKETS + ((offset + i) >> shift) - first] += count;
  }
  kept[state + SCALE] = scale;
  kept[state + OFFSET] = first;
}

/**
 * Writes `now - before` behind the `length` buckets of `now`; false, and worthless, when any bucket fell: the sender
 * began anew.
 */
function subtractBuckets(
  kept: Float64Array,
  state: number,
  had: number,
  now: Float64Array,
  length: number,
  first: number,
  zero: number,
): boolean {
  if (zero < kept[state + ZERO]) return false;
  for (let i = 0; i < length; i++) now[length + i] = now[i];
  const shift = (kept[state + OFFSET] | 0) - first;
  for (let i = 0; i < had; i++) {
    const before = kept[state + BUCKETS + i];
    if (before === 0) continue;
    const to = i + shift;
    if (to < 0 || to >= length || now[to] < before) return false;
    now[length + to] -= before;
  }
  return true;
}
