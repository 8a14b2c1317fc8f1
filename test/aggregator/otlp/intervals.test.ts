import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isNewInterval } from '../../../aggregator/otlp/intervals.ts';
import { StreamTable } from '../../../aggregator/otlp/streams.ts';
import { SeriesDirectory } from '../../../aggregator/store/embedded/series.ts';

const STREAMS = 3;
/** Of ten neighbours at most five can lie apart: as many as a stream remembers. */
const PLACES = 10;
const LENGTH_NS = 1e9;
const BEGAN_NS = 1.79e18;

function createStreams(): StreamTable {
  const streams = new StreamTable(new SeriesDirectory());
  const instance = streams.instance([['service.instance.id', 'one']]);
  for (let entry = 0; entry < STREAMS; entry++) expect(streams.stream(instance, entry)).toBe(entry);
  return streams;
}

const take = (streams: StreamTable, stream: number, place: number) =>
  isNewInterval(streams, stream, BEGAN_NS + place * LENGTH_NS, BEGAN_NS + (place + 1) * LENGTH_NS);

test('in whatever order intervals of several streams come, each is new once', () => {
  const arrivals = fc.array(fc.tuple(fc.nat(STREAMS - 1), fc.nat(PLACES - 1)), { maxLength: 60 });
  fc.assert(
    fc.property(arrivals, (arrived) => {
      const streams = createStreams();
      const seen = new Set<string>();
      for (const [stream, place] of arrived) {
        expect(take(streams, stream, place)).toBe(!seen.has(`${stream} ${place}`));
        seen.add(`${stream} ${place}`);
      }
    }),
  );
});

test('a stream without holes takes the room of one interval', () => {
  const streams = createStreams();
  for (let place = 0; place < PLACES; place++)
    for (let stream = 0; stream < STREAMS; stream++) expect(take(streams, stream, place)).toBe(true);
  expect(streams.arena.length).toBe(STREAMS * 4);
});

test('beyond five that do not adjoin, what lies between the two oldest counts as a repetition', () => {
  const streams = createStreams();
  for (const place of [0, 2, 4, 6, 8, 10]) expect(take(streams, 0, place)).toBe(true);
  expect(take(streams, 0, 1)).toBe(false);
  expect(take(streams, 0, 3)).toBe(true);
});
