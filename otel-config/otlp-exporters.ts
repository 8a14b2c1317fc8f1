/** The OTLP exporters that the environment asks for, as sdk-node would choose them, with their first failure told. */
import { OTLPMetricExporter as GrpcMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as GrpcTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { AggregationType, InstrumentType, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { noticingFailures } from './export-failures.ts';
import { otlpTarget, requestedHistogramAggregation } from './otlp-settings.ts';

/** Temporality is the exporter's own affair: cumulative, unless the environment prefers another. */
export function otlpMetricExporter(): PushMetricExporter {
  const target = otlpTarget('metrics');
  const options = {
    ...target.local,
    // For the histograms of others: those of the registry have Views, which come first.
    aggregationPreference: (type: InstrumentType) =>
      type === InstrumentType.HISTOGRAM && requestedHistogramAggregation() === 'base2_exponential_bucket_histogram'
        ? { type: AggregationType.EXPONENTIAL_HISTOGRAM as const }
        : { type: AggregationType.DEFAULT as const },
  };
  if (target.protocol === 'grpc') return noticingFailures(new GrpcMetricExporter(options), target);
  if (target.protocol === 'http/json') return noticingFailures(new JsonMetricExporter(options), target);
  return noticingFailures(new ProtobufMetricExporter(options), target);
}

export function otlpTraceExporter(): SpanExporter {
  const target = otlpTarget('traces');
  if (target.protocol === 'grpc') return noticingFailures(new GrpcTraceExporter(), target);
  if (target.protocol === 'http/json') return noticingFailures(new JsonTraceExporter(), target);
  return noticingFailures(new ProtobufTraceExporter(target.local), target);
}
