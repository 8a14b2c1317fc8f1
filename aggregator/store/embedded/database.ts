import { closeSync, fdatasync, fdatasyncSync, openSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import type { StoreLog } from './open.ts';
import { unpackAll } from './unpack.ts';
import { framesOf, LogError, writeLogAnew, writePagesAnew } from './write-ahead-log.ts';

/**
 * Version of the file, kept in the file itself. Since version 3 blocks are kept in a form that earlier ones cannot read,
 * and theirs are read as they are. Since version 4 the blocks of coarser tiers are made later than those of minutes. Since
 * version 5 a chunk of streams has two places.
 */
const SCHEMA_VERSION = 5;

const SCHEMA = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE series (id INTEGER PRIMARY KEY, key TEXT NOT NULL);
  CREATE TABLE edges (id INTEGER PRIMARY KEY, list TEXT NOT NULL);
  CREATE TABLE instances (id INTEGER PRIMARY KEY, instance TEXT NOT NULL);
  CREATE TABLE entries (id INTEGER PRIMARY KEY, entry TEXT NOT NULL);
  CREATE TABLE streams (chunk INTEGER PRIMARY KEY, data BLOB NOT NULL);
  CREATE TABLE blocks (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
  CREATE TABLE spans (id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, span TEXT NOT NULL);
  CREATE INDEX spans_by_hour ON spans (hour);
`;

/** Version 2: who met refusals, by hour. */
const CLIENTS = 'CREATE TABLE clients (hour INTEGER PRIMARY KEY, data TEXT NOT NULL);';

/** Version 4: blocks, and packs of blocks of earlier versions, as they were found, with the bytes that the disk spoilt. */
const DAMAGED = 'CREATE TABLE IF NOT EXISTS damaged (id INTEGER NOT NULL, data BLOB NOT NULL);';

/** Which blocks there are is asked at every start: without it all pages are read on which blocks begin, a tenth of the file. */
const BLOCK_IDS = 'CREATE INDEX IF NOT EXISTS block_ids ON blocks (id)';

const PACK_IS_DAMAGED =
  'a pack of blocks of the store is damaged: it was put into the table "damaged" of the file, and its blocks cannot be read; check the disk';

/** The store's file cannot be used. The message names the file and the mend. */
export class StoreFileError extends Error {
  override readonly name = 'StoreFileError';
}

/**
 * Opens the database, makes its tables when the file is new, and keeps every other process out until it is closed.
 * @param survivesPowerLoss whether a transaction is on the disk, and not only in the system's hands, when it has ended
 * @param log told what takes long about a store of an older version, and what of it cannot be read
 * @throws StoreFileError when the file is in use, damaged, or of a newer version
 */
export function openDatabase(
  file: string,
  survivesPowerLoss: boolean,
  log?: Pick<StoreLog, 'info' | 'error'>,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file);
    database.exec(
      `PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=${survivesPowerLoss ? 'FULL' : 'NORMAL'}`,
    );
    database.exec('BEGIN EXCLUSIVE; COMMIT');
    migrate(database, file, log);
    database.exec(BLOCK_IDS);
    return database;
  } catch (error) {
    database?.close();
    throw error instanceof StoreFileError ? error : new StoreFileError(explain(file, error), { cause: error });
  }
}

function migrate(database: DatabaseSync, file: string, log?: Pick<StoreLog, 'info' | 'error'>): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() as { user_version: number };
  if (version > SCHEMA_VERSION)
    throw new StoreFileError(
      `${file} was written by a newer Vigil (store version ${version}; this one reads up to ${SCHEMA_VERSION}). ` +
        'Run that version, or set MONITORING_DATA_DIR to another directory.',
    );
  if (version < 1)
    database.exec(`BEGIN; ${SCHEMA} ${CLIENTS} ${DAMAGED} PRAGMA user_version=${SCHEMA_VERSION}; COMMIT`);
  else if (version < SCHEMA_VERSION) {
    if (version < 2) database.exec(`BEGIN; ${CLIENTS} PRAGMA user_version=2; COMMIT`);
    if (version < 4) {
      database.exec(DAMAGED);
      unpackAll(
        database,
        (packs) => log?.info({}, `the store is of an older version: its ${packs} packs of blocks are unpacked`),
        (error) => log?.error({ err: error }, PACK_IS_DAMAGED),
      );
      database.exec('BEGIN; DROP TABLE packs; PRAGMA user_version=4; COMMIT');
    }
    database.exec(`PRAGMA user_version=${SCHEMA_VERSION}`);
  }
}

/** What to tell the user of an error that the database gave. */
export function explain(file: string, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  if (/locked|busy/i.test(text))
    return `${file} is in use by another process. One process may use a data directory at a time: stop the other one, or set MONITORING_DATA_DIR to another directory.`;
  if (error instanceof SyntaxError || error instanceof RangeError || /malformed|not a database|corrupt/i.test(text))
    return explainDamage(file, 'the database', error);
  return `${file} cannot be opened (${text}). Check that the directory exists, that it can be written, and that the disk is not full.`;
}

/** @param what cannot be read of the file */
export function explainDamage(file: string, what: string, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `${file} is damaged: ${what} cannot be read (${text}). Restore it from a backup, or move it away to begin with an empty store.`;
}

/** The store's file is not where it was opened. */
export class StoreGoneError extends StoreFileError {
  constructor(file: string) {
    super(
      `${file} is gone: it was removed, moved or replaced while the service ran, which still answers from what it has opened. Put that very file back with all files beside it, or restart the service to begin with what lies there now.`,
    );
  }
}

export type DatabaseFile = 'log' | 'database';

/**
 * The files of a database, to bring them onto the disk without anybody waiting: SQLite itself does not do so any more. The
 * order is that of SQLite: the log, what is copied from it, and the beginning of the next log. Nothing else may write
 * from the first of them to the last.
 */
export interface DatabaseFiles {
  /** Brings the log of what was written, or the database, onto the disk. */
  bring(file: DatabaseFile, ended: (error: Error | null) => void): void;
  /** The same in one go. @throws the system's error */
  bringAtOnce(file: DatabaseFile): void;
  /** How many frames the log holds. */
  frames(): number;
  /** Copies what the log holds into the database: the log must be on the disk. */
  copyLog(): void;
  /**
   * Begins a new log over the one that was copied, which must be on the disk in the database; and so must be what this writes,
   * before more is written. Else a loss of power could leave the old log's head before a new log's frames: of the old
   * log's transactions only the first would then be taken for all. This one writes no more than the head and one frame,
   * after which the old log can hold none.
   * @see https://sqlite.org/src/info/ff5be73dee
   */
  beginLog(): void;
  /**
   * Brings so many frames of the log, and what they hold, onto the disk once more, in one go, after an attempt that failed.
   * To try that one again would say that it succeeded: what the system could not write it counts as written, and forgets.
   * @throws StoreFileError when the system has forgotten it already; the system's error when the disk still refuses
   */
  bringAnew(frames: number): void;
  /**
   * Closes the database with its files.
   * @param keepsLog whether what the log holds may not be on the disk: a start then copies all of it once more
   */
  close(keepsLog: boolean): void;
}

/** From now on a transaction is in the system's hands when it has ended, and on the disk when its file is brought there. */
export function takeFiles(database: DatabaseSync, file: string): DatabaseFiles {
  database.exec('PRAGMA synchronous=OFF; PRAGMA wal_autocheckpoint=0');
  const logFile = `${file}-wal`;
  const openBoth = () => ({ log: openSync(logFile, 'r+'), database: openSync(file, 'r+') });
  const awaited = openBoth();
  // The system tells of an error once for each descriptor: what waits in one go must not miss one that is told to the other.
  const atOnce = openBoth();
  const copyLog = () => database.exec('PRAGMA wal_checkpoint(PASSIVE)');
  const beginLog = () => database.exec(`PRAGMA user_version=${SCHEMA_VERSION}`);
  return {
    bring: (name, ended) => fdatasync(awaited[name], ended),
    bringAtOnce: (name) => fdatasyncSync(atOnce[name]),
    frames: () => framesOf(atOnce.log),
    copyLog,
    beginLog,
    bringAnew(frames) {
      try {
        writeLogAnew(atOnce.log, frames);
        fdatasyncSync(atOnce.log);
        writePagesAnew(atOnce.log, frames, atOnce.database);
      } catch (error) {
        throw error instanceof LogError
          ? new StoreFileError(explainForgotten(logFile, error), { cause: error })
          : error;
      }
      copyLog();
      fdatasyncSync(atOnce.database);
      beginLog();
      fdatasyncSync(atOnce.log);
    },
    close(keepsLog) {
      if (keepsLog) closeKeepingLog(database, logFile);
      else {
        database.exec('PRAGMA synchronous=FULL');
        database.close();
      }
      // Only now: who closes a file gives back all locks that its process has on it.
      for (const descriptor of [...Object.values(awaited), ...Object.values(atOnce)]) closeSync(descriptor);
    },
  };
}

/** SQLite removes a log of which it copied everything, whether the copies are on the disk or not. */
function closeKeepingLog(database: DatabaseSync, logFile: string): void {
  const kept = `${logFile}-kept`;
  renameSync(logFile, kept);
  try {
    database.close();
  } finally {
    renameSync(kept, logFile);
  }
}

function explainForgotten(logFile: string, error: LogError): string {
  return `${logFile}: the disk did not take what was written, and the system has forgotten it (${error.message}). Check the disk, and restart the service: it brings back from the journal what is missing.`;
}

/** Does all of it or nothing. */
export function transaction(database: DatabaseSync, work: () => void): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    work();
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}
