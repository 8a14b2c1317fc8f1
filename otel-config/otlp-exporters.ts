/** The OTLP exporters that the environment asks for, as sdk-node would choose them, with their first failure told. */
import { getStringFromEnv } from '@opentelemetry/core';
import { OTLPMetricExporter as GrpcMetricExporter } from '@opentelemetry/exporter-metrics-otlp-grpc';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as GrpcTraceExporter } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { AggregationType, InstrumentType, type PushMetricExporter } from '@opentelemetry/sdk-metrics';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import { type ExportTarget, noticingFailures } from './export-failures.ts';
import { printNotice } from './notice.ts';
import { requestedHistogramAggregation } from './views.ts';

export type OtlpProtocol = 'grpc' | 'http/json' | 'http/protobuf';
const protocols: readonly OtlpProtocol[] = ['grpc', 'http/json', 'http/protobuf'];

/** Temporality is the exporter's own affair: cumulative, unless the environment prefers another. */
export function otlpMetricExporter(): PushMetricExporter {
  const target = otlpTarget('metrics');
  const options = {
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
  return noticingFailures(new ProtobufTraceExporter(), target);
}

/**
 * Where and how a signal goes, by the rules of the OTLP exporter specification: the variable of the signal first, then
 * the general one, to which HTTP adds the path of the signal.
 */
export function otlpTarget(signal: ExportTarget['signal']): ExportTarget & { readonly protocol: OtlpProtocol } {
  const prefix = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}`;
  const protocol = readProtocol(`${prefix}_PROTOCOL`) ?? readProtocol('OTEL_EXPORTER_OTLP_PROTOCOL') ?? 'http/protobuf';
  const own = getStringFromEnv(`${prefix}_ENDPOINT`);
  const general = getStringFromEnv('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (protocol === 'grpc') return { signal, protocol, endpoint: own ?? general ?? 'http://localhost:4317' };
  const base = (general ?? 'http://localhost:4318').replace(/\/$/, '');
  return { signal, protocol, endpoint: own ?? `${base}/v1/${signal}` };
}

function readProtocol(variable: string): OtlpProtocol | undefined {
  const value = getStringFromEnv(variable)?.trim();
  if (value === undefined) return undefined;
  const protocol = protocols.find((known) => known === value);
  if (protocol === undefined) printNotice(`${variable} is "${value}", but only ${protocols.join(', ')} are known.`);
  return protocol;
}
