/** What the environment says that makes telemetry less, or none. */
import { getBooleanFromEnv, getStringFromEnv, getStringListFromEnv } from '@opentelemetry/core';
import { requestedHistogramAggregation } from '../otlp-settings.ts';
import { type Finding, finding } from './finding.ts';

const HISTOGRAMS = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION';

/** Of the process's own environment, which must be the application's. */
export function checkSettings(): Finding[] {
  return [disabled(), configurationFile(), metricsExporter(), histograms()].filter((one) => one !== undefined);
}

function disabled(): Finding | undefined {
  if (!getBooleanFromEnv('OTEL_SDK_DISABLED')) return undefined;
  const message = 'OTEL_SDK_DISABLED is true: nothing is measured.';
  return finding('error', 'settings.disabled', message, 'Take OTEL_SDK_DISABLED away.');
}

function configurationFile(): Finding | undefined {
  if (getStringFromEnv('OTEL_CONFIG_FILE') === undefined) return undefined;
  return finding(
    'warning',
    'settings.config_file',
    "OTEL_CONFIG_FILE decides everything, so Vigil's Views and settings do not apply.",
    'Take it away, or put exporter, resource and Views for vigil.* into it.',
  );
}

function metricsExporter(): Finding | undefined {
  const named = getStringListFromEnv('OTEL_METRICS_EXPORTER') ?? [];
  const evidence = { OTEL_METRICS_EXPORTER: named.join(',') };
  if (named.length === 0 || (named.length === 1 && named[0] === 'otlp')) return undefined;
  if (named.includes('none') || !named.includes('otlp')) {
    const isScraped = named.includes('prometheus') && !named.includes('none');
    const message = `OTEL_METRICS_EXPORTER is ${named.join(',')}: no metrics are sent to an aggregator${isScraped ? ', they wait to be scraped' : ''}.`;
    return finding(
      isScraped ? 'warning' : 'error',
      'settings.exporter',
      message,
      'Take it away, or set it to otlp.',
      evidence,
    );
  }
  if (!named.includes('prometheus')) return undefined;
  const message =
    'metrics are sent and can be scraped as well: whoever adds both up counts twice. Histograms are explicit.';
  return finding(
    'warning',
    'settings.exporter',
    message,
    'Set OTEL_METRICS_EXPORTER to one of otlp and prometheus.',
    evidence,
  );
}

function histograms(): Finding | undefined {
  const asked = getStringFromEnv(HISTOGRAMS);
  if (asked === undefined || requestedHistogramAggregation() !== undefined) return undefined;
  const mend = 'Use base2_exponential_bucket_histogram or explicit_bucket_histogram, or take it away.';
  return finding('warning', 'settings.histograms', `${HISTOGRAMS} has an unknown value, and does nothing.`, mend, {
    [HISTOGRAMS]: asked,
  });
}
