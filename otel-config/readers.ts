/** The metric readers that `OTEL_METRICS_EXPORTER` asks for; as in sdk-node, but exporting every 10 s by default. */
import { getNumberFromEnv, getStringFromEnv, getStringListFromEnv } from '@opentelemetry/core';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import {
  ConsoleMetricExporter,
  type IMetricReader,
  type MetricProducer,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { securityClientsProducer } from './client-producer.ts';
import { printNotice } from './notice.ts';
import { otlpMetricExporter } from './otlp-exporters.ts';

/** How often metrics go out unless `OTEL_METRIC_EXPORT_INTERVAL` says otherwise; OpenTelemetry's own default is 60 s. */
const EXPORT_INTERVAL_MS = 10_000;
/** The default of `OTEL_METRIC_EXPORT_TIMEOUT` by OpenTelemetry's specification. */
const EXPORT_TIMEOUT_MS = 30_000;

const makers: Readonly<Record<string, (producers: readonly MetricProducer[]) => IMetricReader>> = {
  otlp: (producers) => periodicReader(otlpMetricExporter(), producers),
  console: (producers) => periodicReader(new ConsoleMetricExporter(), producers),
  prometheus: prometheusReader,
};

/**
 * One reader an exporter named in `OTEL_METRICS_EXPORTER`; OTLP when it is unset, none when it names `none`.
 * @param producers of more metrics than the SDK's own, for each reader that pushes
 */
export function vigilMetricReaders(producers: readonly MetricProducer[] = []): IMetricReader[] {
  const named = new Set(getStringListFromEnv('OTEL_METRICS_EXPORTER') ?? []);
  if (named.has('none')) return [];
  if (named.size === 0) named.add('otlp');
  return [...named].flatMap((name) => {
    const make = Object.hasOwn(makers, name) ? makers[name] : undefined;
    if (make !== undefined) return make(producers);
    printNotice(`OTEL_METRICS_EXPORTER names "${name}", but only ${Object.keys(makers).join(', ')}, none are known.`);
    return [];
  });
}

function periodicReader(exporter: PushMetricExporter, producers: readonly MetricProducer[]): IMetricReader {
  const exportIntervalMillis = positiveFromEnv('OTEL_METRIC_EXPORT_INTERVAL') ?? EXPORT_INTERVAL_MS;
  const timeoutMs = positiveFromEnv('OTEL_METRIC_EXPORT_TIMEOUT') ?? EXPORT_TIMEOUT_MS;
  // The reader refuses a timeout beyond its interval.
  const exportTimeoutMillis = Math.min(timeoutMs, exportIntervalMillis);
  const metricProducers = [securityClientsProducer(), ...producers];
  return new PeriodicExportingMetricReader({ exporter, exportIntervalMillis, exportTimeoutMillis, metricProducers });
}

/**
 * Without blocks by client: they are delta, and a scrape cannot carry that.
 * Of several processes on one machine that ask for the same port only the first is scraped; the others go on without.
 */
function prometheusReader(): IMetricReader {
  const host = getStringFromEnv('OTEL_EXPORTER_PROMETHEUS_HOST');
  const port = getNumberFromEnv('OTEL_EXPORTER_PROMETHEUS_PORT');
  return new PrometheusExporter({ host, port }, (error) => {
    if (error instanceof Error) printNotice(`Prometheus cannot scrape process ${process.pid}: ${error.message}.`);
  });
}

function positiveFromEnv(variable: string): number | undefined {
  const value = getNumberFromEnv(variable);
  if (value === undefined || value > 0) return value;
  printNotice(`${variable} is ${value}, but must be above 0; the default holds.`);
  return undefined;
}
