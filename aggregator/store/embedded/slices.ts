import type { DatabaseFile } from './database.ts';

/** Work that others wait for as little as they notice: it yields where they may have their turn. */
export type Sliced<Result = void> = Generator<undefined, Result>;

/** Yields where others may have their turn; with a file, that one must be on the disk before it goes on. */
export type Work<Result = void> = Generator<DatabaseFile | undefined, Result>;

/** Does all of it in one go. */
export function atOnce<Result>(work: Generator<unknown, Result>): Result {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/** Rows of a table or a block that are worked off in one step: a tenth of a millisecond to half of one. */
export const ROWS_OF_STEP = 256;
