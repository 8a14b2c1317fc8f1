/** Stores of every kind, each empty or with keys of its own. */
import { join } from 'node:path';
import {
  type GuardStore,
  memoryStore,
  redisStore,
  sqliteStore,
} from '../../../../instrumentation/task-locks/guard/index.ts';
import { temporaryDirectory } from '../../../support/aggregator.ts';
import { openIoredis, openNodeRedis } from '../fixture.ts';

export interface OpenStore {
  readonly store: GuardStore;
  close(): Promise<void> | void;
}

export const storeKinds = {
  memory: async (): Promise<OpenStore> => ({ store: memoryStore(), close: () => {} }),
  sqlite: async (): Promise<OpenStore> => {
    const store = sqliteStore({ file: join(temporaryDirectory(), 'guard.sqlite') });
    return { store, close: () => store.close() };
  },
};

export const redisKinds = {
  ioredis: async (port: number): Promise<OpenStore> => {
    const { client, close } = await openIoredis(port);
    return { store: redisStore({ client }), close };
  },
  'node-redis': async (port: number): Promise<OpenStore> => {
    const { client, close } = await openNodeRedis(port);
    return { store: redisStore({ client }), close };
  },
};
