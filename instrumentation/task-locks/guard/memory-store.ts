/** A store in the memory of this process: for tests, for single processes, and as the second one behind Redis. */
import { createBoundedMap } from '../bounded-map.ts';
import type { GuardRecord } from './record.ts';
import { createRecordStore } from './record-store.ts';
import type { GuardStore } from './store.ts';

export interface MemoryStoreOptions {
  /** Most keys kept; beyond, the one that changed least lately is forgotten. @default 100000 */
  readonly maxKeys?: number;
  /** Milliseconds since the epoch. @default Date.now */
  readonly nowMs?: () => number;
}

/** More than one a new record, so that the sweep overtakes what comes in. */
const SWEPT_A_STEP = 3;

export function memoryStore(options: MemoryStoreOptions = {}): GuardStore {
  const { maxKeys = 100_000, nowMs = Date.now } = options;
  if (!(Number.isInteger(maxKeys) && maxKeys > 0))
    throw new TypeError('memoryStore: maxKeys takes a whole number from 1');
  const records = createBoundedMap<string, GuardRecord>(maxKeys);
  let sweep = records.entries();
  /** Goes round all records, a few with each question: what nobody asks for again expires, too. */
  const sweepSome = (nowMs: number): void => {
    for (let n = 0; n < SWEPT_A_STEP; n++) {
      const { value, done } = sweep.next();
      if (done) sweep = records.entries();
      else if (value[1].keepUntilMs <= nowMs) records.take(value[0]);
    }
  };
  return createRecordStore(
    'memory',
    {
      change(key, now, step) {
        sweepSome(now);
        const kept = records.get(key);
        const found = kept === undefined || kept.keepUntilMs <= now ? undefined : kept;
        const { record, answer } = step(found);
        if (record === undefined) records.take(key);
        else if (record !== kept) records.set(key, record);
        return answer;
      },
    },
    nowMs,
  );
}
