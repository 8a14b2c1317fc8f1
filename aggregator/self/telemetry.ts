/** The service's own telemetry over OTLP: what it derives, and how it fares, sent to whoever the environment names. */
import type { MetricProducer } from '@opentelemetry/sdk-metrics';
import type { Environment } from '../environment.ts';
import type { Log } from '../log.ts';
import type { MetricFamily } from '../metrics.ts';
import { metricsOfFamilies } from './family-metrics.ts';

const SCOPE = { name: '@vigil/aggregator' };

/**
 * Starts OpenTelemetry's SDK, set up by `@vigil/otel-config`, when a variable says where metrics go; all `OTEL_` variables
 * hold. Without one nothing is loaded, for the SDK costs memory and time. A package that is missing is told, and ends
 * nothing. Sent to this service itself it is no loop: the door ignores metrics that are not of the registry.
 * @param readFamilies what a scrape would show now
 */
export async function startOwnTelemetry(
  env: Environment,
  readFamilies: () => Promise<readonly MetricFamily[]>,
  log: Log,
): Promise<void> {
  if (!env['OTEL_EXPORTER_OTLP_ENDPOINT'] && !env['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT']) return;
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || env['OTEL_METRICS_EXPORTER'] === 'none') return;
  // A `.env` file may have named it, of which the SDK knows nothing.
  for (const [name, value] of Object.entries(env)) if (name.startsWith('OTEL_')) process.env[name] ??= value;
  try {
    const [{ start, vigilMetricReaders }, sdk, { ValueType }, { emptyResource }] = await Promise.all([
      import('@vigil/otel-config'),
      import('@opentelemetry/sdk-metrics'),
      import('@opentelemetry/api'),
      import('@opentelemetry/resources'),
    ]);
    const producer: MetricProducer = {
      async collect() {
        const metrics = metricsOfFamilies(await readFamilies(), Date.now(), { ...sdk, ValueType });
        return {
          resourceMetrics: { resource: emptyResource(), scopeMetrics: [{ scope: SCOPE, metrics }] },
          errors: [],
        };
      },
    };
    start({ metricReaders: vigilMetricReaders([producer]) });
    log.info('metrics of this service are sent over OTLP, too');
  } catch (error) {
    log.error(
      { err: error },
      'OTEL_EXPORTER_OTLP_ENDPOINT is set, but this service cannot send: are @vigil/otel-config and @opentelemetry/api installed?',
    );
  }
}
