/** Given to `node --import`: an aggregator in this process, and with an endpoint the same telemetry over the wire. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace';
import { createAggregator } from '@vigil/aggregator';
import { start, vigilMetricReaders } from '@vigil/otel-config';

export const aggregator = createAggregator({ cacheTtlSeconds: 0 });
const { metricReaders, spanProcessors } = aggregator.sdk;
const sends = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] !== undefined;
start({
  metricReaders: sends ? [...metricReaders, ...vigilMetricReaders()] : metricReaders,
  spanProcessors: sends
    ? [...spanProcessors, new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })]
    : spanProcessors,
});
