/** hono-rate-limiter: a middleware that neither goes on nor fails has refused. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { recordBlock, type Watch } from '../watch.ts';
import { observeHonoFactory } from './hono.ts';
import { moduleHook, replaceFunctions } from './module.ts';

export function honoRateLimiterHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = observeHonoFactory(({ context, error }) => {
    // An error of the store's is none of a refusal; a handler may refuse by throwing.
    const status = (error as { status?: unknown } | undefined)?.status;
    if (error === undefined || status === 429)
      recordBlock(watch, { category: 'rate_limit', pattern: 'requests', request: context });
  });
  return moduleHook('hono-rate-limiter', '>=0.4 <1', (exports) =>
    replaceFunctions(exports, ['rateLimiter'], wrap, watch.diag),
  );
}
