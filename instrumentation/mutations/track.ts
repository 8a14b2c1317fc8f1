/** Tracking by hand: the way in for mutations that no hook reaches. */
import { complexityOf } from './complexity.ts';
import { claimExecution, createCall, isUnclaimed, type RootCall, type Watch } from './execution.ts';
import { runCall } from './field.ts';
import type { ResolveInfo } from './graphql-shapes.ts';

/** Where the running instrumentation is found, also by another copy of this package. */
const RUNNING = Symbol.for('vigil.instrumentation.mutations');

const shared = globalThis as { [RUNNING]?: Watch | undefined };

/**
 * Makes a watch the one of this process, to which `trackMutation` reports.
 * @returns false when another one is: two would count every mutation twice, and wrap each other's wrappers without end
 */
export function setRunning(watch: Watch): boolean {
  shared[RUNNING] ??= watch;
  return shared[RUNNING] === watch;
}

/** Ends that, when it still is the one. */
export function clearRunning(watch: Watch): void {
  if (shared[RUNNING] === watch) shared[RUNNING] = undefined;
}

/**
 * Tracks a mutation that no hook reaches: another executor, a namespace below the root type, a mutation without GraphQL.
 *
 * Where a hook reaches the same field the hook counts, and this does nothing; that is told by GraphQL's `info`, so wrap
 * the resolver itself. Without a running `MutationInstrumentation` the function is just called. Only the function's own
 * end is known here: `partial` and `aborted` are never told, and `vigil.graphql.requests` does not count it.
 *
 * @param name the mutation's name as it shall appear: a constant, never made from input
 * @param resolver called with the same `this` and arguments, its result or error handed on as it is
 */
export function trackMutation<This, Args extends unknown[], Result>(
  name: string,
  resolver: (this: This, ...args: Args) => Result,
): (this: This, ...args: Args) => Result {
  return function (this: This, ...args: Args): Result {
    const watch = shared[RUNNING];
    const call = watch?.enabled === true ? openTracked(watch, name, infoIn(args)) : undefined;
    if (watch === undefined || call === undefined) return resolver.apply(this, args);
    return runCall(watch, undefined, call, () => resolver.apply(this, args)) as Result;
  };
}

/** GraphQL's `info` is the last argument of a resolver, and of a method of a root value. */
function infoIn(args: readonly unknown[]): ResolveInfo | undefined {
  const last = args.at(-1);
  if (typeof last !== 'object' || last === null) return undefined;
  return 'fieldNodes' in last && 'variableValues' in last && 'path' in last ? (last as ResolveInfo) : undefined;
}

function openTracked(watch: Watch, name: string, info: ResolveInfo | undefined): RootCall | undefined {
  try {
    if (info !== undefined && isCounted(watch, info)) return undefined;
    const complexity = info === undefined ? 1 : complexityOf(info.fieldNodes, (key) => info.fragments[key]);
    const call = createCall(name, { responseKey: name, complexity });
    watch.telemetry.startSpan(call);
    return call;
  } catch (error) {
    watch.diag.error(`mutation ${name} is not tracked`, error);
    return undefined;
  }
}

/** Whether a hook counts this field; if none does, it is this call that counts, and no other for the same field. */
function isCounted(watch: Watch, info: ResolveInfo): boolean {
  const isRoot = info.path.prev === undefined && info.operation.operation === 'mutation';
  if (isRoot && claimExecution(watch, info.operation, info.variableValues) !== undefined) return true;
  if (isRoot && isUnclaimed(watch, info.operation)) return true;
  if (watch.counted.has(info)) return true;
  watch.counted.add(info);
  return false;
}
