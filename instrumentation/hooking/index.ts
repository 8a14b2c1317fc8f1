export { createLimiter, type Limiter } from './limiter.ts';
export { type AnyFunction, patchExport } from './patch.ts';
export { observeSettlement } from './settlement.ts';
