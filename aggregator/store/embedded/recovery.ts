import type { Journal, JournalRecord } from './journal.ts';
import type { StoreLog } from './open.ts';

/** What the journal gave back when the store was opened. */
export interface Recovered {
  /** Requests that were applied. */
  readonly records: number;
  /** Acknowledged bytes that are lost: damage of the disk. What was never acknowledged is not among them. */
  readonly damagedBytes: number;
}

/**
 * Brings back what was acknowledged since the last checkpoint. Damage never keeps the store from opening: what can be
 * read is brought back, and the file is put aside.
 * @param first number of the first file that the checkpoint does not cover
 */
export function recover(
  journal: Journal,
  first: number,
  apply: (record: JournalRecord) => void,
  log: StoreLog,
): Recovered {
  let records = 0;
  let damagedBytes = 0;
  for (const sequence of journal.files().filter((n) => n >= first)) {
    let refusedBytes = 0;
    const content = journal.replay(sequence, (record) => {
      try {
        apply(record);
        records++;
      } catch (error) {
        refusedBytes += record.body.byteLength;
        log.error({ journal: sequence, err: error }, 'a record of the journal cannot be read');
      }
    });
    if (content.tornBytes > 0)
      log.warn(
        { journal: sequence, bytes: content.tornBytes },
        'the journal ends in the middle of a record that was never acknowledged; it is left out',
      );
    const lost = content.damagedBytes + refusedBytes;
    damagedBytes += lost;
    if (lost > 0)
      log.error(
        { journal: sequence, bytes: lost, copy: copyAside(journal, sequence) },
        'the journal is damaged in its middle: some of what was acknowledged is lost; check the disk',
      );
  }
  if (records > 0) log.info({ requests: records }, 'brought back what was received before the last stop');
  return { records, damagedBytes };
}

/** A full disk must not keep the store from opening. */
function copyAside(journal: Journal, sequence: number): string | undefined {
  try {
    return journal.copyAside(sequence);
  } catch {
    return undefined;
  }
}
