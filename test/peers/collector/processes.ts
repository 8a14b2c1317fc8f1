/** A Collector of the shipped manifest and configurations, applications that send, and waiting with a bound. */

import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { freePort, temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';

const root = resolve(import.meta.dirname, '../../..');
export const CONFIGURATIONS = join(root, 'otel-config/collector');

/** A first build fetches and compiles everything: minutes on two cores. */
const BUILD_WITHIN_MS = 15 * 60_000;
const READY_WITHIN_MS = 20_000;
const END_WITHIN_MS = 10_000;

/** Builds it unless it was built before. @returns the path of the binary */
export function buildCollector(): string {
  const script = join(CONFIGURATIONS, 'build.sh');
  return execFileSync(script, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: BUILD_WITHIN_MS,
  }).trim();
}

/** `--config` of shipped files, by their names without the ending, or of other files by their paths. */
export function configArguments(names: readonly string[]): string[] {
  return names.flatMap((name) => ['--config', name.includes('/') ? name : join(CONFIGURATIONS, `${name}.yaml`)]);
}

export interface CollectorOptions {
  readonly configurations: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Collector {
  readonly httpUrl: string;
  readonly grpcUrl: string;
  readonly scrapeAddress: string;
  /** Everything it wrote so far. */
  log(): string;
  /** A number of its own metrics, summed over all series that have these labels; 0 when there are none. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again where it was, with its queue. */
  restart(): Promise<void>;
}

/** Starts it on free ports and waits until it is healthy. */
export async function startCollector(binary: string, { configurations, env }: CollectorOptions): Promise<Collector> {
  const [grpc, http, health, telemetry, scrape] = await ports(5);
  const environment = {
    PATH: process.env['PATH'] ?? '',
    VIGIL_QUEUE_DIR: temporaryDirectory(),
    VIGIL_OTLP_GRPC: `127.0.0.1:${grpc}`,
    VIGIL_OTLP_HTTP: `127.0.0.1:${http}`,
    VIGIL_HEALTH: `127.0.0.1:${health}`,
    VIGIL_TELEMETRY_PORT: `${telemetry}`,
    VIGIL_SCRAPE: `127.0.0.1:${scrape}`,
    VIGIL_RETRY_INITIAL: '300ms',
    VIGIL_RETRY_MAX: '1s',
    ...env,
  };
  let child: ChildProcess | undefined;
  let log = '';
  const restart = async (): Promise<void> => {
    const started = spawn(binary, configArguments(configurations), {
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = started;
    endWithUs(started);
    started.stderr.on('data', (chunk: Buffer) => {
      log += chunk;
    });
    await until(
      'the Collector is healthy',
      async () => {
        if (started.exitCode !== null) throw new Error(`the Collector ended with ${started.exitCode}: ${log}`);
        return (await fetch(`http://127.0.0.1:${health}`).catch(() => undefined))?.ok === true;
      },
      READY_WITHIN_MS,
    );
  };
  await restart();
  return {
    httpUrl: `http://127.0.0.1:${http}`,
    grpcUrl: `http://127.0.0.1:${grpc}`,
    scrapeAddress: `127.0.0.1:${scrape}`,
    log: () => log,
    metric: async (name, labels = {}) =>
      sumOf(await (await fetch(`http://127.0.0.1:${telemetry}/metrics`)).text(), name, labels),
    stop: async (signal = 'SIGTERM') => end(child, signal),
    restart,
  };
}

function sumOf(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** Different ones: each is asked for while the others are still known. */
async function ports(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) found.add(await freePort());
  return [...found];
}

export interface SendingApp {
  /** Ends it when all is exported. @returns the mutations that it made */
  end(): Promise<number>;
}

/**
 * Starts one and waits until it has begun.
 * @param env where to send, as `OTEL_` variables
 */
export async function startApp(name: string, env: Readonly<Record<string, string>>): Promise<SendingApp> {
  const child = fork(join(import.meta.dirname, 'app.ts'), {
    cwd: root,
    execArgv: ['--import', pathToFileURL(join(root, 'otel-config/register.ts')).href],
    env: {
      PATH: process.env['PATH'] ?? '',
      OTEL_SERVICE_NAME: name,
      OTEL_METRIC_EXPORT_INTERVAL: '500',
      OTEL_BSP_SCHEDULE_DELAY: '500',
      ...env,
    },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  endWithUs(child);
  const exited = once(child, 'exit');
  await once(child, 'message', { signal: AbortSignal.timeout(READY_WITHIN_MS) });
  return {
    async end() {
      const answer = once(child, 'message', { signal: AbortSignal.timeout(END_WITHIN_MS) });
      child.send('end');
      const [count] = await answer;
      await exited;
      return count as number;
    },
  };
}

export async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined) return;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  const cap = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
  await exited;
  clearTimeout(cap);
}

/** Waits until it is so. @throws after the bound, with what was waited for */
export async function until(what: string, isSo: () => Promise<boolean>, withinMs = 30_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited ${withinMs / 1000} s in vain until ${what}`);
    await delay(100);
  }
}
