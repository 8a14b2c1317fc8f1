/** A reader and a span processor that hand what the SDK collected to a receiver in the same process. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { ProtobufMetricsSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import {
  AggregationTemporality,
  type IMetricReader,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
  type ResourceMetrics,
} from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  NoopSpanProcessor,
  type ReadableSpan,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace';
import { securityClientsProducer } from './client-producer.ts';
import { printNotice } from './notice.ts';
import { vigilMetricReaders } from './readers.ts';

/**
 * Takes the body of an OTLP export request, protobuf and not compressed, before it returns. It is given bytes and not
 * objects because a receiver that survives its process has to write them down anyway.
 * @throws when it cannot take it: said once on standard error, and counted again with the next collection
 */
export type TakeBody = (signal: 'metrics' | 'traces', body: Uint8Array) => void;

export interface InProcess {
  readonly metricReader: IMetricReader;
  readonly spanProcessor: SpanProcessor;
}

const FED = Symbol.for('vigil.otel-config.in-process');
const shared = globalThis as { [FED]?: true };

/** Whether a receiver in this process was asked for, also of another copy of this package. */
export function isFedInProcess(): boolean {
  return shared[FED] === true;
}

/** Nothing travels, so what happened can be seen soon: collecting 1,000 series takes some milliseconds. */
const INTERVAL_MS = 2000;

/** For `start` and `vigilNodeSdkConfiguration`: `metricReaders: [metricReader]`, `spanProcessors: [spanProcessor]`. */
export function inProcessTelemetry(take: TakeBody): InProcess {
  shared[FED] = true;
  // What the doctor records is for the doctor, and never for the application's own store.
  const [toDoctor] = process.env['VIGIL_DOCTOR'] ? vigilMetricReaders() : [];
  if (toDoctor !== undefined) return { metricReader: toDoctor, spanProcessor: new NoopSpanProcessor() };
  const hand = createHand(take);
  const exporter: PushMetricExporter = {
    export: (collected: ResourceMetrics, done) =>
      done(hand('metrics', () => ProtobufMetricsSerializer.serializeRequest(collected))),
    selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const spans: SpanExporter = {
    export: (ended: ReadableSpan[], done) =>
      done(hand('traces', () => ProtobufTraceSerializer.serializeRequest(ended))),
    shutdown: async () => {},
  };
  return {
    metricReader: new PeriodicExportingMetricReader({
      exporter,
      exportIntervalMillis: INTERVAL_MS,
      exportTimeoutMillis: INTERVAL_MS,
      metricProducers: [securityClientsProducer()],
    }),
    spanProcessor: new BatchSpanProcessor({ exporter: spans, scheduledDelayMillis: INTERVAL_MS }),
  };
}

function createHand(take: TakeBody) {
  const told = new Set<string>();
  return (signal: 'metrics' | 'traces', serialize: () => Uint8Array | undefined): ExportResult => {
    try {
      const body = serialize();
      if (body !== undefined) take(signal, body);
      return { code: ExportResultCode.SUCCESS };
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      if (!told.has(reason.message))
        printNotice(`${signal} are not taken by the aggregator in this process (${reason.message}). Said once.`);
      told.add(reason.message);
      return { code: ExportResultCode.FAILED, error: reason };
    }
  };
}
