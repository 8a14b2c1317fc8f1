/**
 * The application's background tasks. Some messages come twice, two schedulers fire at once, and one report in a few takes
 * longer than its lock lasts: what guards them shows it.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { type GuardStore, withIdempotency, withLock } from '@vigil/instrumentation-task-locks';
import { openQueue } from './queue.ts';

/** Two emails in a hundred and twenty come twice: one right away, one later. */
const EMAILS_PER_CYCLE = 120;
const TWICE_AT_ONCE = 5;
const TWICE_LATER = 45;
const EMAIL_EVERY_MS = 250;
const CLOSING_EVERY_MS = 3000;
const REPORT_EVERY_MS = 4000;
const REPORT_LOCK_MS = 150;
/** Every so many reports one is slow; the second is the first of them. */
const SLOW_REPORT_EVERY = 5;

/** What a queue carries. */
export interface Job {
  readonly task: keyof typeof tasks;
  readonly number: number;
}

const tasks = {
  send_email: (store: GuardStore, number: number) => {
    const owner = `u${number % 8}`;
    return withIdempotency(
      { store, task: 'send_email', scope: 'user', owner, args: { delivery: number }, category: 'message' },
      () => delay(20 + Math.random() * 30),
    );
  },
  auto_close_jobs: (store: GuardStore, _: number) =>
    withLock({ store, task: 'auto_close_jobs' }, () => delay(60 + Math.random() * 60)),
  generate_report: (store: GuardStore, number: number) => {
    const takesMs = number % SLOW_REPORT_EVERY === 1 ? REPORT_LOCK_MS * 2 : REPORT_LOCK_MS / 3;
    const owner = `carrier ${number % 3}`;
    return withIdempotency(
      { store, task: 'generate_report', scope: 'tenant', owner, key: `report ${number}`, category: 'message' },
      () =>
        withLock({ store, task: 'generate_report', leaseMs: REPORT_LOCK_MS, renew: false }, async () => {
          await delay(takesMs);
          return { rows: 500 };
        }),
    );
  },
};

/**
 * Runs the tasks for as long as the process lives: queued by BullMQ where a Redis answers, else in this process.
 * @param redisUrl of a Redis that may be there
 */
export async function startTasks(redisUrl: string): Promise<void> {
  const add = await openQueue(redisUrl, async (guard, { task, number }) => {
    await tasks[task](guard, number);
  });
  // The demo may be started again within the time that keys are remembered.
  const first = Date.now();
  const every = (ms: number, what: (turn: number) => void): void => {
    let turn = 0;
    setInterval(() => what(turn++), ms);
  };
  every(EMAIL_EVERY_MS, (turn) => {
    const email: Job = { task: 'send_email', number: first + turn };
    add(email);
    const inCycle = turn % EMAILS_PER_CYCLE;
    if (inCycle === TWICE_AT_ONCE) add(email);
    if (inCycle === TWICE_LATER) setTimeout(add, 1000, email);
  });
  every(CLOSING_EVERY_MS, (number) => {
    for (let scheduler = 0; scheduler < 2; scheduler++) add({ task: 'auto_close_jobs', number });
  });
  every(REPORT_EVERY_MS, (turn) => {
    add({ task: 'generate_report', number: first - (first % SLOW_REPORT_EVERY) + turn });
  });
}
