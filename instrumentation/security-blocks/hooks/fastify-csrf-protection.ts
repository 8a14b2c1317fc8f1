/** @fastify/csrf-protection answers with errors of its own codes, which the `onError` hook of Fastify shows. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { AnyFunction } from '@vigil/hooking';
import { recordBlock, type Watch } from '../watch.ts';
import { moduleHook, replaceFunctions } from './module.ts';

type OnError = (request: object, reply: unknown, error: { readonly code?: unknown } | undefined) => Promise<void>;
interface Fastify {
  addHook(name: 'onError', hook: OnError): void;
}

export function fastifyCsrfProtectionHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = (original: AnyFunction): AnyFunction =>
    function (...args) {
      const [fastify] = args as unknown as [Fastify];
      fastify.addHook('onError', async (request, _reply, error) => {
        if (/^FST_CSRF_/.test(String(error?.code))) recordBlock(watch, { category: 'csrf', pattern: 'token', request });
      });
      return original.apply(this, args);
    };
  return moduleHook('@fastify/csrf-protection', '>=6 <9', (exports) =>
    replaceFunctions(exports, ['fastifyCsrfProtection'], wrap, watch.diag),
  );
}
