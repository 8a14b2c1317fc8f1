/** A real redis-server of a test's own; under REQUIRE_REAL=1 its absence fails the test. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { freePort, temporaryDirectory } from './aggregator.ts';
import { endWithUs } from './end-with-us.ts';

export const redisIsMissing = spawnSync('redis-server', ['--version']).error !== undefined;
export const mayBeSkipped = redisIsMissing && process.env['REQUIRE_REAL'] !== '1';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** Ends it at once, as a crash does, or in order. What it held is gone. */
  stop(signal?: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** @param args more settings, such as `--cluster-enabled yes` */
export async function startRedis(
  options: { readonly port?: number; readonly args?: readonly string[] } = {},
): Promise<RedisServer> {
  const port = options.port ?? (await freePort());
  const directory = temporaryDirectory();
  const quiet = ['--save', '', '--appendonly', 'no', '--bind', '127.0.0.1', '--port', String(port), '--dir', directory];
  const child = spawn('redis-server', [...quiet, ...(options.args ?? [])], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const exited = once(child, 'exit');
  endWithUs(child);
  for (let tries = 0; !(await answers(port)); tries++) {
    if (child.exitCode !== null || tries > 200) throw new Error(`redis-server does not answer: ${said}`);
    await new Promise((done) => setTimeout(done, 10));
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    async stop(signal = 'SIGKILL') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const event = await Promise.race([
    once(socket, 'connect').then(() => true),
    once(socket, 'error').then(() => false),
  ]).catch(() => false);
  socket.destroy();
  return event;
}
