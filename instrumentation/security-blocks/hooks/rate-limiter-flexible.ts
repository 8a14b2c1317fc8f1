/**
 * rate-limiter-flexible: a rejection that is no error is a refusal. Limiters are built of limiters, of which the inner
 * may refuse what the outer lets pass: only the outermost call counts.
 */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, observeSettlement, patchExport } from '@vigil/hooking';
import { incomingOf } from '../request.ts';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook } from './module.ts';

export function rateLimiterFlexibleHook(watch: Watch): InstrumentationModuleDefinition {
  return moduleHook('rate-limiter-flexible', '>=2 <12', (exports) => {
    for (const prototype of consumingPrototypes(exports))
      patchExport(prototype, 'consume', wrapConsume(watch), watch.diag, 'security-blocks');
    return exports;
  });
}

/** Every prototype, of the exported classes and of what they extend, that has a `consume` of its own. */
function consumingPrototypes(exports: unknown): Set<object> {
  const found = new Set<object>();
  for (const exported of Object.values(exports as object)) {
    let prototype: unknown = typeof exported === 'function' ? exported.prototype : undefined;
    for (; typeof prototype === 'object' && prototype !== null; prototype = Object.getPrototypeOf(prototype))
      if (Object.hasOwn(prototype, 'consume')) found.add(prototype);
  }
  return found;
}

/** Shared by all classes: inner limiters are called while the outer one is. */
let isInside = false;

function wrapConsume(watch: Watch) {
  return (original: AnyFunction): AnyFunction =>
    function (...args) {
      if (isInside || !watch.enabled) return original.apply(this, args);
      isInside = true;
      let result: unknown;
      try {
        result = original.apply(this, args);
      } finally {
        isInside = false;
      }
      // Outside of any request it is the application that slows itself down.
      if (incomingOf(undefined) !== undefined)
        observeSettlement(result, (reason, failed) => {
          if (failed && isRefusal(reason))
            recordBlock(watch, { category: 'rate_limit', pattern: 'requests', refusesGraphql: 'by_status' });
        });
      return result;
    };
}

/** An error means that the store failed. */
function isRefusal(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && !(reason instanceof Error);
}
