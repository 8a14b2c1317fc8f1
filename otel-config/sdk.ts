/** Vigil's configuration for NodeSDK. */
import { getStringFromEnv, getStringListFromEnv } from '@opentelemetry/core';
import type { NodeSDKConfiguration } from '@opentelemetry/sdk-node';
import { vigilInstrumentations } from './instrumentations.ts';
import { otlpTraceExporter } from './otlp-exporters.ts';
import { vigilMetricReaders } from './readers.ts';
import { vigilResource, vigilResourceDetectors } from './resource.ts';
import { keepingSecurityBlocks, samplerFromEnvironment } from './sampler.ts';
import { vigilViews } from './views.ts';

/**
 * What to give to `new NodeSDK(…)`: Vigil's instrumentations, Views, readers and resource, all else as sdk-node reads it
 * from the environment. Makes the instrumentations, which begin to hook at once; call it before the application loads.
 *
 * @param overrides settings of NodeSDK. Instrumentations, Views and the attributes of the resource are added to Vigil's,
 * and an instrumentation of Vigil's given here, with settings of its own, takes the place of that one; a View for an instrument of Vigil's makes a second metric of the same name, which counts twice. Anything else takes the
 * place of Vigil's.
 */
export function vigilNodeSdkConfiguration(
  overrides: Partial<NodeSDKConfiguration> = {},
): Partial<NodeSDKConfiguration> {
  const given = [overrides.instrumentations ?? []].flat(2);
  return {
    resourceDetectors: vigilResourceDetectors(),
    ...overrides,
    resource: overrides.resource ? vigilResource().merge(overrides.resource) : vigilResource(),
    // Made only when used: a Prometheus reader listens from the moment it exists.
    metricReaders: overrides.metricReaders ?? vigilMetricReaders(),
    sampler: keepingSecurityBlocks(overrides.sampler ?? samplerFromEnvironment()),
    // Not made beside processors that were given: it would look for a receiver, and say which.
    traceExporter: overrides.traceExporter ?? (overrides.spanProcessors ? undefined : traceExporterFromEnvironment()),
    logRecordProcessors: overrides.logRecordProcessors ?? logRecordProcessorsFromEnvironment(),
    instrumentations: [...vigilInstrumentations(given), ...given],
    views: [...vigilViews(), ...(overrides.views ?? [])],
  };
}

/** OTLP, which is the default; undefined leaves every other choice to sdk-node. */
function traceExporterFromEnvironment(): NodeSDKConfiguration['traceExporter'] | undefined {
  const named = getStringListFromEnv('OTEL_TRACES_EXPORTER') ?? [];
  return named.every((name) => name === 'otlp') ? otlpTraceExporter() : undefined;
}

/** Vigil records no logs: none are exported unless `OTEL_LOGS_EXPORTER` asks for it, and then as sdk-node does it. */
function logRecordProcessorsFromEnvironment(): NodeSDKConfiguration['logRecordProcessors'] {
  return getStringFromEnv('OTEL_LOGS_EXPORTER') === undefined ? [] : undefined;
}
