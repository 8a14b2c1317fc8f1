/** Wrapping the resolvers of the fields under the root mutation type. */
import { context, trace } from '@opentelemetry/api';
import { type AnyFunction, observeSettlement, standIn } from '@vigil/hooking';
import { complexityOf } from './complexity.ts';
import {
  addCall,
  claimExecution,
  createCall,
  type Execution,
  isUnclaimed,
  type RootCall,
  settleCall,
  type Watch,
} from './execution.ts';
import type { ResolveInfo, Resolver, Schema } from './graphql-shapes.ts';
import type { MutationPlan } from './plan.ts';

/** Wrapped resolvers, each with the watch that it reports to: a schema may outlive an instrumentation. */
const wrapped = new WeakMap<Resolver, Watch>();

/**
 * Wraps the resolvers of the root fields that a request selects, in the schema, unless they already are: resolvers may be
 * replaced between two requests (hot reloading, Mercurius' defineResolvers).
 *
 * A field without a resolver never gets one: it would shadow the executor's own `fieldResolver`.
 *
 * @returns whether a selected field has no resolver of its own
 */
export function wrapRootFields(watch: Watch, schema: Schema, plan: MutationPlan): boolean {
  const fields = schema.getMutationType()?.getFields();
  if (fields === undefined) return false;
  let anyDefault = false;
  for (const root of plan.roots) {
    const field = fields[root.fieldName];
    if (field === undefined) continue;
    if (field.resolve === undefined) anyDefault = true;
    // A frozen field stays as it is, and its mutations are judged by the answer.
    else if (wrapped.get(field.resolve) !== watch) Reflect.set(field, 'resolve', replacement(watch, field.resolve));
  }
  return anyDefault;
}

/** With the name and the properties by which others may know the resolver, such as a mark of who may call it. */
function replacement(watch: Watch, original: Resolver): Resolver {
  const wrapper = wrapResolver(watch, original);
  standIn(wrapper as AnyFunction, original);
  return wrapper;
}

/** The resolver, observed wherever it is called for a root field of a mutation; anywhere else it is just called. */
export function wrapResolver(watch: Watch, original: Resolver): Resolver {
  const wrapper: Resolver = function (source, args, contextValue, info) {
    const call = watch.enabled ? openCall(watch, info) : undefined;
    if (call === undefined) return original.call(this, source, args, contextValue, info);
    return runCall(watch, watch.executions.get(info.variableValues), call, () =>
      original.call(this, source, args, contextValue, info),
    );
  };
  wrapped.set(wrapper, watch);
  return wrapper;
}

/**
 * Runs what a mutation consists of under the mutation's span, and notes how it ends.
 * @param execution the request that judges the call when it is over; without one the call is recorded as it settles
 */
export function runCall(watch: Watch, execution: Execution | undefined, call: RootCall, run: () => unknown): unknown {
  let result: unknown;
  try {
    result = call.span === undefined ? run() : context.with(trace.setSpan(context.active(), call.span), run);
  } catch (error) {
    settleCall(watch, execution, call, error, true);
    throw error;
  }
  try {
    observeSettlement(result, (value, failed) => settleCall(watch, execution, call, value, failed));
  } catch (error) {
    watch.diag.error('the end of a mutation cannot be observed', error);
  }
  return result;
}

/**
 * Notes that a root field is being called.
 * @returns undefined when there is nothing to observe: the field is not a root field of a mutation, or its call was noted
 * before, by a wrapper around this one or within it
 */
function openCall(watch: Watch, info: ResolveInfo): RootCall | undefined {
  try {
    if (info.path.prev !== undefined || info.operation.operation !== 'mutation') return undefined;
    const execution = claimExecution(watch, info.operation, info.variableValues);
    const root = execution?.plan.byKey.get(String(info.path.key));
    if (execution === undefined || root === undefined) return openUnknown(watch, info);
    const call = addCall(execution, root);
    if (call === undefined) return undefined;
    watch.telemetry.startSpan(call);
    return call;
  } catch (error) {
    watch.diag.error('a mutation is not observed', error);
    return undefined;
  }
}

/** An executor that no hook knows runs a schema whose fields were wrapped for another one: the call judges itself. */
function openUnknown(watch: Watch, info: ResolveInfo): RootCall | undefined {
  if (isUnclaimed(watch, info.operation) || watch.counted.has(info)) return undefined;
  watch.counted.add(info);
  const complexity = complexityOf(info.fieldNodes, (name) => info.fragments[name]);
  const call = createCall(info.fieldName, { responseKey: String(info.path.key), complexity });
  watch.telemetry.startSpan(call);
  return call;
}
