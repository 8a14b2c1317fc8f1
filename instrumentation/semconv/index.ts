export * from './local-aggregator.ts';
export * from './monitoring-request.ts';
export * from './names.ts';
export * from './registry.ts';
