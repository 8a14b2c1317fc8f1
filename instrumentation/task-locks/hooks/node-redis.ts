/** node-redis 4 to 6 (`@redis/client` 1, 5 and 6): every command passes the queue of its connection, whoever sends it. */
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { failCommand, isWatched, observeCommand, settleCommand } from '../redis-commands.ts';
import {
  failTransaction,
  openTransaction,
  queueCommand,
  settleTransaction,
  type Transaction,
} from '../redis-transactions.ts';
import type { Watch } from '../watch.ts';

const VERSIONS = ['>=1 <7'];

type AddCommand = (this: unknown, args: unknown, options?: ChainOption, ...rest: unknown[]) => Promise<unknown>;

interface ChainOption {
  readonly chainId?: symbol;
}

export function nodeRedisHook(watch: Watch): InstrumentationModuleDefinition {
  return new InstrumentationNodeModuleDefinition('@redis/client', VERSIONS, undefined, undefined, [
    new InstrumentationNodeModuleFile(
      '@redis/client/dist/lib/client/commands-queue.js',
      VERSIONS,
      (exports) => patchQueue(watch, exports),
      () => {},
    ),
  ]);
}

function patchQueue<Exports>(watch: Watch, exports: Exports): Exports {
  const queue = (exports as { default?: { readonly prototype: Record<string, unknown> } }).default;
  if (typeof queue !== 'function') return exports;
  const observe = createObserver(watch);
  const wrap = (original: AnyFunction): AnyFunction =>
    function (this: unknown, args: unknown, options?: ChainOption, ...rest: unknown[]) {
      const add = (): Promise<unknown> => (original as AddCommand).call(this, args, options, ...rest);
      return watch.enabled ? observe(args, options?.chainId, add) : add();
    } as AnyFunction;
  patchExport((queue as { readonly prototype: Record<string, unknown> }).prototype, 'addCommand', wrap, watch.diag);
  return exports;
}

type Observe = (args: unknown, chainId: symbol | undefined, add: () => Promise<unknown>) => Promise<unknown>;

/** Told how one command ends; a promise here is always one of node-redis' own. */
interface Listener {
  done(reply: unknown): void;
  failed(error: unknown): void;
}

function createObserver(watch: Watch): Observe {
  /** Transactions by their chain: node-redis gives all commands of one MULTI the same symbol. */
  const transactions = new Map<symbol, Transaction>();

  const listenerFor = (args: unknown, chainId: symbol | undefined): Listener | undefined => {
    if (!Array.isArray(args) || typeof args[0] !== 'string') return undefined;
    const name = args[0];
    if (chainId !== undefined && (name === 'MULTI' || transactions.has(chainId))) {
      return inTransaction(name, args, chainId);
    }
    const pending = isWatched(name) ? observeCommand(watch, name, args.slice(1)) : undefined;
    if (pending === undefined) return undefined;
    return {
      done: (reply) => settleCommand(watch, pending, reply),
      failed: (error) => failCommand(watch, pending, error),
    };
  };

  const inTransaction = (name: string, args: readonly unknown[], chainId: symbol): Listener | undefined => {
    const transaction = transactions.get(chainId);
    if (transaction === undefined) {
      transactions.set(chainId, openTransaction());
    } else if (name === 'EXEC') {
      // All commands of a chain are queued in one go: it ends here.
      transactions.delete(chainId);
      if (transaction.followed.length === 0) return undefined;
      return {
        done: (reply) => settleTransaction(watch, transaction, reply),
        failed: (error) => failTransaction(watch, transaction, error),
      };
    } else {
      queueCommand(transaction, isWatched(name) ? observeCommand(watch, name, args.slice(1)) : undefined);
    }
    return undefined;
  };

  return (args, chainId, add) => {
    let listener: Listener | undefined;
    try {
      listener = listenerFor(args, chainId);
    } catch (error) {
      watch.diag.error('a Redis command is not observed', error);
    }
    const promise = add();
    if (listener !== undefined) listen(watch, promise, listener);
    return promise;
  };
}

function listen(watch: Watch, promise: Promise<unknown>, { done, failed }: Listener): void {
  const fenced = (tell: (value: unknown) => void) => (value: unknown) => {
    try {
      tell(value);
    } catch (error) {
      watch.diag.error('a Redis reply is not observed', error);
    }
  };
  promise.then(fenced(done), fenced(failed));
}
