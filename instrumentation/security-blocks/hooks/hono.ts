/** What middlewares of Hono have in common. */
import { type AnyFunction, observeSettlement } from '@vigil/hooking';

type Next = () => unknown;
type Middleware = (this: unknown, context: object, next: Next) => unknown;

/** A middleware that ended without going on. */
export interface Stopped {
  readonly context: object;
  /** What it threw; undefined when it answered. */
  readonly error: unknown;
}

/**
 * Wraps a function that makes middlewares, so that each which stops a request is told of.
 * @param onStopped must not throw
 */
export function observeHonoFactory(onStopped: (stopped: Stopped) => void): (original: AnyFunction) => AnyFunction {
  return (original) =>
    function (...args) {
      const middleware = original.apply(this, args) as Middleware;
      return typeof middleware === 'function' ? observeMiddleware(middleware, onStopped) : middleware;
    };
}

function observeMiddleware(middleware: Middleware, onStopped: (stopped: Stopped) => void): Middleware {
  const observed: Middleware = function (context, next) {
    let passed = false;
    const result = middleware.call(this, context, () => {
      passed = true;
      return next();
    });
    observeSettlement(result, (value, failed) => {
      if (!passed) onStopped({ context, error: failed ? value : undefined });
    });
    return result;
  };
  // Hono names its middlewares in what it shows of its routes.
  return Object.defineProperty(observed, 'name', { value: middleware.name });
}
