import { EXPLICIT, NUMBER } from './batch.ts';
import {
  BOUNDS,
  BUCKETS,
  CELLS,
  COUNT,
  copy,
  fold,
  foldState,
  OFFSET,
  SCALE,
  SUM,
  subtract,
  subtractBuckets,
  VALUE,
  ZERO,
} from './cumulative-state.ts';
import { type IncrementSink, MAX_SCALE } from './increments.ts';
import * as record from './judgement.ts';
import { lifeOf } from './lives.ts';
import { START, type StreamTable, TIME } from './streams.ts';

/** What became of a point. */
export type Outcome = 'taken' | 'duplicates' | 'baselines';

/** Turns points of cumulative streams into differences, with the resets of their senders. */
export class CumulativeStreams {
  /** Instances that contradicted themselves: an earlier life goes on, or a total fell in the midst of one. */
  readonly sharing = new Set<number>();
  readonly #streams: StreamTable;
  readonly #sink: IncrementSink;
  readonly #watchedSinceNs: number;
  readonly #youngNs: number;
  /** What a histogram is more than before: a record as in a batch, without whose and when it is. */
  readonly #more = new Float64Array(record.RECORD_ROOM);
  /** Buckets made as wide as the state's. */
  readonly #folded = new Float64Array(record.MAX_BUCKETS);
  #minute = 0;

  /**
   * @param watchedSinceNs streams that began earlier have counted before anybody watched, Unix ns
   * @param youngNs a stream whose first point is younger than this counts from its start, even if nobody watched then
   */
  constructor(streams: StreamTable, sink: IncrementSink, watchedSinceNs: number, youngNs: number) {
    this.#streams = streams;
    this.#sink = sink;
    this.#watchedSinceNs = watchedSinceNs;
    this.#youngNs = youngNs;
  }

  /**
   * Takes a point of a cumulative stream: what it is more than the point before goes to the sink.
   * @param head the stream, which holds the present life of its sender
   * @param isKnown whether points of the sender were taken in an earlier request
   */
  take(values: Float64Array, at: number, head: number, minute: number, isKnown: boolean): Outcome {
    this.#minute = minute;
    const kind = values[at];
    const start = values[at + record.START];
    const time = values[at + record.TIME];
    const stream = lifeOf(this.#streams, head, start);
    const streams = this.#streams;
    if (stream !== head && time > streams.arena.values[streams.state[head] + TIME])
      this.sharing.add(streams.instanceOf[head]);
    if (stream < 0) return 'duplicates';
    streams.touch(stream);
    const state = streams.state[stream];
    if (state >= 0 && streams.arena.values[state + TIME] >= time) return 'duplicates';
    const isFirst = state < 0;
    const isYoung = start > 0 && time - start < this.#youngNs;
    const watchedSince = Math.max(this.#watchedSinceNs, streams.forgottenMs * 1e6);
    const counts = !isFirst || isKnown || start >= watchedSince || isYoung;
    if (kind === NUMBER) this.#number(values, at, stream, isFirst, counts);
    else if (kind === EXPLICIT) this.#explicit(values, at, stream, isFirst, counts);
    else this.#exponential(values, at, stream, isFirst, counts);
    const now = streams.state[stream];
    streams.arena.values[now + START] = start;
    streams.arena.values[now + TIME] = time;
    return counts ? 'taken' : 'baselines';
  }

  #number(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
    const streams = this.#streams;
    const value = values[at + record.VALUE];
    const state = streams.resize(stream, VALUE + 1);
    const before = isFirst ? 0 : streams.arena.values[state + VALUE];
    const fell = value < before && streams.entryOfStream(stream).metric.monotonic;
    if (fell) this.sharing.add(streams.instanceOf[stream]);
    const increment = fell ? value : value - before;
    streams.arena.values[state + VALUE] = value;
    if (counts && increment !== 0) this.#sink.number(streams.seriesOf(stream, -1), this.#minute, increment);
  }

  #explicit(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
    const streams = this.#streams;
    const more = this.#more;
    const bounds = values[at + record.BOUNDS] | 0;
    const n = values[at + record.EXPLICIT_N] | 0;
    const source = at + record.EXPLICIT_COUNTS;
    const cells = record.EXPLICIT_COUNTS;
    const state = streams.resize(stream, CELLS + n);
    const kept = streams.arena.values;
    const isSame = !isFirst && kept[state + BOUNDS] === bounds;
    const continues = isSame && subtract(values, source, kept, state + CELLS, more, cells, n);
    if (!continues) {
      if (isSame) this.sharing.add(streams.instanceOf[stream]);
      copy(values, source, more, cells, n);
    }
    more[record.SUM] = values[at + record.SUM] - (continues ? kept[state + SUM] : 0);
    kept[state + COUNT] = values[at + record.COUNT];
    kept[state + BOUNDS] = bounds;
    kept[state + SUM] = values[at + record.SUM];
    copy(values, source, kept, state + CELLS, n);
    if (!counts) return;
    let low = 0;
    let high = n - 1;
    while (low < n && more[cells + low] === 0) low++;
    while (high >= 0 && more[cells + high] === 0) high--;
    if (high < 0) return;
    more[record.MIN] = values[at + record.MIN];
    more[record.MAX] = values[at + record.MAX];
    more[record.EXPLICIT_N] = n;
    if (continues) {
      const edges = this.#sink.edges(bounds);
      if (low > 0) raiseMin(more, edges[low - 1]);
      if (high < edges.length) lowerMax(more, edges[high]);
    }
    this.#sink.explicit(streams.seriesOf(stream, bounds), this.#minute, more, 0);
  }

  #exponential(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
    const streams = this.#streams;
    const more = this.#more;
    let kept = streams.arena.values;
    let state = streams.state[stream];
    // `| 0` says that these doubles are whole numbers: what is an index must not be computed as a double.
    let scale = Math.min(values[at + record.SCALE] | 0, MAX_SCALE);
    if (!isFirst && kept[state + SCALE] < scale) scale = kept[state + SCALE] | 0;
    const shift = (values[at + record.SCALE] | 0) - scale;
    const offset = values[at + record.OFFSET] | 0;
    const n = values[at + record.EXPONENTIAL_N] | 0;
    const first = offset >> shift;
    const length = n === 0 ? 0 : ((offset + n - 1) >> shift) - first + 1;
    const counted = at + record.EXPONENTIAL_COUNTS;
    if (shift > 0) fold(values, counted, n, offset, shift, this.#folded, first, length);
    const now = shift > 0 ? this.#folded : values;
    const source = shift > 0 ? 0 : counted;
    const had = isFirst ? 0 : streams.stateLength[stream] - BUCKETS;
    if (!isFirst) foldState(kept, state, had, scale);
    const buckets = record.EXPONENTIAL_COUNTS;
    const zero = values[at + record.ZERO_COUNT];
    const continues =
      !isFirst &&
      zero >= kept[state + ZERO] &&
      subtractBuckets(now, source, length, first, kept, state, had, more, buckets);
    if (!continues) {
      if (!isFirst) this.sharing.add(streams.instanceOf[stream]);
      copy(now, source, more, buckets, length);
    }
    more[record.ZERO_COUNT] = zero - (continues ? kept[state + ZERO] : 0);
    more[record.SUM] = values[at + record.SUM] - (continues ? kept[state + SUM] : 0);
    state = streams.resize(stream, BUCKETS + length);
    kept = streams.arena.values;
    kept[state + COUNT] = values[at + record.COUNT];
    kept[state + SCALE] = scale;
    kept[state + SUM] = values[at + record.SUM];
    kept[state + ZERO] = zero;
    kept[state + OFFSET] = first;
    copy(now, source, kept, state + BUCKETS, length);
    for (let i = state + BUCKETS + length; i < state + streams.stateLength[stream]; i++) kept[i] = 0;
    if (!counts) return;
    let low = buckets;
    let high = buckets + length - 1;
    while (low <= high && more[low] === 0) low++;
    while (high >= low && more[high] === 0) high--;
    if (high < low && more[record.ZERO_COUNT] === 0) return;
    more[record.MIN] = values[at + record.MIN];
    more[record.MAX] = values[at + record.MAX];
    more[record.SCALE] = scale;
    more[record.OFFSET] = first;
    more[record.EXPONENTIAL_N] = length;
    if (continues && high >= low) {
      if (more[record.ZERO_COUNT] === 0) raiseMin(more, lowerEdge(first + low - buckets, scale));
      lowerMax(more, lowerEdge(first + high - buckets + 1, scale));
    }
    this.#sink.exponential(streams.seriesOf(stream, -1), this.#minute, more, 0);
  }
}

/** Lower edges of buckets at the finest scale, of 64 doublings around 1: to look one up is cheaper than a power. */
const EDGES = Float64Array.from({ length: 64 << MAX_SCALE }, (_, i) => 2 ** (i / 2 ** MAX_SCALE - 32));

/** @param scale at most the finest */
function lowerEdge(index: number, scale: number): number {
  const at = (index << (MAX_SCALE - scale)) + (32 << MAX_SCALE);
  return scale >= 0 && at >= 0 && at < EDGES.length ? EDGES[at] : 2 ** (index * 2 ** -scale);
}

/** To the lower edge of the lowest bucket that grew, where the minimum is lower or unknown. */
function raiseMin(more: Float64Array, edge: number): void {
  if (!(more[record.MIN] >= edge)) more[record.MIN] = edge;
}

/** To the upper edge of the highest bucket that grew, where the maximum is higher or unknown. */
function lowerMax(more: Float64Array, edge: number): void {
  if (!(more[record.MAX] <= edge)) more[record.MAX] = edge;
}
