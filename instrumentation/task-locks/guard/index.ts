/** Guards for work that no library guards. */
export { type CategoryName, ttlMsByCategory } from './categories.ts';
export { type FallbackOptions, withFallback } from './fallback-store.ts';
export { type GuardContext, type IdempotencyOptions, type IdempotencyResult, withIdempotency } from './idempotency.ts';
export { LeaseLostError } from './lease.ts';
export { type LockOptions, type LockResult, withLock } from './lock.ts';
export { type MemoryStoreOptions, memoryStore } from './memory-store.ts';
export { type IoredisClient, type NodeRedisClient, type RedisStoreOptions, redisStore } from './redis-store.ts';
export { type SqliteStore, type SqliteStoreOptions, sqliteStore } from './sqlite-store.ts';
export {
  type Claim,
  type Claimed,
  type Completed,
  type GuardStore,
  GuardStoreError,
  type Lease,
  type Released,
} from './store.ts';
export type { GuardScope, Subject } from './subject.ts';
