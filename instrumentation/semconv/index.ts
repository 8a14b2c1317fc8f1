export * from './local-aggregator.ts';
export * from './names.ts';
export * from './registry.ts';
