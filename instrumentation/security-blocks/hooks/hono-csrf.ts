/** hono/csrf: a middleware that throws 403 without going on. Its two files are found by their paths. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { recordBlock, type Watch } from '../watch.ts';
import { observeHonoFactory } from './hono.ts';
import { fileHook, type Patch, replaceFunctions } from './module.ts';

export function honoCsrfHook(watch: Watch): InstrumentationModuleDefinition {
  const wrap = observeHonoFactory(({ context, error }) => {
    const status = (error as { status?: unknown } | undefined)?.status;
    if (status === 403) recordBlock(watch, { category: 'csrf', pattern: 'origin', request: context });
  });
  const patch: Patch = (exports) => replaceFunctions(exports, ['csrf'], wrap, watch.diag);
  return fileHook('hono', '>=4 <5', {
    'hono/dist/middleware/csrf/index.js': patch,
    'hono/dist/cjs/middleware/csrf/index.js': patch,
  });
}
