/** Stores that keep records in this process or on this machine, and answer at once. */
import {
  abandonRecord,
  claimRecord,
  completeRecord,
  type GuardRecord,
  releaseRecord,
  renewRecord,
  type Step,
} from './record.ts';
import { type GuardStore, GuardStoreError } from './store.ts';

/** Where records are kept. */
export interface RecordTable {
  /** One step on one record, which nobody else changes meanwhile. A record whose time is over counts as none. */
  change<Answer>(key: string, nowMs: number, step: (found: GuardRecord | undefined) => Step<Answer>): Answer;
}

/** @param nowMs milliseconds since the epoch */
export function createRecordStore(system: string, table: RecordTable, nowMs: () => number): GuardStore {
  const change = async <Answer>(
    key: string,
    step: (found: GuardRecord | undefined, now: number) => Step<Answer>,
  ): Promise<Answer> => {
    const now = nowMs();
    try {
      return table.change(key, now, (found) => step(found, now));
    } catch (cause) {
      throw new GuardStoreError(`the ${system} store does not answer`, { cause });
    }
  };
  return {
    system,
    claim: async (key, claim) => ({ ...(await change(key, (found, now) => claimRecord(found, claim, now))), system }),
    renew: (key, lease) => change(key, (found, now) => renewRecord(found, lease, now)),
    complete: (key, lease, result) => change(key, (found, now) => completeRecord(found, lease, result, now)),
    abandon: (key, lease) => change(key, (found, now) => abandonRecord(found, lease, now)),
    release: (key, lease) => change(key, (found, now) => releaseRecord(found, lease, now)),
  };
}
