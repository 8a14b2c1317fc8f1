/** pg-boss 10 to 12: a job with a key that is not sent, since there is one, has no id. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { countRequest, observe, type Watch } from '../watch.ts';
import { patchedFiles, prototypeOf, wrapMethod } from './prototype.ts';

interface Options {
  readonly id?: string;
  readonly singletonKey?: string;
  readonly singletonSeconds?: number;
}

/** What was sent, as far as it says what makes it unique. */
interface Sent {
  readonly name: string;
  readonly key: string | undefined;
}

const senders: Readonly<Record<string, (args: readonly unknown[]) => Sent>> = {
  send: ([first, , options]) => {
    if (typeof first === 'string') return { name: first, key: keyOf(options) };
    const request = first as { readonly name: string; readonly options?: Options };
    return { name: request.name, key: keyOf(request.options) };
  },
  sendAfter: ([name, , options]) => ({ name: String(name), key: keyOf(options) }),
  sendThrottled: ([name, , , , key]) => ({ name: String(name), key: `slot:${String(key ?? '')}` }),
  sendDebounced: ([name, , , , key]) => ({ name: String(name), key: `slot:${String(key ?? '')}` }),
};

export function pgBossHook(watch: Watch): InstrumentationModuleDefinition {
  const files = ['pg-boss/src/manager.js', 'pg-boss/dist/manager.js'];
  return patchedFiles(watch, 'pg-boss', ['>=10 <13'], files, (exports) => {
    const prototype = prototypeOf(exports, 'default');
    for (const [method, read] of Object.entries(senders))
      wrapMethod(
        watch,
        prototype,
        method,
        (send) =>
          async function (this: unknown, ...args) {
            const id = await send.apply(this, args);
            observe(watch, 'a job that was sent', () => report(watch, read(args), id !== null));
            return id;
          },
      );
  });
}

function keyOf(options: unknown): string | undefined {
  const { id, singletonKey, singletonSeconds } = (options ?? {}) as Options;
  if (singletonSeconds !== undefined) return `slot:${singletonKey ?? ''}`;
  return singletonKey ?? id;
}

function report(watch: Watch, { name, key }: Sent, isNew: boolean): void {
  // pg-boss sends itself its own jobs; of jobs without a key nobody asked that they be unique.
  if (key === undefined || name.startsWith('__pgboss')) return;
  const { task, scope, kind } = watch.names.nameTask(name, key);
  if (kind !== 'ignore')
    countRequest(watch, { key: `pg-boss:${name}:${key}`, task, scope }, isNew ? 'executed' : 'prevented');
}
