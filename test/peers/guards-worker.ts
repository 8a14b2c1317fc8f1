/** One process of the checks of `guards.ts`: does what it is told, and says what came of it. */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type GuardStore, redisStore, sqliteStore, withIdempotency, withLock } from '@vigil/instrumentation-task-locks';
import { Redis } from 'ioredis';

export interface Order {
  readonly kind: 'redis' | 'sqlite';
  readonly port: number;
  readonly directory: string;
  readonly what: 'keys' | 'lock' | 'die';
  readonly times: number;
}

const order = JSON.parse(process.argv[2]!) as Order;
const client = order.kind === 'redis' ? new Redis({ port: order.port, host: '127.0.0.1' }) : undefined;
const store: GuardStore =
  client === undefined ? sqliteStore({ file: `${order.directory}/guard.sqlite` }) : redisStore({ client });
const file = (name: string): string => `${order.directory}/${order.kind}-${name}`;

const works: Record<Order['what'], () => Promise<unknown>> = {
  /** Every process asks for every key; who executes writes it down. */
  async keys() {
    const counts: Record<string, number> = {};
    for (let i = 0; i < order.times; i++) {
      const { outcome } = await withIdempotency({ store, task: 'peers', key: `k${i}` }, async () => {
        appendFileSync(file('executed'), `${i}\n`);
        if (i % 10 === 0) await delay(2);
      });
      counts[outcome] = (counts[outcome] ?? 0) + 1;
    }
    return counts;
  },
  /** Reads, waits and writes: without the lock additions would be lost. */
  async lock() {
    for (let i = 0; i < order.times; i++) {
      const held = await withLock({ store, task: 'peers', waitMs: 30_000 }, async ({ fence }) => {
        const number = Number(readFileSync(file('number'), 'utf8'));
        await delay(1);
        writeFileSync(file('number'), String(number + 1));
        appendFileSync(file('fences'), `${fence}\n`);
      });
      if (held.outcome !== 'acquired' || held.release !== 'released') throw new Error(JSON.stringify(held));
    }
  },
  async die() {
    await withIdempotency({ store, task: 'peers', key: 'deadly', leaseMs: 200 }, () => process.kill(process.pid, 9));
  },
};

const answer = await works[order.what]();
process.send?.(answer ?? {});
client?.disconnect();
process.disconnect?.();
