/** What hooks on executors written as a function have in common. */

import type { AnyFunction } from '@vigil/hooking';
import { observeSettlement } from '@vigil/hooking';
import { type Execution, enterExecution, finishExecution, leaveExecution, type Watch } from '../execution.ts';
import { wrapResolver, wrapRootFields } from '../field.ts';
import { answerOf, type ExecutionArgs, hasErrors, operationOf, type Resolver } from '../graphql-shapes.ts';
import { planOf } from '../plan.ts';
import type { RequestType } from '../requests.ts';

type Executor = (this: unknown, args: ExecutionArgs, ...rest: unknown[]) => unknown;

export interface ExecutorOptions {
  /** Whether a subscription that comes here is a request; else it is one event of a subscription counted elsewhere. */
  readonly subscriptions: boolean;
}

/**
 * Wraps a function that executes one request.
 * @param original takes `ExecutionArgs` and gives an answer, or a promise of one
 * @param defaultResolver what `original` uses where `fieldResolver` is absent
 */
export function wrapExecutor(
  watch: Watch,
  original: AnyFunction,
  defaultResolver: unknown,
  options: ExecutorOptions,
): AnyFunction {
  const executor = original as Executor;
  return function (this: unknown, args: ExecutionArgs, ...rest: unknown[]): unknown {
    // An executor that calls itself for the same request, as normalizedExecutor calls execute, counts once.
    if (!watch.enabled || watch.entering === args?.document) return executor.call(this, args, ...rest);
    const entered = watch.entering;
    watch.entering = args.document;
    try {
      const type = typeOf(watch, args);
      if (type === 'mutation') {
        return executeMutation(watch, args, defaultResolver, (given) => executor.call(this, given, ...rest));
      }
      const run = (): unknown => executor.call(this, args, ...rest);
      return type === 'subscription' && !options.subscriptions ? run() : observeRequest(watch, type, run);
    } finally {
      watch.entering = entered;
    }
  } as AnyFunction;
}

/** What the request is; arguments that make no sense are the executor's to refuse. */
function typeOf(watch: Watch, args: ExecutionArgs): RequestType {
  try {
    return operationOf(args.document, args.operationName)?.operation ?? 'unknown';
  } catch (error) {
    watch.diag.debug('a request without a readable document', error);
    return 'unknown';
  }
}

function executeMutation(
  watch: Watch,
  args: ExecutionArgs,
  defaultResolver: unknown,
  run: (args: ExecutionArgs) => unknown,
): unknown {
  let execution: Execution | undefined;
  let given = args;
  try {
    const plan = planOf(args.document, operationOf(args.document, args.operationName)!);
    if (wrapRootFields(watch, args.schema, plan)) given = withObservedDefault(watch, args, defaultResolver);
    execution = enterExecution(watch, plan);
  } catch (error) {
    watch.diag.error('a mutation is not observed', error);
  }
  return execution === undefined ? run(args) : observeExecution(watch, execution, () => run(given));
}

/** The same arguments with an observed `fieldResolver`: where a root field has no resolver, it is the one called. */
function withObservedDefault(watch: Watch, args: ExecutionArgs, defaultResolver: unknown): ExecutionArgs {
  const resolver = args.fieldResolver ?? defaultResolver;
  if (typeof resolver !== 'function') return args;
  const given: object = Object.create(Object.getPrototypeOf(args), Object.getOwnPropertyDescriptors(args));
  const fieldResolver = wrapResolver(watch, resolver as Resolver);
  return Object.defineProperty(given, 'fieldResolver', { value: fieldResolver, enumerable: true }) as ExecutionArgs;
}

/** Runs an entered mutation request and finishes it when its answer is there. */
export function observeExecution(watch: Watch, execution: Execution, run: () => unknown): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    leaveExecution(watch, execution);
    finishExecution(watch, execution, error, true);
    throw error;
  }
  leaveExecution(watch, execution);
  observeSettlement(result, (value, failed) => finishExecution(watch, execution, value, failed));
  return result;
}

/** Runs a request that is no mutation, and counts it when its answer is there. */
export function observeRequest(watch: Watch, type: RequestType, run: () => unknown): unknown {
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    watch.requests.count(type, 'error');
    throw error;
  }
  observeSettlement(result, (value, failed) =>
    watch.requests.count(type, failed || hasErrors(answerOf(value)) ? 'error' : 'ok'),
  );
  return result;
}
