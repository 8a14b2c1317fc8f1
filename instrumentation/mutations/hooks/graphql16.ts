/**
 * graphql 16, which publishes no channels: its functions are patched in the files that define them, where the
 * package's own calls (`graphql()`) find them too. Node loads it as CommonJS, from `import` as well.
 */
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import type { Watch } from '../execution.ts';
import { countInvalid, countUnparsable } from '../refused.ts';
import { observeRequest, wrapExecutor } from './executor.ts';

const VERSIONS = ['>=16 <17'];

export function graphql16Hook(watch: Watch): InstrumentationModuleDefinition {
  return new InstrumentationNodeModuleDefinition('graphql', VERSIONS, undefined, undefined, [
    file('graphql/execution/execute.js', (exports) => patchExecute(watch, exports)),
    file('graphql/execution/subscribe.js', (exports) => patchSubscribe(watch, exports)),
    file('graphql/language/parser.js', (exports) => patchParse(watch, exports)),
    file('graphql/validation/validate.js', (exports) => patchValidate(watch, exports)),
  ]);
}

/** Wrappers stay when the instrumentation is disabled: they then only pass on. */
function file(name: string, patch: (exports: unknown) => unknown): InstrumentationNodeModuleFile {
  return new InstrumentationNodeModuleFile(name, VERSIONS, patch, () => {});
}

/** Patches the exports of `graphql/execution/execute.js`. */
export function patchExecute<Exports>(watch: Watch, exports: Exports): Exports {
  const wrap = (original: AnyFunction, members: Readonly<Record<string, unknown>>): AnyFunction =>
    wrapExecutor(watch, original, members['defaultFieldResolver'], { subscriptions: false });
  return patchExport(patchExport(exports, 'execute', wrap, watch.diag), 'executeSync', wrap, watch.diag);
}

/** Patches the exports of `graphql/execution/subscribe.js`; a subscription is one request, whatever its events. */
export function patchSubscribe<Exports>(watch: Watch, exports: Exports): Exports {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      if (!watch.enabled) return original.apply(this, args);
      return observeRequest(watch, 'subscription', () => original.apply(this, args));
    };
  return patchExport(exports, 'subscribe', wrap, watch.diag);
}

/** Patches the exports of `graphql/language/parser.js`. */
export function patchParse<Exports>(watch: Watch, exports: Exports): Exports {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      try {
        return original.apply(this, args);
      } catch (error) {
        countUnparsable(watch, args[0]);
        throw error;
      }
    };
  return patchExport(exports, 'parse', wrap, watch.diag);
}

/** Patches the exports of `graphql/validation/validate.js`. */
export function patchValidate<Exports>(watch: Watch, exports: Exports): Exports {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      const errors = original.apply(this, args);
      countInvalid(watch, args[1], errors);
      return errors;
    };
  return patchExport(exports, 'validate', wrap, watch.diag);
}
