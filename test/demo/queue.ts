/** How jobs come to their tasks: by BullMQ where a Redis answers, else by this process itself. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { type GuardStore, memoryStore, redisStore, withFallback } from '@vigil/instrumentation-task-locks';
import type { Job } from './tasks.ts';

type Run = (store: GuardStore, job: Job) => Promise<void>;
export type Add = (job: Job) => void;

/** Of everything that the demo writes into a Redis. */
const PREFIX = 'vigil-demo';
const ANSWERS_WITHIN_MS = 500;
const MOST_AT_ONCE = 8;

/** @returns what puts a job into the queue */
export async function openQueue(redisUrl: string, run: Run): Promise<Add> {
  return (await answers(redisUrl)) ? openBullmq(redisUrl, run) : openOwn(run);
}

function openOwn(run: Run): Add {
  const store = memoryStore();
  return (job) => void run(store, job);
}

/** The packages are loaded only where there is something for them to talk to. */
async function openBullmq(redisUrl: string, run: Run): Promise<Add> {
  const [{ Queue, Worker }, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
  const client = new Redis(redisUrl, { keyPrefix: `${PREFIX}:` });
  // A Redis that goes away is no end of the demo: the memory does for it.
  const ignore = (): void => {};
  client.on('error', ignore);
  const store = withFallback(redisStore({ client }), memoryStore());
  const options = { connection: { url: redisUrl, maxRetriesPerRequest: null }, prefix: PREFIX };
  const queue = new Queue('tasks', options).on('error', ignore);
  const forget = { removeOnComplete: { count: 0 }, removeOnFail: { count: 0 } };
  new Worker('tasks', (job) => run(store, job.data as Job), { ...options, ...forget, concurrency: MOST_AT_ONCE }).on(
    'error',
    ignore,
  );
  return (job) => void queue.add(job.task, job).catch(ignore);
}

async function answers(redisUrl: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(redisUrl);
  if (protocol !== 'redis:') return false;
  const socket = connect(Number(port || 6379), hostname || '127.0.0.1');
  socket.setTimeout(ANSWERS_WITHIN_MS, () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [reply] = (await once(socket, 'data')) as [Buffer];
    return reply.toString().startsWith('+PONG');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
