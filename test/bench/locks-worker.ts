/** One variant of the lock benchmark: runs a round whenever it is told to. Started by locks.ts, with or without our registration. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { redisStore, withIdempotency } from '@vigil/instrumentation-task-locks';
import type { Round, Work } from './locks.ts';
import { median } from './report.ts';

const { work, port, folder } = JSON.parse(process.argv[2]!) as { work: Work; port: number; folder: string };
const PER_ROUND: Readonly<Record<Work, number>> = {
  'GET, ioredis': 20_000,
  'GET, node-redis': 20_000,
  'lock pair, ioredis': 8000,
  'lock pair, node-redis': 8000,
  'redlock pair': 4000,
  'BullMQ add, a duplicate': 3000,
  'withIdempotency, new key': 2000,
};
const IN_FLIGHT = 20;
const RELEASE = 'if redis.call("get",KEYS[1])==ARGV[1] then return redis.call("del",KEYS[1]) else return 0 end';

/** Of the folder's libraries no more is used than this. */
interface Ioredis {
  get(key: string): Promise<unknown>;
  set(...args: unknown[]): Promise<unknown>;
  eval(...args: unknown[]): Promise<unknown>;
}
interface NodeRedis {
  connect(): Promise<unknown>;
  get(key: string): Promise<unknown>;
  set(key: string, value: string, options: object): Promise<unknown>;
  eval(script: string, options: object): Promise<unknown>;
}
interface Libraries {
  ioredis: { Redis: new (port: number) => Ioredis };
  redis: { createClient(options: object): NodeRedis };
  bullmq: { Queue: new (name: string, options: object) => { add(...args: unknown[]): Promise<unknown> } };
  redlock: {
    default: new (
      clients: Ioredis[],
    ) => {
      acquire(resources: string[], ms: number): Promise<{ release(): Promise<unknown> }>;
    };
  };
}

const require = createRequire(join(folder, 'package.json'));
const load = <Name extends keyof Libraries>(name: Name) => require(name) as Libraries[Name];

/** What one call does; `slot` is which of those in flight it is. */
async function callOf(name: Work): Promise<(slot: number) => Promise<unknown>> {
  if (name.endsWith('node-redis')) {
    const client = load('redis').createClient({ url: `redis://127.0.0.1:${port}` });
    await client.connect();
    if (name.startsWith('GET')) return () => client.get('nothing');
    return async (slot) => {
      const key = `lock:report:${slot}`;
      await client.set(key, 'me', { NX: true, PX: 60_000 });
      await client.eval(RELEASE, { keys: [key], arguments: ['me'] });
    };
  }
  if (name.startsWith('BullMQ')) {
    const queue = new (load('bullmq').Queue)('bench', { connection: { host: '127.0.0.1', port } });
    return (slot) => queue.add('send_email', {}, { jobId: `mail ${slot}` });
  }
  const client = new (load('ioredis').Redis)(port);
  if (name.startsWith('GET')) return () => client.get('nothing');
  if (name.startsWith('withIdempotency')) {
    const store = redisStore({ client: client as never });
    let call = 0;
    return () => withIdempotency({ store, task: 'bench', key: `${process.pid} ${call++}`, ttlMs: 5000 }, () => 1);
  }
  if (name === 'redlock pair') {
    const redlock = new (load('redlock').default)([client]);
    return async (slot) => (await redlock.acquire([`lock:report:${slot}`], 60_000)).release();
  }
  return async (slot) => {
    const key = `lock:report:${slot}`;
    await client.set(key, 'me', 'PX', 60_000, 'NX');
    await client.eval(RELEASE, 1, key, 'me');
  };
}

const call = await callOf(work);

async function runRound(): Promise<Round> {
  const latencies: number[] = [];
  let left = PER_ROUND[work];
  const before = process.cpuUsage();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async (_, slot) => {
      while (left-- > 0) await call(slot);
    }),
  );
  const used = process.cpuUsage(before);
  for (let i = 0; i < 200; i++) {
    const startMs = performance.now();
    await call(0);
    latencies.push((performance.now() - startMs) * 1000);
  }
  return { cpuMicros: (used.user + used.system) / PER_ROUND[work], latencyMicros: median(latencies) };
}

process.on('message', async () => process.send!(await runRound()));
process.send!('ready');
