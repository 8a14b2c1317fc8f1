/** express-rate-limit: a middleware that does not go on has answered, as a rule with 429. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { observeSettlement } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

type Next = (error?: unknown) => unknown;
type Middleware = (this: unknown, request: Limited, response: unknown, next: Next) => unknown;
type Limited = Record<string, { readonly used?: number; readonly limit?: number } | undefined>;

export function expressRateLimitHook(watch: Watch): InstrumentationModuleDefinition {
  return moduleHook('express-rate-limit', '>=6 <9', (exports) =>
    replaceFunctions(exports, ['rateLimit'], (original) => wrapFactory(watch, original as never), watch.diag),
  );
}

function wrapFactory(watch: Watch, factory: (options?: { requestPropertyName?: string }) => Middleware) {
  return function (this: unknown, ...args: Parameters<typeof factory>): Middleware {
    const middleware = factory.apply(this, args);
    const property = args[0]?.requestPropertyName ?? 'rateLimit';
    return Object.assign(observeMiddleware(watch, middleware, property), middleware);
  };
}

/** The limiter leaves its numbers on the request; a handler of the user's may let the request pass all the same. */
function observeMiddleware(watch: Watch, middleware: Middleware, property: string): Middleware {
  return function rateLimit(request, response, next) {
    let passed = false;
    const result = middleware.call(this, request, response, (...args) => {
      passed = args[0] === undefined;
      return next(...args);
    });
    observeSettlement(result, () => {
      const { used = 0, limit = Number.POSITIVE_INFINITY } = request[property] ?? {};
      const action = passed ? 'detected' : 'blocked';
      if (used > limit) recordBlock(watch, { category: 'rate_limit', pattern: 'requests', action, request });
    });
    return result;
  };
}
