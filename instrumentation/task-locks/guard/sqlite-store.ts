/** A store in a file, for the processes of one machine, by the SQLite that Node carries. */
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { GuardRecord } from './record.ts';
import { createRecordStore } from './record-store.ts';
import type { GuardStore } from './store.ts';

export interface SqliteStoreOptions {
  /** Of a file on a local disk; made where there is none. `:memory:` serves this process alone. */
  readonly file: string;
  /** How long a step waits for another process's; Node's event loop waits, too. @default 1000 */
  readonly busyMs?: number;
  /** Milliseconds since the epoch. @default Date.now */
  readonly nowMs?: () => number;
}

/** A store that holds a file open. */
export interface SqliteStore extends GuardStore {
  close(): void;
}

/** Steps between two removals of records whose time is over, and most of them at once. */
const STEPS_PER_SWEEP = 500;
const SWEPT_AT_ONCE = 2000;

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS guard (
    key TEXT PRIMARY KEY, token TEXT, lease_until_ms INTEGER NOT NULL, fingerprint TEXT NOT NULL, fence INTEGER NOT NULL,
    duplicate TEXT, taken_over INTEGER NOT NULL, result TEXT, keep_until_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS guard_keep_until ON guard (keep_until_ms);
`;

interface Row {
  readonly token: string | null;
  readonly lease_until_ms: number;
  readonly fingerprint: string;
  readonly fence: number;
  readonly duplicate: string | null;
  readonly taken_over: number;
  readonly result: string | null;
  readonly keep_until_ms: number;
}

/** @throws when the file cannot be opened or Node has no SQLite */
export function sqliteStore(options: SqliteStoreOptions): SqliteStore {
  const { file, busyMs = 1000, nowMs = Date.now } = options;
  // Loaded when it is used: below Node 24 loading it prints a warning.
  const sqlite = process.getBuiltinModule('node:sqlite');
  if (sqlite === undefined) throw new Error('sqliteStore: this Node has no node:sqlite; it needs Node 22.13 or newer');
  const database = new sqlite.DatabaseSync(file, { timeout: busyMs });
  database.exec(SCHEMA);
  const statements = prepare(database);
  let steps = 0;
  const store = createRecordStore(
    'sqlite',
    {
      change(key, now, step) {
        return inTransaction(database, () => {
          const row = statements.get.get(key) as unknown as Row | undefined;
          const found = row === undefined || row.keep_until_ms <= now ? undefined : recordOf(row);
          const { record, answer } = step(found);
          if (record === undefined) statements.remove.run(key);
          else if (record !== found) write(statements.put, key, record);
          if (++steps % STEPS_PER_SWEEP === 0) statements.sweep.run(now, SWEPT_AT_ONCE);
          return answer;
        });
      },
    },
    nowMs,
  );
  return { ...store, close: () => database.close() };
}

function prepare(database: DatabaseSync) {
  return {
    get: database.prepare('SELECT * FROM guard WHERE key = ?'),
    put: database.prepare('INSERT OR REPLACE INTO guard VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    remove: database.prepare('DELETE FROM guard WHERE key = ?'),
    sweep: database.prepare(
      'DELETE FROM guard WHERE key IN (SELECT key FROM guard WHERE keep_until_ms <= ? ORDER BY keep_until_ms LIMIT ?)',
    ),
  };
}

/** Immediate: two processes that both read first and then write would be refused instead of waiting. */
function inTransaction<Result>(database: DatabaseSync, run: () => Result): Result {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = run();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function recordOf(row: Row): GuardRecord {
  return {
    token: row.token ?? undefined,
    leaseUntilMs: row.lease_until_ms,
    fingerprint: row.fingerprint,
    fence: row.fence,
    duplicate: row.duplicate ?? undefined,
    wasTakenOver: row.taken_over === 1,
    result: row.result ?? undefined,
    keepUntilMs: row.keep_until_ms,
  };
}

function write(put: StatementSync, key: string, record: GuardRecord): void {
  put.run(
    key,
    record.token ?? null,
    Math.ceil(record.leaseUntilMs),
    record.fingerprint,
    record.fence,
    record.duplicate ?? null,
    Number(record.wasTakenOver),
    record.result ?? null,
    Math.ceil(record.keepUntilMs),
  );
}
