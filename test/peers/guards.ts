/** Guards in several real processes at once, over a real redis-server and over one SQLite file; and one that is killed. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { redisStore, sqliteStore, withIdempotency } from '@vigil/instrumentation-task-locks';
import { Redis } from 'ioredis';
import { temporaryDirectory } from '../support/aggregator.ts';
import { startRedis } from '../support/redis-server.ts';
import type { Order } from './guards-worker.ts';

const PROCESSES = 4;
const KEYS = 300;
const LOCKS = 25;
const WITHIN_MS = 45_000;

let passed = 0;
let failed = 0;

function check(what: string, actual: unknown, expected: unknown): void {
  const isRight = JSON.stringify(actual) === JSON.stringify(expected);
  if (isRight) passed++;
  else failed++;
  const seen = isRight ? '' : `: ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`;
  console.log(`${isRight ? 'ok    ' : 'FAILED'} ${what}${seen}`);
}

/** @returns what it sent; undefined when it ended without a word */
async function runWorker(order: Order): Promise<Record<string, number> | undefined> {
  const child = fork(new URL('./guards-worker.ts', import.meta.url), [JSON.stringify(order)]);
  let answer: Record<string, number> | undefined;
  child.once('message', (message) => {
    answer = message as Record<string, number>;
  });
  const cap = setTimeout(() => {
    console.log(`FAILED ${order.kind}, ${order.what}: a process did not end within ${WITHIN_MS / 1000} s`);
    child.kill('SIGKILL');
  }, WITHIN_MS);
  await once(child, 'exit');
  clearTimeout(cap);
  return answer;
}

const redis = await startRedis();
const directory = temporaryDirectory();
try {
  for (const kind of ['redis', 'sqlite'] as const) {
    const order = { kind, port: redis.port, directory };
    const all = (what: Order['what'], times: number) =>
      Promise.all(Array.from({ length: PROCESSES }, () => runWorker({ ...order, what, times })));
    const lines = (name: string) => readFileSync(`${directory}/${kind}-${name}`, 'utf8').trim().split('\n').map(Number);

    const counts = await all('keys', KEYS);
    const executed = lines('executed');
    check(`${kind}: ${PROCESSES} processes execute each of ${KEYS} keys once`, executed.length, KEYS);
    check(`${kind}: and each key`, new Set(executed).size, KEYS);
    const sum = (...outcomes: string[]) =>
      counts.reduce((total, one) => total + outcomes.reduce((own, outcome) => own + (one?.[outcome] ?? 0), 0), 0);
    check(`${kind}: outcomes tell it`, sum('executed'), KEYS);
    check(`${kind}: all others are duplicates`, sum('replayed', 'in_flight'), KEYS * (PROCESSES - 1));

    writeFileSync(`${directory}/${kind}-number`, '0');
    const locked = await all('lock', LOCKS);
    check(`${kind}: every process got all its locks`, locked.filter((one) => one === undefined).length, 0);
    check(`${kind}: nothing that is done under the lock is lost`, lines('number'), [PROCESSES * LOCKS]);
    const fences = lines('fences');
    const grow = fences.every((fence, i) => i === 0 || fence > fences[i - 1]!);
    check(`${kind}: fences grow from holder to holder`, grow, true);

    await runWorker({ ...order, what: 'die', times: 1 });
    const client = new Redis({ port: redis.port, host: '127.0.0.1' });
    const store = kind === 'redis' ? redisStore({ client }) : sqliteStore({ file: `${directory}/guard.sqlite` });
    const again = () => withIdempotency({ store, task: 'peers', key: 'deadly' }, () => 1);
    check(`${kind}: a process that is killed in its work is in flight until its lease ends`, await again(), {
      outcome: 'in_flight',
    });
    await delay(300);
    check(`${kind}: then another one does the work, which counts as escaped`, (await again()).outcome, 'escaped');
    client.disconnect();
  }
} finally {
  await redis.stop();
}
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
