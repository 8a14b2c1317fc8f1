/** The aggregator as its own process, as a user runs it. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { endWithUs } from './end-with-us.ts';

const MAIN = resolve(import.meta.dirname, '../../aggregator/main.ts');
export const KEY = 'test-key-0123456789abcdef';

export interface RunningAggregator {
  readonly url: string;
  readonly directory: string;
  readonly process: ChildProcess;
  /** Everything it wrote on standard error so far. */
  log(): string;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  json<Body = Record<string, never>>(path: string): Promise<Body>;
  post(path: string, body: Uint8Array | string, headers?: Record<string, string>): Promise<Response>;
  /** Ends it: in an orderly way with SIGTERM, at once with SIGKILL. The data directory stays. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts it and waits until it is ready. */
export async function startAggregator(
  options: {
    readonly directory?: string;
    readonly port?: number;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Promise<RunningAggregator> {
  const directory = options.directory ?? temporaryDirectory();
  const port = options.port ?? (await freePort());
  const env = {
    ...process.env,
    HOST: '127.0.0.1',
    PORT: String(port),
    MONITORING_API_KEY: KEY,
    MONITORING_DATA_DIR: directory,
    MONITORING_CACHE_TTL_SECONDS: '0',
    ...options.env,
  };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'pipe'], cwd: directory });
  endWithUs(child);
  let log = '';
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk;
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const url = `http://127.0.0.1:${port}`;
  const key = { 'X-Monitoring-API-Key': KEY };
  await ready(url, child, () => log);
  return {
    url,
    directory,
    process: child,
    log: () => log,
    get: (path, headers = {}) => fetch(url + path, { headers: { ...key, ...headers } }),
    json: async <Body>(path: string) => (await fetch(url + path, { headers: key })).json() as Promise<Body>,
    post: (path, body, headers = {}) =>
      fetch(url + path, { method: 'POST', body: body as Uint8Array<ArrayBuffer>, headers: { ...key, ...headers } }),
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return (await exited)[0];
    },
  };
}

async function ready(url: string, child: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (child.exitCode !== null) throw new Error(`the aggregator ended with ${child.exitCode}: ${log()}`);
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error(`the aggregator did not become ready: ${log()}`);
}

const temporary: string[] = [];
process.once('exit', () => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'vigil-test-'));
  temporary.push(directory);
  return directory;
}
