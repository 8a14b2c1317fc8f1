/** One weighing for `memory.ts`. Argument: the case. Prints JSON: bytes a unit, units, bytes of the decoder a unit. */
import { PointBatch } from '../../aggregator/otlp/batch.ts';
import { MetricsDecoder } from '../../aggregator/otlp/metrics-protobuf.ts';
import { StreamTable } from '../../aggregator/otlp/streams.ts';
import { Temporality } from '../../aggregator/otlp/temporality.ts';
import { OpenMinutes } from '../../aggregator/store/embedded/minutes.ts';
import { SeriesDirectory } from '../../aggregator/store/embedded/series.ts';
import { fillStore, openAt } from './filled-store.ts';
import { createBodySource } from './telemetry.ts';

const MINUTE_MS = 60_000;
const INSTANCES = 100;
const POINTS = 2000;
const kind = process.argv[2];

function weigh(): number {
  for (let i = 0; i < 4; i++) (globalThis as unknown as { gc(): void }).gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const print = (each: number, of: number, decoder: number) => console.log(JSON.stringify({ each, of, decoder }));

/** Streams beyond those of the first instance, whose series and entries all share. */
function weighStreams(cumulative: boolean, sumsOnly: boolean): void {
  const source = createBodySource({
    points: POINTS,
    cumulative,
    encoding: 'protobuf',
    kind: sumsOnly ? 'sums' : 'mixed',
  });
  const directory = new SeriesDirectory();
  const streams = new StreamTable(directory);
  const minutes = new OpenMinutes(directory);
  const temporality = new Temporality(streams, minutes, 0);
  let decoder: MetricsDecoder | undefined = new MetricsDecoder(streams);
  const batch = new PointBatch();
  const began = Date.now();
  const receive = (instance: number) => {
    for (let tick = 1; tick <= 3; tick++) {
      const timeMs = began + tick * 10;
      batch.reset();
      const startMs = cumulative ? began : timeMs - 10;
      decoder?.decode(source.plain(instance, { startMs, timeMs, factor: tick }), batch);
      temporality.apply(batch, Date.now());
    }
  };
  receive(0);
  const before = weigh();
  const had = streams.inUse;
  for (let instance = 1; instance <= INSTANCES; instance++) receive(instance);
  const both = weigh();
  decoder = undefined;
  const table = weigh();
  const added = streams.inUse - had;
  print((table - before) / added, added, (both - table) / added);
}

async function weighSeries(): Promise<void> {
  const series = 500;
  const minutes = 26 * 60;
  const filled = fillStore({ minutes, series });
  const before = weigh();
  const opened = openAt(filled);
  const end = Math.ceil(Date.now() / MINUTE_MS);
  for (let minute = end - minutes; minute < end; minute++)
    await opened.store.histograms({
      metric: 'vigil.mutation.duration',
      range: { fromMs: minute * MINUTE_MS, toMs: (minute + 1) * MINUTE_MS },
    });
  print((weigh() - before) / series, series, 0);
  opened.close();
}

if (kind === 'series') await weighSeries();
else weighStreams(kind.startsWith('cumulative'), kind.endsWith('sums'));
