/** All hooks: the one list of them. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import type { Watch } from '../watch.ts';
import { ioredisHook } from './ioredis.ts';
import { nodeRedisHook } from './node-redis.ts';

export const hooks: readonly ((watch: Watch) => InstrumentationModuleDefinition)[] = [ioredisHook, nodeRedisHook];
