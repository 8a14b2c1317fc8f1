/**
 * Limits on queries that are rules of validation, whatever library they come from: graphql 17 tells of validation on a
 * tracing channel, graphql 16 is patched, and Envelop, which keeps verdicts, is seen from outside.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import type { Watch } from '../watch.ts';
import { fileHook, moduleHook, type Patch, replaceFunctions } from './module.ts';
import { judgeParsing, judgeValidation } from './query-errors.ts';

interface ValidateMessage {
  readonly document?: unknown;
  readonly result?: unknown;
}

/** @returns ends the subscriptions */
export function subscribeToGraphql17(watch: Watch): () => void {
  const validation = tracingChannel('graphql:validate');
  const parsing = tracingChannel('graphql:parse');
  const onValidated = (message: unknown): void => {
    const { document, result } = message as ValidateMessage;
    if (result !== undefined) judgeValidation(watch, document, result);
  };
  const onInvalid = (message: unknown): void => {
    const { document, error } = message as ValidateMessage & { error?: unknown };
    judgeValidation(watch, document, error);
  };
  const onUnparsable = (message: unknown): void => judgeParsing(watch, (message as { error?: unknown }).error);
  validation.end.subscribe(onValidated);
  validation.error.subscribe(onInvalid);
  parsing.error.subscribe(onUnparsable);
  return () => {
    validation.end.unsubscribe(onValidated);
    validation.error.unsubscribe(onInvalid);
    parsing.error.unsubscribe(onUnparsable);
  };
}

export function graphql16Hook(watch: Watch): InstrumentationModuleDefinition {
  const patch =
    (name: string, wrap: (original: AnyFunction) => AnyFunction): Patch =>
    (exports) =>
      patchExport(exports, name, wrap, watch.diag, 'security-blocks');
  return fileHook('graphql', '>=16 <17', {
    'graphql/validation/validate.js': patch('validate', (original) => observeValidate(watch, original)),
    'graphql/language/parser.js': patch('parse', (original) => observeParse(watch, original)),
  });
}

/**
 * Envelop, and Yoga upon it: the same text is not parsed and validated again, so the answers of its own functions count.
 * What graphql was seen to refuse below is of the same request, and counts once.
 */
export function envelopHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      const getEnveloped = original.apply(this, args) as AnyFunction;
      const observed: AnyFunction = function (...given) {
        const enveloped = getEnveloped.apply(this, given) as { parse: AnyFunction; validate: AnyFunction };
        enveloped.parse = observeParse(watch, enveloped.parse);
        enveloped.validate = observeValidate(watch, enveloped.validate);
        return enveloped;
      };
      return Object.assign(observed, getEnveloped);
    };
  return moduleHook('@envelop/core', '>=4 <6', (exports) => replaceFunctions(exports, ['envelop'], wrap, watch.diag));
}

/** Wraps a function that takes schema and document and gives errors, or throws one. */
function observeValidate(watch: Watch, original: AnyFunction): AnyFunction {
  return function (...args) {
    let errors: unknown;
    try {
      errors = original.apply(this, args);
    } catch (error) {
      judgeValidation(watch, args[1], error);
      throw error;
    }
    judgeValidation(watch, args[1], errors);
    return errors;
  };
}

function observeParse(watch: Watch, original: AnyFunction): AnyFunction {
  return function (...args) {
    try {
      return original.apply(this, args);
    } catch (error) {
      judgeParsing(watch, error);
      throw error;
    }
  };
}
