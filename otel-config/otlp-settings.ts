/** What the environment says of OTLP, and nothing of the SDK: the doctor, which starts without one, reads it too. */
import { getStringFromEnv } from '@opentelemetry/core';
import type { ExportTarget } from './export-failures.ts';
import { findLocalAggregator } from './local-aggregator.ts';
import { printNotice } from './notice.ts';

export type OtlpProtocol = 'grpc' | 'http/json' | 'http/protobuf';
const protocols: readonly OtlpProtocol[] = ['grpc', 'http/json', 'http/protobuf'];

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

export type HistogramAggregation = 'base2_exponential_bucket_histogram' | 'explicit_bucket_histogram';

/**
 * What `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` asks for, in whatever case; undefined when it is unset
 * or names nothing known.
 */
export function requestedHistogramAggregation(): HistogramAggregation | undefined {
  const requested = getStringFromEnv('OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION')?.toLowerCase();
  if (requested === 'explicit_bucket_histogram' || requested === 'base2_exponential_bucket_histogram') return requested;
  return undefined;
}
