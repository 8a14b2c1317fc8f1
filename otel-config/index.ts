/** Vigil's set-up of the OpenTelemetry SDK, for those who start it in a file of their own. */

export { securityClientsProducer } from './client-producer.ts';
export { type InProcess, inProcessTelemetry, type TakeBody } from './in-process.ts';
export { vigilInstrumentations } from './instrumentations.ts';
export { flush, shutdown } from './lifecycle.ts';
export { registerModuleHooks } from './module-hooks.ts';
export type { HistogramAggregation } from './otlp-settings.ts';
export { vigilMetricReaders } from './readers.ts';
export { vigilResource, vigilResourceDetectors } from './resource.ts';
export { keepingSecurityBlocks } from './sampler.ts';
export { vigilNodeSdkConfiguration } from './sdk.ts';
export { start } from './start.ts';
export { type VigilViewOptions, vigilViews } from './views.ts';
