/** @node-idempotency/core: `onRequest` answers with nothing for a new key, with the stored answer, or with an error. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { reportedAbove } from '../layers.ts';
import type { IdempotencyOutcome } from '../telemetry.ts';
import { countRequest, observe, type Watch } from '../watch.ts';
import { patchedModule, prototypeOf, wrapMethod } from './prototype.ts';

/** As much of its request as is used here. */
interface Request {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly path: string;
  readonly method: string;
  readonly options?: { readonly idempotencyKey?: string };
}

const refusals: Readonly<Record<string, IdempotencyOutcome>> = {
  REQUEST_IN_PROGRESS: 'in_flight',
  IDEMPOTENCY_FINGERPRINT_MISSMATCH: 'mismatch',
};

export function nodeIdempotencyHook(watch: Watch): InstrumentationModuleDefinition {
  return patchedModule(watch, '@node-idempotency/core', ['>=1 <2'], (exports) => {
    const prototype = prototypeOf(exports, 'Idempotency');
    /** Requests that have a key and are not skipped, by their headers: the library copies everything else. */
    const guarded = new WeakSet<object>();
    wrapMethod(
      watch,
      prototype,
      'isEnabled',
      (isEnabled) =>
        async function (this: unknown, ...args) {
          const answer = await isEnabled.apply(this, args);
          if (answer === true) guarded.add((args[0] as Request).headers);
          return answer;
        },
    );
    wrapMethod(
      watch,
      prototype,
      'onRequest',
      (onRequest) =>
        async function (this: unknown, ...args) {
          const request = args[0] as Request;
          const tell = (outcome: IdempotencyOutcome | undefined): void =>
            observe(watch, 'a request', () => {
              if (outcome !== undefined && guarded.has(request.headers))
                report(watch, this as Idempotency, request, outcome);
            });
          try {
            const answer = await reportedAbove(() => onRequest.apply(this, args));
            tell(answer === undefined ? 'executed' : 'replayed');
            return answer;
          } catch (error) {
            tell(refusals[String((error as { code?: unknown } | null)?.code)]);
            throw error;
          }
        },
    );
    // It stores the answer under a key that `onRequest` has reported.
    wrapMethod(
      watch,
      prototype,
      'onResponse',
      (onResponse) =>
        function (this: unknown, ...args) {
          return reportedAbove(() => onResponse.apply(this, args));
        },
    );
  });
}

interface Idempotency {
  readonly options: { readonly idempotencyKey: string };
}

function report(watch: Watch, guard: Idempotency, request: Request, outcome: IdempotencyOutcome): void {
  const header = (request.options?.idempotencyKey ?? guard.options.idempotencyKey).toLowerCase();
  const name = Object.keys(request.headers).find((one) => one.toLowerCase() === header);
  if (name === undefined) return;
  const { method, path } = request;
  const { task, scope, kind } = watch.names.nameTask(`${method} ${path}`, path);
  const key = `node-idempotency:${method}:${path}:${String(request.headers[name])}`;
  if (kind !== 'ignore') countRequest(watch, { key, task, scope }, outcome);
}
