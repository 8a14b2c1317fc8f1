/**
 * cors: whether it let an origin in, its answer tells (`origin.ts`); that it was there at all, and when it refuses by an
 * error, only its own calls. @fastify/cors and hono/cors leave a `Vary` or an origin in every answer: they need no hook.
 */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { AnyFunction } from '@vigil/hooking';
import { incomingOf, stateOf } from '../request.ts';
import type { Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

type Next = (error?: unknown) => unknown;
type Middleware = (this: unknown, request: object, response: unknown, next: Next) => unknown;

export function corsHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      return observeMiddleware(watch, original.apply(this, args) as Middleware);
    };
  return moduleHook('cors', '>=2 <3', (exports) => replaceFunctions(exports, [], wrap, watch.diag));
}

function observeMiddleware(watch: Watch, middleware: Middleware): Middleware {
  return function corsMiddleware(request, response, next) {
    const incoming = watch.enabled ? incomingOf(request) : undefined;
    if (incoming?.headers['origin'] === undefined) return middleware.call(this, request, response, next);
    const state = stateOf(incoming);
    state.corsSeen = true;
    return middleware.call(this, request, response, (...args) => {
      if (args[0] !== undefined && args[0] !== null) state.corsRefused = true;
      return next(...args);
    });
  };
}
