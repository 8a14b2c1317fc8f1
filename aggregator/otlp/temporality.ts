import type { MetricName } from '@vigil/semconv';
import { EXPLICIT, NUMBER, type PointBatch, recordLength } from './batch.ts';
import { CumulativeStreams, type Outcome } from './cumulative.ts';
import type { IncrementSink } from './increments.ts';
import { isNewInterval } from './intervals.ts';
import { BOUNDS, START, STREAM, TIME, VALUE } from './judgement.ts';
import type { StreamTable } from './streams.ts';

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

const NS_PER_MINUTE = 6e10;

/**
 * Turns points into increments: differences of cumulative streams with their resets, and delta points without those
 * that were sent before. Applying never fails: everything that can be refused is refused by decoding, or counted here.
 */
export class Temporality {
  readonly #streams: StreamTable;
  readonly #sink: IncrementSink;
  readonly #limits: TimeLimits;
  readonly #cumulative: CumulativeStreams;

  /** @param watchedSinceMs cumulative streams that began earlier have counted before anybody watched, Unix ms */
  constructor(streams: StreamTable, sink: IncrementSink, watchedSinceMs: number, limits: TimeLimits = TIME_LIMITS) {
    this.#streams = streams;
    this.#sink = sink;
    this.#limits = limits;
    this.#cumulative = new CumulativeStreams(streams, sink, watchedSinceMs * 1e6, limits.youngMs * 1e6);
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
    this.#cumulative.sharing.clear();
    const seen = new Set<number>();
    let last = -1;
    let isKnown = false;
    let newestTaken = -Infinity;
    const oldest = (nowMs - this.#limits.lateMs) * 1e6;
    const newest = (nowMs + this.#limits.aheadMs) * 1e6;
    const values = batch.values;
    for (let at = 0; at < batch.length; at += recordLength(values, at)) {
      const stream = values[at + STREAM] | 0;
      const time = values[at + TIME];
      if (stream < 0) batch.reject('too many streams', undefined);
      else if (time < oldest) batch.reject('older than 24 hours', this.#metricOf(stream));
      else if (time > newest) batch.reject('more than 10 minutes ahead', this.#metricOf(stream));
      else {
        const instance = this.#streams.instanceOf[stream];
        if (instance !== last) {
          last = instance;
          seen.add(instance);
          isKnown = this.#streams.instances[instance]?.known ?? false;
        }
        const outcome = this.#point(values, at, stream, isKnown);
        if (outcome === 'taken') {
          applied.taken++;
          if (time > newestTaken) newestTaken = time;
        } else applied[outcome]++;
      }
    }
    applied.newestMs = newestTaken / 1e6;
    for (const id of seen) {
      this.#streams.see(id, nowMs);
      applied.senders.add(this.#streams.instances[id]?.service ?? '');
    }
    for (const id of this.#cumulative.sharing) applied.shared.add(this.#streams.instances[id]?.service ?? '');
    return applied;
  }

  #metricOf(stream: number): MetricName {
    return this.#streams.entryOfStream(stream).metric.name;
  }

  #point(values: Float64Array, at: number, stream: number, isKnown: boolean): Outcome {
    const streams = this.#streams;
    const time = values[at + TIME];
    // A point is about the time up to its own: one measured on the stroke of a minute belongs to the minute before.
    const minute = Math.ceil(time / NS_PER_MINUTE) - 1;
    if (streams.isCumulative(stream)) return this.#cumulative.take(values, at, stream, minute, isKnown);
    if (!isNewInterval(streams, stream, values[at + START], time)) return 'duplicates';
    const kind = values[at];
    if (kind === NUMBER) this.#sink.number(streams.seriesOf(stream, -1), minute, values[at + VALUE]);
    else if (kind === EXPLICIT)
      this.#sink.explicit(streams.seriesOf(stream, values[at + BOUNDS] | 0), minute, values, at);
    else this.#sink.exponential(streams.seriesOf(stream, -1), minute, values, at);
    return 'taken';
  }
}
