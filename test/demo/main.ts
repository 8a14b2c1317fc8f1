/**
 * `npm run demo`: the aggregator, a GraphQL application under `node --import`, people who use it, and some who attack it.
 * Prints an address, a key and four commands to paste. `--seconds N` ends it by itself, `--port N` chooses the port,
 * `--history` puts thirty days before it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { whenStarterIsGone } from '../../aggregator/starter.ts';
import { makeAttacks } from './attackers.ts';
import { HISTORY_DAYS, makeHistory } from './history.ts';
import { makeTraffic } from './traffic.ts';

const root = resolve(import.meta.dirname, '../..');
const fileUrl = (...path: string[]): string => pathToFileURL(join(root, ...path)).href;

const PREFERRED_PORT = 8000;
const READY_WITHIN_MS = 60_000;
const END_WITHIN_MS = 10_000;
const LONGEST_SECONDS = 86_400;
/** Numbers are there within seconds, and not within ten. */
const EXPORT_INTERVAL_MS = '1000';

/** A process of the demo, and what it wrote on standard error last. */
interface Part {
  readonly name: string;
  readonly process: ChildProcess;
  said: string;
}

/** The machine's own telemetry settings, such as a switch that turns it off, are not the demo's. */
const withoutOtel = Object.fromEntries(
  Object.keys(process.env).flatMap((name) => (name.startsWith('OTEL_') ? [[name, undefined]] : [])),
);

const ending = new AbortController();

function startPart(
  name: string,
  file: string,
  imports: readonly string[],
  env: NodeJS.ProcessEnv,
  args: readonly string[] = [],
): Part {
  const execArgv = ['test/demo/leave-with-parent.ts', ...imports].flatMap((path) => ['--import', fileUrl(path)]);
  const child = fork(join(root, file), args, {
    cwd: root,
    execArgv,
    env: { ...process.env, ...env },
    // In a group of their own: Ctrl-C reaches this process, which ends them in order.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const part: Part = { name, process: child, said: '' };
  child.stderr?.on('data', (chunk: Buffer) => {
    part.said = (part.said + chunk).slice(-4000);
  });
  child.once('exit', (code, signal) => {
    // What was given a task ends when it is done.
    if (ending.signal.aborted || (args.length > 0 && code === 0)) return;
    ending.abort(new Error(`${name} ended with ${code ?? signal}.\n${messagesOf(part.said)}`));
  });
  return part;
}

/** What a person reads of it: of log lines their messages, of all else everything. */
function messagesOf(said: string): string {
  const lines = said.trimEnd().split('\n');
  const message = /"message":("(?:[^"\\]|\\.)*")\}$/;
  return lines.map((line) => JSON.parse(message.exec(line)?.[1] ?? JSON.stringify(line))).join('\n');
}

/** The first of these ports that is free; 0 stands for any. */
async function firstFree(ports: readonly number[]): Promise<number> {
  for (const port of ports) {
    const server = createServer().listen(port, '127.0.0.1');
    const event = await Promise.race([once(server, 'listening').then(() => 'free'), once(server, 'error')]);
    if (event !== 'free') continue;
    const { port: found } = server.address() as { port: number };
    server.close();
    await once(server, 'close');
    return found;
  }
  throw new Error(`port ${ports[0]} is taken by another process: choose another with --port`);
}

interface Statistics {
  readonly total_mutations: number;
}

/** Waits until the service answers with numbers of the application. */
async function firstNumbers(address: string, key: string): Promise<Statistics> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    ending.signal.throwIfAborted();
    const path = `${address}/monitoring/graphql/mutations/`;
    const answer = await fetch(path, { headers: { 'X-Monitoring-API-Key': key } }).catch(() => undefined);
    if (answer?.ok) {
      const { statistics } = (await answer.json()) as { statistics: Statistics };
      if (statistics.total_mutations > 0) return statistics;
    }
    await delay(100);
  }
  throw new Error(`no numbers came within ${READY_WITHIN_MS / 1000} s`);
}

async function end(part: Part): Promise<void> {
  const { process: child } = part;
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const cap = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
  await exited;
  clearTimeout(cap);
}

async function run(port: number, seconds: number | undefined, history: boolean): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'vigil-demo-'));
  const address = `http://127.0.0.1:${port}`;
  const key = randomBytes(16).toString('hex');
  const parts: Part[] = [];
  try {
    if (history) await importHistory(directory);
    parts.push(
      startPart('the aggregator', 'aggregator/main.ts', [], {
        HOST: '127.0.0.1',
        PORT: String(port),
        MONITORING_API_KEY: key,
        MONITORING_DATA_DIR: directory,
        MONITORING_CACHE_TTL_SECONDS: '1',
        // A .env file is for `npm start`; what it says must not keep the demo from its one key and third command.
        MONITORING_INGEST_KEY: '',
        PROMETHEUS_METRICS_ENABLED: 'true',
      }),
    );
    await answering(`${address}/readyz`);
    const app = startPart('the application', 'test/demo/app.ts', ['otel-config/register.ts'], {
      ...withoutOtel,
      OTEL_SERVICE_NAME: 'demo',
      OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.4.2',
      OTEL_EXPORTER_OTLP_ENDPOINT: address,
      OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${key}`,
      OTEL_METRIC_EXPORT_INTERVAL: EXPORT_INTERVAL_MS,
      OTEL_BSP_SCHEDULE_DELAY: EXPORT_INTERVAL_MS,
      // Whoever makes the traffic stands for the proxy in front.
      VIGIL_TRUSTED_HOPS: '1',
    });
    parts.push(app);
    const appPort = await Promise.race([once(app.process, 'message').then(([first]) => first as number), aborted()]);
    for (const make of [makeTraffic, makeAttacks])
      make(`http://127.0.0.1:${appPort}/graphql`, ending.signal).catch((error: unknown) => ending.abort(error));
    const { total_mutations: mutations } = await firstNumbers(address, key);
    print(address, key, mutations, history);
    await Promise.race([aborted(), ...(seconds === undefined ? [] : [delay(seconds * 1000)])]);
  } finally {
    ending.abort();
    // The application first, so that its last numbers still find somebody.
    for (const part of parts.reverse()) await end(part);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function answering(url: string): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  for (;;) {
    ending.signal.throwIfAborted();
    const answer = await fetch(url).catch(() => undefined);
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`${url} does not answer`);
    await delay(50);
  }
}

/** Rejects with what ended the demo. */
async function aborted(): Promise<never> {
  if (!ending.signal.aborted) await once(ending.signal, 'abort');
  throw ending.signal.reason;
}

function print(address: string, key: string, mutations: number, history: boolean): void {
  const curl = (path: string) => `  curl -s -H 'X-Monitoring-API-Key: ${key}' '${address}${path}'`;
  process.stdout.write(`
Vigil's demo: a GraphQL application with people who use it, and the service that watches it.

  address  ${address}
  key      ${key}

Ask it:

${curl('/monitoring/graphql/mutations/')}
${curl('/monitoring/graphql/mutations/performance/')}
${curl('/monitoring/metrics/prometheus/')}
${curl('/monitoring/celery/idempotency/')}

${history ? INCIDENTS_TOLD : ''}${mutations} ${mutations === 1 ? 'mutation' : 'mutations'} ${history ? 'in the last hour' : 'so far'}. Ctrl-C ends everything.
`);
}

const INCIDENTS_TOLD = `Three incidents lie in the thirty days before: two days ago version 1.4.2 went out, and CreateJob has been slower since;
three days ago messages were delivered again and again; for three hours four addresses have tried to inject SQL.

`;

/** Takes the made-up past into the store, as anybody would: with the import command, before the service starts. */
async function importHistory(directory: string): Promise<void> {
  process.stdout.write(`Making ${HISTORY_DAYS} days of history, some seconds …\n`);
  const file = join(directory, 'history.jsonl');
  const history = makeHistory(Date.now());
  await writeFile(
    file,
    Readable.from(history.lines()).map((line) => `${line}\n`),
  );
  const part = startPart('the import', 'aggregator/cli.ts', [], { MONITORING_DATA_DIR: directory }, ['import', file]);
  await Promise.race([once(part.process, 'exit'), aborted()]);
  rmSync(file);
  process.stdout.write(`${history.tally.points} points.\n`);
}

/** The user asked for the end. */
class Wanted extends Error {}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort(new Wanted()));
whenStarterIsGone(() => ending.abort(new Wanted()));

interface Options {
  readonly port?: number;
  readonly seconds?: number;
  readonly history: boolean;
}

/** @throws when an option is unknown or its value cannot be used */
function readOptions(): Options {
  const { values } = parseArgs({
    options: { seconds: { type: 'string' }, port: { type: 'string' }, history: { type: 'boolean', default: false } },
  });
  const whole = (name: 'port' | 'seconds', most: number): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!/^[1-9]\d*$/.test(text) || Number(text) > most)
      throw new Error(`--${name} takes a whole number from 1 to ${most}`);
    return Number(text);
  };
  return { port: whole('port', 65_535), seconds: whole('seconds', LONGEST_SECONDS), history: values.history };
}

try {
  const { port, seconds, history } = readOptions();
  await run(await firstFree(port === undefined ? [PREFERRED_PORT, 0] : [port]), seconds, history);
} catch (error) {
  if (!(error instanceof Wanted)) {
    process.stderr.write(`The demo ended: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
process.exit();
