import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { openDatabase, takeFiles } from '../../../aggregator/store/embedded/database.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';

const HEAD_BYTES = 32;
const FRAME_BYTES = 24 + 4096;

function write(database: DatabaseSync, text: string): void {
  database.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run('text', text);
  database.prepare('INSERT OR REPLACE INTO streams VALUES (?, ?)').run(1, Buffer.alloc(20_000, text));
}

/** What stands in a database, or that it is broken. */
function found(file: string): string[] {
  const database = new DatabaseSync(file);
  try {
    const [check] = database.prepare('PRAGMA integrity_check').all();
    const [meta] = database.prepare("SELECT value FROM meta WHERE key = 'text'").all();
    const [stream] = database.prepare('SELECT data FROM streams').all();
    const text = Buffer.from(stream['data'] as Uint8Array).toString('latin1', 0, 3);
    return [String(check['integrity_check']), String(meta['value']), text];
  } catch (error) {
    return [String(error)];
  } finally {
    database.close();
  }
}

/** A database whose log was copied into it, then as it is when the next log was begun. */
function filesOf(beginLog: 'as a checkpoint does' | 'by the next transaction') {
  const file = join(temporaryDirectory(), 'vigil.db');
  const database = openDatabase(file, true);
  const files = takeFiles(database, file);
  files.copyLog();
  files.beginLog();
  write(database, 'one');
  write(database, 'two');
  files.copyLog();
  const copied = { database: readFileSync(file), log: readFileSync(`${file}-wal`) };
  if (beginLog === 'as a checkpoint does') files.beginLog();
  else write(database, '333');
  const begun = readFileSync(`${file}-wal`);
  files.close(false);
  return { copied, begun };
}

/** What is found when of a new log only some parts came onto the disk: the head, the first frame, the second one, ... */
function afterPowerLoss({ copied, begun }: ReturnType<typeof filesOf>, parts: readonly boolean[]): string[] {
  const log = Buffer.from(copied.log);
  parts.forEach((isThere, i) => {
    const [from, to] = i === 0 ? [0, HEAD_BYTES] : [HEAD_BYTES + (i - 1) * FRAME_BYTES, HEAD_BYTES + i * FRAME_BYTES];
    if (isThere) begun.copy(log, from, from, to);
  });
  const file = join(temporaryDirectory(), 'vigil.db');
  writeFileSync(file, copied.database);
  writeFileSync(`${file}-wal`, log);
  return found(file);
}

const TWO = ['ok', 'two', 'two'];

test('the beginning of a log is its head and one frame, and a loss of power at any moment of it loses nothing', () => {
  const files = filesOf('as a checkpoint does');
  const rest = HEAD_BYTES + FRAME_BYTES;
  expect(files.begun.equals(files.copied.log)).toBe(false);
  expect(files.begun.subarray(rest).equals(files.copied.log.subarray(rest))).toBe(true);
  for (const head of [false, true])
    for (const frame of [false, true]) expect(afterPowerLoss(files, [head, frame]), `${head} ${frame}`).toEqual(TWO);
});

test('without it the old head before some of the new frames breaks the database', () => {
  const files = filesOf('by the next transaction');
  const frames = (files.begun.length - HEAD_BYTES) / FRAME_BYTES;
  const found = Array.from({ length: frames }, (_, last) =>
    afterPowerLoss(files, [false, ...Array.from({ length: frames }, (_, i) => i >= last)]),
  );
  expect(found).not.toEqual(found.map(() => TWO));
});

test('a database that is closed has all in one file again', () => {
  const file = join(temporaryDirectory(), 'vigil.db');
  const database = openDatabase(file, true);
  const files = takeFiles(database, file);
  write(database, 'one');
  files.close(false);
  const copy = join(temporaryDirectory(), 'vigil.db');
  copyFileSync(file, copy);
  expect(found(copy)).toEqual(['ok', 'one', 'one']);
});
