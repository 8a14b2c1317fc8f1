/** node-redis 4 to 6 (`@redis/client` 1, 5 and 6): every command passes the queue of its connection, whoever sends it. */
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import { isWatched, observeCommand } from '../redis-commands.ts';
import {
  openTransaction,
  queueCommand,
  type Sent,
  type Transaction,
  tellError,
  tellReply,
} from '../redis-transactions.ts';
import type { Watch } from '../watch.ts';

const VERSIONS = ['>=1 <7'];

type AddCommand = (this: unknown, ...given: unknown[]) => Promise<unknown>;

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
  const sending = createObserver(watch);
  const wrap = (original: AnyFunction): AnyFunction =>
    function (this: unknown, ...given: [args: unknown, options?: ChainOption]): Promise<unknown> {
      const sent = watch.enabled ? sending(given[0], given[1]?.chainId) : undefined;
      const promise = (original as AddCommand).apply(this, given);
      // A promise here is always one of node-redis' own.
      if (sent !== undefined)
        promise.then(
          (reply) => tellReply(watch, sent, reply),
          (error) => tellError(watch, sent, error),
        );
      return promise;
    } as AnyFunction;
  patchExport((queue as { readonly prototype: Record<string, unknown> }).prototype, 'addCommand', wrap, watch.diag);
  return exports;
}

/** Looks at a command before it is queued. @returns what its reply is to be told to */
type Observe = (args: unknown, chainId: symbol | undefined) => Sent | undefined;

function createObserver(watch: Watch): Observe {
  /** Transactions by their chain: node-redis gives all commands of one MULTI the same symbol. */
  const transactions = new Map<symbol, Transaction>();

  const sendingFenced: Observe = (args, chainId) => {
    if (!Array.isArray(args) || typeof args[0] !== 'string') return undefined;
    const name = args[0];
    if (chainId !== undefined && (name === 'MULTI' || transactions.has(chainId))) {
      return inTransaction(name, args, chainId);
    }
    return isWatched(name) ? observeCommand(watch, name, args.slice(1)) : undefined;
  };

  const inTransaction = (name: string, args: readonly unknown[], chainId: symbol): Sent | undefined => {
    const transaction = transactions.get(chainId);
    if (transaction === undefined) {
      transactions.set(chainId, openTransaction());
    } else if (name === 'EXEC') {
      // All commands of a chain are queued in one go: it ends here.
      transactions.delete(chainId);
      if (transaction.followed.length > 0) return transaction;
    } else {
      queueCommand(transaction, observeCommand(watch, name, args.slice(1)));
    }
    return undefined;
  };

  return (args, chainId) => {
    try {
      return sendingFenced(args, chainId);
    } catch (error) {
      watch.diag.error('a Redis command is not observed', error);
      return undefined;
    }
  };
}
