/** @graphql-yoga/plugin-csrf-prevention: its plugin throws where the header is missing. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { AnyFunction } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

interface Plugin {
  onRequestParse?: AnyFunction;
}

export function yogaCsrfPreventionHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      const plugin = original.apply(this, args) as Plugin;
      const { onRequestParse } = plugin;
      if (typeof onRequestParse === 'function') plugin.onRequestParse = observeThrow(watch, onRequestParse);
      return plugin;
    };
  return moduleHook('@graphql-yoga/plugin-csrf-prevention', '>=2 <4', (exports) =>
    replaceFunctions(exports, ['useCSRFPrevention'], wrap, watch.diag),
  );
}

function observeThrow(watch: Watch, onRequestParse: AnyFunction): AnyFunction {
  return function (...args) {
    try {
      return onRequestParse.apply(this, args);
    } catch (error) {
      recordBlock(watch, { category: 'csrf', pattern: 'header', surface: 'graphql' });
      throw error;
    }
  };
}
