/** What the peers of locks and keys do, and which numbers must come of it. */
import assert from 'node:assert/strict';

export interface Expected {
  /** Admitted keys by endpoint. */
  readonly requests: Readonly<Record<string, number>>;
  /** Keys that met a duplicate. */
  readonly hits: number;
  readonly prevented: number;
  readonly locks: Readonly<Record<string, number>>;
  readonly ends: Readonly<Record<string, number>>;
  readonly renewals: Readonly<Record<string, number>>;
}

export interface Case {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  readonly scenario: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A process that goes before, and what it has in addition. */
  readonly first?: Readonly<Record<string, string>>;
  /** How many do the same at once. @default 1 */
  readonly processes?: number;
  /** Ends Redis when the process says that it is ready. */
  readonly kill?: boolean;
  readonly expected?: Partial<Expected>;
  /** Instead of exact numbers. */
  readonly about?: (got: Expected, answers: unknown) => void;
  /** What the libraries must have answered, with and without observation. */
  readonly check?: (answers: unknown) => void;
}

type Same = Omit<Case, 'name' | 'folder' | 'file'>;

function bothModules(name: string, folder: string, same: Same): Case[] {
  return [
    { ...same, name: `${name}, ESM`, folder: `task-locks-${folder}`, file: 'app.mjs' },
    { ...same, name: `${name}, CommonJS`, folder: `task-locks-${folder}`, file: 'app.cjs' },
  ];
}

const bullmqNumbers = (flows: boolean): Partial<Expected> => ({
  requests: { send_email: 2, report: 2, close_jobs: flows ? 3 : 2 },
  hits: flows ? 4 : 3,
  prevented: flows ? 5 : 4,
  locks: { acquired: flows ? 9 : 8 },
  ends: { released: flows ? 9 : 8 },
});
const witnessed = (flows: boolean) => (answers: unknown) =>
  assert.equal((answers as { witnessed: number }).witnessed, flows ? 5 : 4, 'QueueEvents');

const redlockNumbers: Partial<Expected> = {
  locks: { acquired: 3, held: 1, timeout: 1, error: 1 },
  ends: { released: 1, expired: 1, lost: 1 },
  renewals: { renewed: 1, lost: 1 },
};

const idempotencyNumbers: Partial<Expected> = { requests: { 'POST /users/*/payments': 2 }, hits: 1, prevented: 2 };

export const cases: readonly Case[] = [
  ...bothModules('BullMQ 6', 'newest', {
    scenario: 'bullmq',
    env: { FLOWS: '1' },
    expected: bullmqNumbers(true),
    check: witnessed(true),
  }),
  ...bothModules('BullMQ 6 on ioredis 5', 'middle', {
    scenario: 'bullmq',
    env: { FLOWS: '1' },
    expected: bullmqNumbers(true),
    check: witnessed(true),
  }),
  ...bothModules('BullMQ 5', 'oldest', {
    scenario: 'bullmq',
    expected: bullmqNumbers(false),
    check: witnessed(false),
  }),
  ...['newest', 'oldest'].flatMap((folder) =>
    bothModules(`BullMQ in a process that dies, ${folder}`, folder, {
      scenario: 'bullmq-stalled',
      first: { DIES: '1' },
      about: ({ locks, ends, renewals }) => {
        assert.deepEqual([locks, ends], [{ acquired: 1 }, { expired: 1, released: 1 }]);
        assert.ok((renewals['renewed'] ?? 0) >= 1 && renewals['lost'] === undefined, JSON.stringify(renewals));
      },
    }),
  ),
  ...bothModules('@sesamecare-oss/redlock 1', 'newest', {
    scenario: 'redlock',
    env: { REDLOCK: '@sesamecare-oss/redlock' },
    expected: redlockNumbers,
  }),
  ...bothModules('redlock 5', 'middle', { scenario: 'redlock', env: { REDLOCK: 'redlock' }, expected: redlockNumbers }),
  ...bothModules('redlock 4', 'oldest', { scenario: 'redlock', env: { REDLOCK: 'redlock' }, expected: redlockNumbers }),
  ...bothModules('redlock 4 with callbacks', 'oldest', {
    scenario: 'redlock4',
    expected: { locks: { acquired: 2, held: 2 }, ends: { released: 1 } },
  }),
  ...bothModules('node-idempotency in memory', 'newest', {
    scenario: 'node-idempotency',
    env: { STORAGE: 'memory' },
    expected: idempotencyNumbers,
  }),
  ...bothModules('node-idempotency on node-redis 4', 'redis4', {
    scenario: 'node-idempotency',
    expected: idempotencyNumbers,
  }),
  ...bothModules('Idempotency-Key', 'newest', {
    scenario: 'header',
    env: { STORAGE: 'memory' },
    expected: { requests: { 'POST /users/*/orders': 2, 'POST /guarded': 1 }, hits: 2, prevented: 3 },
  }),
  ...['oldest', 'middle', 'newest'].flatMap((folder, i) =>
    bothModules(`pg-boss ${10 + i}`, folder, {
      scenario: 'pg-boss',
      expected: { requests: { send_email: 2, report: 1 }, hits: 2, prevented: 3 },
    }),
  ),
  ...bothModules('graphile-worker 0.16', 'oldest', {
    scenario: 'graphile-worker',
    expected: { requests: { send_email: 2, nightly: 1 }, hits: 2, prevented: 3 },
  }),
  ...bothModules('graphile-worker 0.18', 'newest', {
    scenario: 'graphile-worker',
    expected: { requests: { send_email: 2, nightly: 1, close_jobs: 2 }, hits: 4, prevented: 5 },
  }),
  ...bothModules('rules of the user', 'newest', {
    scenario: 'rules',
    expected: {
      requests: { send_email: 1, customer_report: 1 },
      hits: 2,
      prevented: 2,
      locks: { acquired: 1, held: 1 },
    },
  }),
  ...bothModules('a Redis that dies', 'middle', {
    scenario: 'dying',
    kill: true,
    expected: { requests: { send_email: 1 }, locks: { acquired: 1, error: 2 } },
  }),
  {
    name: 'BullMQ 6 in four processes in lock-step',
    folder: 'task-locks-newest',
    file: 'app.mjs',
    scenario: 'bullmq-lock-step',
    processes: 4,
    about: ({ requests, prevented }) => {
      const executed = requests['send_email'] ?? 0;
      assert.equal(executed + prevented, 800);
      assert.ok(Math.abs(executed - 100) <= 4, `${executed} executed, of 100 keys and 800 adds`);
    },
  },
];
