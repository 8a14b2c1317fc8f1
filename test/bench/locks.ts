/**
 * What observing locks and deduplication costs an application, in its own processor time: the libraries bare, under our
 * registration without spans, and with them, each in a process of its own, taking turns. Twenty calls are in flight on one
 * connection to a redis-server of this machine; latency is that of a call alone.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { installPeers } from '../peers/install.ts';
import { startRedis } from '../support/redis-server.ts';
import type { Benchmark } from './main.ts';
import { median, printTable, surroundings } from './report.ts';

export const works = [
  'GET, ioredis',
  'GET, node-redis',
  'lock pair, ioredis',
  'lock pair, node-redis',
  'redlock pair',
  'BullMQ add, a duplicate',
  'withIdempotency, new key',
] as const;
export type Work = (typeof works)[number];

/** Of one call. */
export interface Round {
  readonly cpuMicros: number;
  readonly latencyMicros: number;
}

const ROUNDS = 7;
const FOLDER = join(import.meta.dirname, '../peers/task-locks-middle');
const REGISTER = new URL('../../otel-config/register.ts', import.meta.url).href;

type Variant = 'bare' | 'metrics' | 'metrics and spans';
const variants: Readonly<Record<Variant, { readonly flags: string[]; readonly env: Record<string, string> }>> = {
  bare: { flags: [], env: {} },
  metrics: { flags: ['--import', REGISTER], env: { OTEL_TRACES_SAMPLER: 'always_off' } },
  'metrics and spans': { flags: ['--import', REGISTER], env: {} },
};

interface Worker {
  readonly process: ChildProcess;
  readonly rounds: Round[];
}

async function startWorker(work: Work, variant: Variant, port: number, sink: string): Promise<Worker> {
  const { flags, env } = variants[variant];
  const child = fork(new URL('./locks-worker.ts', import.meta.url), [JSON.stringify({ work, port, folder: FOLDER })], {
    execArgv: flags,
    env: { ...process.env, OTEL_EXPORTER_OTLP_ENDPOINT: sink, ...env },
  });
  await answerOf(child);
  return { process: child, rounds: [] };
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const gone = once(child, 'exit').then(([code]) => Promise.reject(new Error(`a worker ended with ${code}`)));
  // It ends once more when all is done; then nobody waits for it.
  gone.catch(() => {});
  const [message] = await Promise.race([once(child, 'message'), gone]);
  return message;
}

/** Takes what is exported, and does nothing with it. */
async function startSink(): Promise<Server> {
  const sink = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end());
  }).listen(0, '127.0.0.1');
  await once(sink, 'listening');
  return sink;
}

async function measure(work: Work, port: number, sink: string): Promise<string[][]> {
  const names = Object.keys(variants) as Variant[];
  const workers = await Promise.all(names.map((variant) => startWorker(work, variant, port, sink)));
  for (let round = 0; round <= ROUNDS; round++)
    for (const worker of workers) {
      worker.process.send('round');
      const result = (await answerOf(worker.process)) as Round;
      // The first round warms up.
      if (round > 0) worker.rounds.push(result);
    }
  for (const worker of workers) worker.process.kill('SIGKILL');
  const bare = workers[0]!.rounds;
  return workers.map(({ rounds }, at) => {
    const cpu = median(rounds.map(({ cpuMicros }) => cpuMicros));
    // Pairs of one round saw the same moment of the machine.
    const added = median(rounds.map(({ cpuMicros }, round) => cpuMicros - bare[round]!.cpuMicros));
    const latency = median(rounds.map(({ latencyMicros }) => latencyMicros));
    return [work, names[at]!, cpu.toFixed(1), at === 0 ? '' : added.toFixed(1), latency.toFixed(0)];
  });
}

export const benchmark: Benchmark = {
  about: 'what observing costs a lock command, a BullMQ add and a redlock pair; how long a guarded call takes',
  async run() {
    await installPeers(FOLDER);
    const [redis, sink] = await Promise.all([startRedis(), startSink()]);
    const rows: string[][] = [];
    try {
      const address = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;
      for (const work of works) rows.push(...(await measure(work, redis.port, address)));
    } finally {
      sink.closeAllConnections();
      sink.close();
      await redis.stop();
    }
    console.log(surroundings(['@opentelemetry/sdk-metrics', '@opentelemetry/sdk-trace']));
    console.log(
      `ioredis 5.11.1, redis 5.12.1, redlock 5.0.0-beta.2, bullmq 6.7.0; medians of ${ROUNDS} interleaved rounds\n`,
    );
    printTable(['a call', 'observed', 'CPU µs', 'added µs', 'latency µs'], rows);
  },
};
