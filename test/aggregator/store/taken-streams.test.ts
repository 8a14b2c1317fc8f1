import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EXPLICIT, NUMBER } from '../../../aggregator/otlp/batch.ts';
import { CumulativeStreams } from '../../../aggregator/otlp/cumulative.ts';
import { CUMULATIVE, DELTA } from '../../../aggregator/otlp/identity.ts';
import type { IncrementSink } from '../../../aggregator/otlp/increments.ts';
import { isNewInterval } from '../../../aggregator/otlp/intervals.ts';
import * as record from '../../../aggregator/otlp/judgement.ts';
import { CHUNK, StreamTable } from '../../../aggregator/otlp/streams.ts';
import { TakenStreams } from '../../../aggregator/store/embedded/changes.ts';
import { SeriesDirectory } from '../../../aggregator/store/embedded/series.ts';

/** The last chunk has room for new ones. */
const STREAMS = 2 * CHUNK + 10;
const INSTANCES = 3;
const ENTRIES = STREAMS / INSTANCES;
/** Some of each chunk, so that most of what comes is about a stream that is known. */
const BUSY = [0, 4, CHUNK, CHUNK + 3, 2 * CHUNK + 4];
const nowhere: IncrementSink = { number() {}, explicit() {}, exponential() {}, edges: () => [] };

const change = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ at: fc.constantFrom(...BUSY), life: fc.nat(5), time: fc.nat(9), cells: fc.nat(12) }),
  },
  { weight: 1, arbitrary: fc.constant('new' as const) },
  { weight: 1, arbitrary: fc.constant('evict' as const) },
);
type Change = typeof change extends fc.Arbitrary<infer C> ? C : never;

function createStreams() {
  const streams = new StreamTable(new SeriesDirectory());
  const cumulative = new CumulativeStreams(streams, nowhere, 0, 0);
  const values = new Float64Array(record.RECORD_ROOM);
  let named = 0;
  const addStream = (instance: number): void => {
    const name = Math.trunc(named++ / INSTANCES);
    const isNumber = name % 2 === 0;
    const entry = streams.entry(
      instance,
      {
        name: isNumber ? 'vigil.task.requests' : 'vigil.lock.hold.duration',
        scope: '',
        kind: isNumber ? NUMBER : EXPLICIT,
        temporality: name % 3 === 2 ? DELTA : CUMULATIVE,
        monotonic: true,
      },
      [['vigil.task.name', `t${name}`]],
    );
    streams.stream(instance, entry);
  };
  const instances = Array.from({ length: INSTANCES }, (_, i) => streams.instance([['service.instance.id', String(i)]]));
  for (let entry = 0; entry < ENTRIES; entry++) for (const instance of instances) addStream(instance);
  const seen = new Map(instances.map((id, i) => [id, i]));
  const apply = (changed: Change): void => {
    if (changed === 'new') {
      const instance = streams.instance([['service.instance.id', 'new']]);
      streams.see(instance, INSTANCES);
      addStream(instance);
    } else if (changed === 'evict') {
      for (const [id, lastSeenMs] of seen) streams.see(id, lastSeenMs);
      streams.evict(1);
    } else {
      const { at: stream, life, time, cells } = changed;
      if (streams.entryOf[stream] < 0) return;
      const start = 1000 * (life + 1);
      if (!streams.isCumulative(stream)) {
        isNewInterval(streams, stream, start + 2 * time, start + 2 * time + 1);
        return;
      }
      const { kind } = streams.entryOfStream(stream).metric;
      values.fill(0);
      values.set([kind, stream, start, start + time, time], 0);
      if (kind === EXPLICIT) {
        values[record.EXPLICIT_N] = cells;
        values.fill(time, record.EXPLICIT_COUNTS, record.EXPLICIT_COUNTS + cells);
      }
      cumulative.take(values, 0, stream, 0, true);
    }
  };
  return { streams, apply };
}

test('chunks are given out as they were when they were taken, whatever became of them and whenever they are asked for', () => {
  fc.assert(
    fc.property(
      fc.array(change, { minLength: 1, maxLength: 60 }),
      fc.array(change, { minLength: 1, maxLength: 60 }),
      fc.nat(3),
      (before, after, early) => {
        const { streams, apply } = createStreams();
        for (const each of before) apply(each);
        const now = new TakenStreams(streams);
        const expected = now.chunks.map((chunk) => now.take(chunk));
        const taken = new TakenStreams(streams);
        streams.dirtyChunks.clear();
        const given = taken.chunks.slice(0, early).map((chunk) => taken.take(chunk));
        for (const each of after) apply(each);
        for (const chunk of taken.chunks.slice(early)) given.push(taken.take(chunk));
        expect(given).toEqual(expected);
      },
    ),
    { numRuns: 50 },
  );
});
