export { createLimiter, type Limiter } from './limiter.ts';
export { type AnyFunction, isAnyPatched, isPatchedBy, patchExport, standIn } from './patch.ts';
export { observeSettlement } from './settlement.ts';
