/** The clients of Redis with the hooks in place, and what they have in common. */
import { createRequire } from 'node:module';
import type { Instrumentation, InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { Cluster, Redis } from 'ioredis';
import type { createClient } from 'redis';
import { TaskLockInstrumentation } from '../../../instrumentation/task-locks/index.ts';

/** Everything is loaded as Node loads it: what is patched must be what is used. */
const require = createRequire(import.meta.url);

/** Commands as both clients have them; each gives the client's own result or error. */
export interface RedisCommands {
  readonly name: string;
  send(...args: string[]): Promise<unknown>;
  multi(commands: readonly (readonly string[])[]): Promise<unknown>;
  pipeline(commands: readonly (readonly string[])[]): Promise<unknown>;
  close(): Promise<void>;
}

type NodeRedis = ReturnType<typeof createClient>;

/** An instrumentation whose file patches are applied as its registration would. */
export function instrumentRedis(instrumentation: TaskLockInstrumentation): void {
  applyPatches(instrumentation, 'ioredis', ['ioredis/built/Redis.js', 'ioredis/built/cluster/index.js']);
  // The client is a package of its own, below `redis`.
  const load = createRequire(require.resolve('redis'));
  applyPatches(instrumentation, '@redis/client', ['@redis/client/dist/lib/client/commands-queue.js'], load);
}

export function applyPatches(
  instrumentation: Instrumentation & { getModuleDefinitions(): InstrumentationModuleDefinition[] },
  module: string,
  files: readonly string[],
  load: (file: string) => unknown = require,
): void {
  const definition = instrumentation.getModuleDefinitions().find((one) => one.name === module);
  for (const file of files) {
    const patcher = definition?.files.find((one) => one.name === file);
    if (patcher === undefined) throw new Error(`no patch for ${file}`);
    patcher.patch(load(file));
  }
}

export function newInstrumentation(config = {}): TaskLockInstrumentation {
  return new TaskLockInstrumentation({ enabled: false, ...config });
}

export const { Redis: IoRedis, Cluster: IoRedisCluster } = require('ioredis') as {
  Redis: typeof Redis;
  Cluster: typeof Cluster;
};
const { createClient: create } = require('redis') as { createClient: typeof createClient };

export async function openIoredis(port: number, options = {}): Promise<RedisCommands & { readonly client: Redis }> {
  const client = new IoRedis({ port, host: '127.0.0.1', maxRetriesPerRequest: 0, retryStrategy: null, ...options });
  // Without a listener it prints them.
  client.on('error', () => {});
  await client.ping();
  return {
    name: 'ioredis',
    client,
    send: (command, ...args) => client.call(command!, ...args),
    multi: (commands) => client.multi(commands.map(([name, ...args]) => [name!.toLowerCase(), ...args])).exec(),
    pipeline: (commands) => client.pipeline(commands.map(([name, ...args]) => [name!.toLowerCase(), ...args])).exec(),
    close: async () => client.disconnect(),
  };
}

export async function openNodeRedis(port: number): Promise<RedisCommands & { readonly client: NodeRedis }> {
  const client = create({ url: `redis://127.0.0.1:${port}`, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  const batch = (commands: readonly (readonly string[])[]) => {
    const multi = client.multi();
    for (const command of commands) multi.addCommand([...command]);
    return multi;
  };
  return {
    name: 'node-redis',
    client: client as unknown as NodeRedis,
    send: (...args) => client.sendCommand(args),
    multi: (commands) => batch(commands).exec(),
    pipeline: (commands) => batch(commands).execAsPipeline(),
    close: async () => {
      if (client.isOpen) client.destroy();
    },
  };
}
