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
import { findLocalAggregator } from './local-aggregator.ts';
import { printNotice } from './notice.ts';
import { requestedHistogramAggregation } from './views.ts';

export type OtlpProtocol = 'grpc' | 'http/json' | 'http/protobuf';
const protocols: readonly OtlpProtocol[] = ['grpc', 'http/json', 'http/protobuf'];

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

interface OtlpTarget extends ExportTarget {
  readonly protocol: OtlpProtocol;
  /** What the exporter must be told, where the environment says nothing and an aggregator is on this machine. */
  readonly local?: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
}

/**
 * Where and how a signal goes: where no variable says anything, to the aggregator of this user on this machine; else by the rules of the OTLP exporter specification: the variable of the signal first, then
 * the general one, to which HTTP adds the path of the signal.
 * @param tell is told what whoever runs the application must know
 */
export function otlpTarget(signal: ExportTarget['signal'], tell: (line: string) => void = printNotice): OtlpTarget {
  const local = localTarget(signal, tell);
  if (local !== undefined) return { signal, protocol: 'http/protobuf', endpoint: local.url, local };
  const prefix = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}`;
  const protocol =
    readProtocol(`${prefix}_PROTOCOL`, tell) ?? readProtocol('OTEL_EXPORTER_OTLP_PROTOCOL', tell) ?? 'http/protobuf';
  const own = getStringFromEnv(`${prefix}_ENDPOINT`);
  const general = getStringFromEnv('OTEL_EXPORTER_OTLP_ENDPOINT');
  if (protocol === 'grpc') return { signal, protocol, endpoint: own ?? general ?? 'http://localhost:4317' };
  const base = (general ?? 'http://localhost:4318').replace(/\/$/, '');
  return { signal, protocol, endpoint: own ?? `${base}/v1/${signal}` };
}

/** Looked for once: both signals go to the same place, and one line says so. */
let local: ReturnType<typeof findLocalAggregator> | null = null;

function localTarget(signal: ExportTarget['signal'], tell: (line: string) => void): OtlpTarget['local'] {
  if (local === null) {
    local = findLocalAggregator();
    if (local !== undefined && 'refused' in local)
      tell(`${local.path} is not used: ${local.refused}. Remove it, and start the aggregator again.`);
    else if (local !== undefined)
      tell(`telemetry goes to the aggregator on this machine, ${local.aggregator.url} (by ${local.path}).`);
  }
  if (local === undefined || 'refused' in local) return undefined;
  const { url, ingestKey } = local.aggregator;
  return { url: `${url}/v1/${signal}`, headers: { 'X-Monitoring-API-Key': ingestKey } };
}

function readProtocol(variable: string, tell: (line: string) => void): OtlpProtocol | undefined {
  const value = getStringFromEnv(variable)?.trim();
  if (value === undefined) return undefined;
  const protocol = protocols.find((known) => known === value);
  if (protocol === undefined) tell(`${variable} is "${value}", but only ${protocols.join(', ')} are known.`);
  return protocol;
}
