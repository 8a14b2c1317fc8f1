/** @graphql-tools/executor, which Yoga, Envelop and Hive Gateway execute with, whatever graphql they run on. */
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
} from '@opentelemetry/instrumentation';
import { patchExport } from '@vigil/hooking';
import type { Watch } from '../execution.ts';
import { wrapExecutor } from './executor.ts';

export function graphqlToolsHook(watch: Watch): InstrumentationModuleDefinition {
  return new InstrumentationNodeModuleDefinition(
    '@graphql-tools/executor',
    ['>=1 <5'],
    (exports) => patchGraphqlTools(watch, exports),
    () => {},
  );
}

/** Patches the exports of the package. */
export function patchGraphqlTools<Exports>(watch: Watch, exports: Exports): Exports {
  let patched = exports;
  for (const name of ['execute', 'executeSync', 'normalizedExecutor', 'subscribe']) {
    patched = patchExport(
      patched,
      name,
      (original, members) => wrapExecutor(watch, original, members['defaultFieldResolver'], { subscriptions: true }),
      watch.diag,
    );
  }
  return patched;
}
