/** ioredis 5 and 6, alone and as a cluster: every command passes `sendCommand`, those of pipelines, MULTI and scripts too. */
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

const VERSIONS = ['>=5 <7'];

/**
 * On a command that was seen: it comes again after a reconnection, from the offline queue, and from the cluster to its
 * node. A WeakSet of what lives as short as commands do would keep them all until the next full garbage collection.
 */
const SEEN = Symbol('vigil.task-locks.seen');

/** As much of ioredis' command as is used here. */
interface Command {
  readonly name: string;
  readonly args: readonly unknown[];
  resolve(reply: unknown): void;
  reject(error: unknown): void;
  [SEEN]?: true;
}

export function ioredisHook(watch: Watch): InstrumentationModuleDefinition {
  const hooks = createCommandHooks(watch);
  const file = (name: string) =>
    new InstrumentationNodeModuleFile(
      name,
      VERSIONS,
      (exports) => patchClient(watch, hooks, exports),
      () => {},
    );
  return new InstrumentationNodeModuleDefinition('ioredis', VERSIONS, undefined, undefined, [
    file('ioredis/built/Redis.js'),
    file('ioredis/built/cluster/index.js'),
  ]);
}

interface Client {
  readonly prototype: Record<string, unknown>;
}

function patchClient<Exports>(watch: Watch, hooks: CommandHooks, exports: Exports): Exports {
  const client = (exports as { default?: Client }).default;
  if (typeof client !== 'function') return exports;
  const wrap = (original: AnyFunction): AnyFunction =>
    function (this: unknown, command: Command, ...rest: unknown[]): unknown {
      if (watch.enabled) hooks.sending(this as object, command);
      return (original as (this: unknown, ...args: unknown[]) => unknown).call(this, command, ...rest);
    } as AnyFunction;
  patchExport((client as Client).prototype, 'sendCommand', wrap, watch.diag);
  return exports;
}

interface CommandHooks {
  sending(client: object, command: Command): void;
}

function createCommandHooks(watch: Watch): CommandHooks {
  const transactions = new WeakMap<object, Transaction>();
  // Looking into the map for each command costs more than everything else.
  let open = 0;

  const close = (client: object): void => {
    if (transactions.delete(client)) open--;
  };

  const inTransaction = (client: object, transaction: Transaction, command: Command): void => {
    switch (command.name.toLowerCase()) {
      case 'exec':
        close(client);
        listen(watch, command, transaction);
        return;
      case 'discard':
        close(client);
        return;
      default:
        queueCommand(transaction, observeCommand(watch, command.name, command.args));
    }
  };

  const sendingFenced = (client: object, command: Command): void => {
    if (command[SEEN]) return;
    command[SEEN] = true;
    const transaction = open === 0 ? undefined : transactions.get(client);
    if (transaction !== undefined) {
      inTransaction(client, transaction, command);
      return;
    }
    if (command.name === 'multi' || command.name === 'MULTI') {
      transactions.set(client, openTransaction());
      open++;
      return;
    }
    const pending = observeCommand(watch, command.name, command.args);
    if (pending !== undefined) listen(watch, command, pending);
  };

  return {
    sending(client, command) {
      if (open === 0 && !isOfInterest(command.name)) return;
      try {
        sendingFenced(client, command);
      } catch (error) {
        watch.diag.error('a Redis command is not observed', error);
      }
    },
  };
}

/**
 * Listens where ioredis itself settles a command. A handler on its promise would make a rejection that nobody awaits
 * look handled, and would be called later.
 */
function listen(watch: Watch, command: Command, sent: Sent): void {
  const { resolve, reject } = command;
  command.resolve = (reply) => {
    tellReply(watch, sent, reply);
    resolve.call(command, reply);
  };
  command.reject = (error) => {
    tellError(watch, sent, error);
    reject.call(command, error);
  };
}

function isOfInterest(name: string): boolean {
  return isWatched(name) || name === 'multi' || name === 'MULTI';
}
