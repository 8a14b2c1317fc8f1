/** graphql-jit, which Mercurius compiles its hot operations with. Resolvers are compiled in, so they are wrapped before. */
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
} from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { enterExecution, type Watch } from '../execution.ts';
import { wrapRootFields } from '../field.ts';
import { type DocumentNode, operationOf, type Schema } from '../graphql-shapes.ts';
import { type MutationPlan, planOf } from '../plan.ts';
import { observeExecution, observeRequest } from './executor.ts';

type Compile = (this: unknown, schema: Schema, document: DocumentNode, ...rest: unknown[]) => unknown;

/** What `compileQuery` gives; an object with `errors` instead when it refuses. */
interface Compiled {
  query?: AnyFunction;
}

export function graphqlJitHook(watch: Watch): InstrumentationModuleDefinition {
  return new InstrumentationNodeModuleDefinition(
    'graphql-jit',
    ['>=0.7 <1'],
    (exports) => patchGraphqlJit(watch, exports),
    () => {},
  );
}

/** Patches the exports of the package. */
export function patchGraphqlJit<Exports>(watch: Watch, exports: Exports): Exports {
  const wrap = (original: AnyFunction): AnyFunction => {
    const compile = original as Compile;
    return function (this: unknown, schema: Schema, document: DocumentNode, ...rest: unknown[]): unknown {
      const prepared = watch.enabled ? prepare(watch, schema, document, rest[0]) : undefined;
      const compiled = compile.call(this, schema, document, ...rest) as Compiled;
      if (prepared !== undefined && typeof compiled?.query === 'function') {
        compiled.query = wrapQuery(watch, compiled.query, prepared);
      }
      return compiled;
    } as AnyFunction;
  };
  return patchExport(exports, 'compileQuery', wrap, watch.diag);
}

/** What is known of an operation when it is compiled: that it is no mutation, or what it asks for. */
type Prepared = { readonly type: 'query' } | { readonly type: 'mutation'; readonly plan: MutationPlan };

function prepare(watch: Watch, schema: Schema, document: DocumentNode, operationName: unknown): Prepared | undefined {
  try {
    const operation = operationOf(document, typeof operationName === 'string' ? operationName : undefined);
    if (operation?.operation === 'query') return { type: 'query' };
    if (operation?.operation !== 'mutation') return undefined;
    const plan = planOf(document, operation);
    wrapRootFields(watch, schema, plan);
    return { type: 'mutation', plan };
  } catch (error) {
    watch.diag.error('a compiled operation is not observed', error);
    return undefined;
  }
}

function wrapQuery(watch: Watch, query: AnyFunction, prepared: Prepared): AnyFunction {
  return function (...args) {
    const run = (): unknown => query.apply(this, args);
    if (!watch.enabled) return run();
    if (prepared.type === 'query') return observeRequest(watch, 'query', run);
    return observeExecution(watch, enterExecution(watch, prepared.plan), run);
  };
}
