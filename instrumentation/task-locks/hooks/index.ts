/** All hooks: the one list of them. The `Idempotency-Key` header has no module; the instrumentation subscribes to it. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { Watch } from '../watch.ts';
import { bullmqHook } from './bullmq.ts';
import { graphileWorkerHook } from './graphile-worker.ts';
import { ioredisHook } from './ioredis.ts';
import { nodeIdempotencyHook } from './node-idempotency.ts';
import { nodeRedisHook } from './node-redis.ts';
import { pgBossHook } from './pg-boss.ts';
import { redlockHook } from './redlock.ts';

type Definitions = InstrumentationModuleDefinition | InstrumentationModuleDefinition[];

export const hooks: readonly ((watch: Watch) => Definitions)[] = [
  ioredisHook,
  nodeRedisHook,
  bullmqHook,
  redlockHook,
  nodeIdempotencyHook,
  pgBossHook,
  graphileWorkerHook,
];
