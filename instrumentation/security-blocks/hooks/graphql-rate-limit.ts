/**
 * graphql-rate-limit: fields that refuse. An executor has begun by then, so the request is none that was refused as a
 * whole. (graphql-rate-limit-directive refuses by rate-limiter-flexible, whose hook sees it.)
 */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, observeSettlement } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

interface Config {
  readonly createError?: AnyFunction;
}

export function graphqlRateLimitHook(watch: Watch): InstrumentationModuleDefinition {
  const record = (): void =>
    recordBlock(watch, {
      category: 'rate_limit',
      pattern: 'requests',
      surface: 'graphql',
      refusesGraphql: 'no',
    });
  return moduleHook('graphql-rate-limit', '>=2 <4', (exports) => {
    observeErrors((exports as { RateLimitError?: { prototype: object } }).RateLimitError?.prototype, record);
    const made = replaceFunctions(
      exports,
      ['createRateLimitDirective', 'createRateLimitRule'],
      withOwnError(record),
      watch.diag,
    );
    return replaceFunctions(made, ['getGraphQLRateLimiter'], observeLimiter(record), watch.diag);
  });
}

/** Its own error is made only to refuse; its constructor sets a mark, which a setter on the prototype hears of. */
function observeErrors(prototype: object | undefined, record: () => void): void {
  if (prototype === undefined || Object.hasOwn(prototype, 'isRateLimitError')) return;
  Object.defineProperty(prototype, 'isRateLimitError', {
    configurable: true,
    get: () => undefined,
    set(this: object, value: unknown) {
      Object.defineProperty(this, 'isRateLimitError', { value, writable: true, enumerable: true, configurable: true });
      record();
    },
  });
}

/** Where the user makes the error. */
function withOwnError(record: () => void): (original: AnyFunction) => AnyFunction {
  return (original) =>
    function (this: unknown, config?: Config, ...rest: never[]) {
      const createError = config?.createError;
      if (typeof createError !== 'function') return original.apply(this, [config as never, ...rest]);
      const telling: AnyFunction = function (...args) {
        record();
        return createError.apply(this, args);
      };
      return original.apply(this, [{ ...config, createError: telling } as never, ...rest]);
    } as AnyFunction;
}

/** A limiter by itself gives a message when the limit is reached, and nothing else. */
function observeLimiter(record: () => void): (original: AnyFunction) => AnyFunction {
  return (original) =>
    function (...args) {
      const limiter = original.apply(this, args) as AnyFunction;
      const observed: AnyFunction = function (...given) {
        const result = limiter.apply(this, given);
        observeSettlement(result, (message, failed) => {
          if (!failed && message) record();
        });
        return result;
      };
      return observed;
    };
}
