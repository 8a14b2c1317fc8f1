import { EXPLICIT, NUMBER } from './batch.ts';
import {
  BOUNDS,
  BUCKETS,
  CELLS,
  COUNT,
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
  #scratch = new Float64Array(512);
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
    const start = values[at + 2];
    const time = values[at + 3];
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
    const value = values[at + 4];
    const state = streams.resize(stream, VALUE + 1);
    const before = isFirst ? 0 : streams.arena.values[state + VALUE];
    const monotonic = streams.entryOfStream(stream).metric.monotonic;
    const fell = monotonic && value < before;
    if (fell) this.sharing.add(streams.instanceOf[stream]);
    const increment = fell ? value : value - before;
    streams.arena.values[state + VALUE] = value;
    if (counts && increment !== 0) this.#sink.number(streams.seriesOf(stream, -1), this.#minute, increment);
  }

  #explicit(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
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
      if (!isFirst && kept[state + BOUNDS] === bounds) this.sharing.add(streams.instanceOf[stream]);
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

  #exponential(values: Float64Array, at: number, stream: number, isFirst: boolean, counts: boolean): void {
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
      if (!isFirst) this.sharing.add(streams.instanceOf[stream]);
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
      if (zero === 0) min = tighterMin(min, lowerEdge(first + low - length, scale));
      max = tighterMax(max, lowerEdge(first + high - length + 1, scale));
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

/** Lower edges of buckets at the finest scale, of 64 doublings around 1: to look one up is cheaper than a power. */
const EDGES = Float64Array.from({ length: 64 << MAX_SCALE }, (_, i) => 2 ** (i / 2 ** MAX_SCALE - 32));

/** @param scale at most the finest */
function lowerEdge(index: number, scale: number): number {
  const at = (index << (MAX_SCALE - scale)) + (32 << MAX_SCALE);
  return scale >= 0 && at >= 0 && at < EDGES.length ? EDGES[at] : 2 ** (index * 2 ** -scale);
}

/** The larger of a minimum, NaN when it is unknown, and the lower edge of the lowest bucket that grew. */
function tighterMin(min: number, edge: number): number {
  return Number.isNaN(min) ? edge : Math.max(min, edge);
}

/** The smaller of a maximum, NaN when it is unknown, and the upper edge of the highest bucket that grew. */
function tighterMax(max: number, edge: number): number {
  return Number.isNaN(max) ? edge : Math.min(max, edge);
}
