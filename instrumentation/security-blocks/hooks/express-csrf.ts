/** csurf and csrf-csrf: middlewares that hand on an error of theirs when a token is missing or wrong. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { AnyFunction } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

type Next = (error?: unknown) => unknown;
type Middleware = (this: unknown, request: object, response: unknown, next: Next) => unknown;

interface DoubleCsrf {
  readonly invalidCsrfTokenError: unknown;
  readonly doubleCsrfProtection: Middleware;
}

export function csurfHook(watch: Watch): InstrumentationModuleDefinition {
  const isRefusal = (error: unknown): boolean => (error as { code?: unknown } | undefined)?.code === 'EBADCSRFTOKEN';
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      return observeMiddleware(watch, original.apply(this, args) as Middleware, isRefusal);
    };
  return moduleHook('csurf', '>=1 <2', (exports) => replaceFunctions(exports, [], wrap, watch.diag));
}

export function csrfCsrfHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      const made = original.apply(this, args) as DoubleCsrf;
      const isRefusal = (error: unknown): boolean => error !== undefined && error === made.invalidCsrfTokenError;
      return { ...made, doubleCsrfProtection: observeMiddleware(watch, made.doubleCsrfProtection, isRefusal) };
    };
  return moduleHook('csrf-csrf', '>=3 <5', (exports) => replaceFunctions(exports, ['doubleCsrf'], wrap, watch.diag));
}

function observeMiddleware(watch: Watch, middleware: Middleware, isRefusal: (error: unknown) => boolean): Middleware {
  const observed: Middleware = function (request, response, next) {
    return middleware.call(this, request, response, (...args) => {
      if (isRefusal(args[0])) recordBlock(watch, { category: 'csrf', pattern: 'token', request });
      return next(...args);
    });
  };
  return Object.defineProperty(observed, 'name', { value: middleware.name });
}
