/** The application's data, in memory, behind delays such as a database has. */
import { setTimeout as delay } from 'node:timers/promises';

export interface User {
  readonly id: string;
  readonly name: string;
  readonly password: string;
  readonly role: 'clerk' | 'driver' | 'admin';
}

export interface Task {
  readonly id: string;
  title: string;
  tour: string;
  status: string;
  /** Rises with every change: who changes an older one has not seen the newer. */
  version: number;
}

export interface StoredFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
}

/** What a kind of access takes: its median, and how far it spreads (sigma of the logarithm). */
interface Cost {
  readonly medianMs: number;
  readonly spread: number;
}

const costs = {
  look: { medianMs: 3, spread: 0.4 },
  write: { medianMs: 12, spread: 0.5 },
  hash: { medianMs: 45, spread: 0.2 },
  job: { medianMs: 260, spread: 0.45 },
  report: { medianMs: 180, spread: 0.8 },
  upload: { medianMs: 90, spread: 0.7 },
  adhoc: { medianMs: 60, spread: 1.1 },
} satisfies Record<string, Cost>;

/** A statement that took longer than the database allows. */
export class StatementTimeout extends Error {
  override readonly name = 'StatementTimeout';
}

const STATEMENT_LIMIT_MS = 900;
const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Tony', 'Frances', 'Donald', 'Margaret'];
const ROLES = ['clerk', 'driver', 'admin'] as const;

export interface Database {
  readonly users: ReadonlyMap<string, User>;
  readonly sessions: Map<string, User>;
  readonly tasks: ReadonlyMap<string, Task>;
  readonly files: Map<string, StoredFile>;
  /** Rows by table. */
  readonly records: Map<string, number>;
  /** Waits as long as an access of this kind takes. @throws StatementTimeout when that is longer than allowed */
  access(kind: keyof typeof costs): Promise<void>;
}

export function createDatabase(): Database {
  const users = NAMES.map((name, i): User => ({ id: `u${i}`, name, password: `${name}-secret`, role: ROLES[i % 3] }));
  const tasks = Array.from({ length: 40 }, (_, i): Task => {
    return { id: `t${i}`, title: `Delivery ${i}`, tour: 'north', status: 'open', version: 1 };
  });
  return {
    users: new Map(users.map((user) => [user.name, user])),
    sessions: new Map(),
    tasks: new Map(tasks.map((task) => [task.id, task])),
    files: new Map(),
    records: new Map(),
    async access(kind) {
      const { medianMs, spread } = costs[kind];
      const ms = medianMs * Math.exp(spread * normal());
      await delay(Math.min(ms, STATEMENT_LIMIT_MS));
      if (ms > STATEMENT_LIMIT_MS)
        throw new StatementTimeout(`the statement took longer than ${STATEMENT_LIMIT_MS} ms`);
    },
  };
}

/** Normally distributed, about 0, with a standard deviation of 1. */
function normal(): number {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}
