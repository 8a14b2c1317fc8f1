/** A registration for `node --import` with nothing but the mutation instrumentation and OTLP/HTTP in JSON. */

import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { register } from 'import-in-the-middle/register-hooks.mjs';
import { MutationInstrumentation } from '../../instrumentation/mutations/index.ts';

const instrumentation = new MutationInstrumentation();
const names = instrumentation.getModuleDefinitions().map(({ name }) => name);
const included = new RegExp(`/node_modules/(${names.join('|')})/`);
register({ include: [included] });

const resource = resourceFromAttributes({
  'service.name': process.env['OTEL_SERVICE_NAME'],
  'service.instance.id': `${process.pid}`,
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const meterProvider = new MeterProvider({
  resource,
  readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })],
});
const tracerProvider = new TracerProvider({
  resource,
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
});
registerInstrumentations({ instrumentations: [instrumentation], meterProvider, tracerProvider });

// Not `once`: a server that closes on the signal sends itself another one when it has, before the export is done.
process.on('SIGTERM', async () => {
  await Promise.allSettled([meterProvider.shutdown(), tracerProvider.shutdown()]);
  process.exit(0);
});
