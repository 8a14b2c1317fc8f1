import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { environmentOfRun } from '../support/environment.ts';

const MAIN = resolve(import.meta.dirname, '../../aggregator/main.ts');
const START = resolve(import.meta.dirname, '../../aggregator/start.js');
const COMMAND = resolve(import.meta.dirname, '../../aggregator/vigil.ts');

let directory: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vigil-main-'));
});
afterEach(() => {
  if (child?.exitCode === null) child.kill('SIGKILL');
  child = undefined;
  rmSync(directory, { recursive: true });
});

/** Not that of the run of the tests, which stands above it. */
const OWN_CACHE = { NODE_COMPILE_CACHE: undefined };

test('an old Node is told so, not shown a stack', async () => {
  const oldNode = resolve(import.meta.dirname, '../otel-config/apps/oldest-node.cjs');
  const told = run({}, ['--require', oldNode, COMMAND, 'start']);
  expect(await told.exitCode).toBe(2);
  expect(told.errors()).toBe('Node 20.20.2 is too old: vigil needs Node 24 or newer.\n');
  const { engines } = JSON.parse(readFileSync(resolve(COMMAND, '../package.json'), 'utf8'));
  expect(engines.node).toBe('>=24');
});

interface Run {
  readonly errors: () => string;
  readonly exitCode: Promise<number | null>;
  /** The address that it listens on, once it does. */
  readonly address: () => Promise<string>;
}

function run(env: Record<string, string | undefined>, args: readonly string[] = [MAIN]): Run {
  const own = spawn(process.execPath, args, {
    cwd: directory,
    env: { ...environmentOfRun(), XDG_CACHE_HOME: directory, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = own;
  let text = '';
  own.stderr.on('data', (chunk) => {
    text += chunk;
  });
  const exitCode = once(own, 'exit').then(([code]) => code as number | null);
  const address = async (): Promise<string> => {
    for (;;) {
      const found = /"address":"([^"]+)"/.exec(text)?.[1];
      if (found !== undefined) return found;
      if (own.exitCode !== null) throw new Error(text);
      await new Promise((done) => setTimeout(done, 10));
    }
  };
  return { errors: () => text, exitCode, address };
}

test('all problems of a configuration are printed together, and nothing is made', async () => {
  const { errors, exitCode } = run({ PORT: 'x', MONITORING_RETENTION_DAYS: '-1', MONITORING_LOG_LEVEL: 'loud' });
  expect(await exitCode).toBe(1);
  expect(errors()).toMatch(/3 problems/);
  for (const name of ['PORT', 'MONITORING_RETENTION_DAYS', 'MONITORING_LOG_LEVEL']) expect(errors()).toContain(name);
  expect(() => statSync(join(directory, 'data'))).toThrow();
});

test('vigil start is the same service', async () => {
  const started = run({ PORT: '0' }, [COMMAND, 'start']);
  expect((await fetch(`${await started.address()}/readyz`)).status).toBe(200);
  child?.kill('SIGTERM');
  expect(await started.exitCode).toBe(0);
  expect(await run({ PORT: 'x' }, [COMMAND, 'start']).exitCode).toBe(1);
});

test.each([[[COMMAND, 'start']], [[START]], [[MAIN]]])(
  'an argument is refused, not passed over: %s',
  async (command) => {
    const { errors, exitCode } = run({ PORT: '0' }, [...command, '--port']);
    expect(await exitCode).toBe(2);
    expect(errors()).toMatch(/takes no arguments.*environment variables/);
    expect(() => statSync(join(directory, 'data'))).toThrow();
  },
);

test('a port that is taken is said in one line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { errors, exitCode } = run({ PORT: String(port) });
  expect(await exitCode).toBe(1);
  expect(JSON.parse(errors())).toMatchObject({ level: 'fatal', message: expect.stringContaining(`port ${port}`) });
  other.close();
});

test('the first start makes a key that opens everything, and a signal ends it in good order', async () => {
  const { errors, exitCode, address } = run({ PORT: '0' });
  const url = await address();
  const key = readFileSync(join(directory, 'data', 'api-key'), 'utf8').trim();
  const ask = (headers: Record<string, string>) => fetch(`${url}/monitoring/graphql/mutations/`, { headers });
  expect((await ask({ Authorization: `Bearer ${key}` })).status).toBe(200);
  expect((await ask({})).status).toBe(403);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  child?.kill('SIGTERM');
  expect(await exitCode).toBe(0);
  const lines = errors()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines.at(-1)).toMatchObject({ message: 'closed' });
  expect(lines.every((line) => typeof line.correlation_id === 'string')).toBe(true);
  expect(errors()).toContain(join(directory, 'data', 'api-key'));
  expect(errors()).not.toContain(key);
});

test('a variable that nothing reads is named in a warning', async () => {
  const { errors, address } = run({ PORT: '0', MONITORING_RETENTION_DAY: 'a-secret' });
  await address();
  expect(errors()).toMatch(/"level":"warn".*"variables":\["MONITORING_RETENTION_DAY"\]/);
  expect(errors()).not.toContain('a-secret');
});

test.runIf(process.platform === 'linux')(
  'SIGTERM to `npm start`, as a supervisor sends it, ends the service',
  async () => {
    const npm = spawn('npm', ['start'], {
      cwd: resolve(import.meta.dirname, '../..'),
      env: { ...process.env, PORT: '0', MONITORING_DATA_DIR: directory },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = npm;
    let text = '';
    npm.stderr.on('data', (chunk) => {
      text += chunk;
      if (text.includes('"listening"')) npm.kill('SIGTERM');
    });
    // The pipe ends with the last process that holds it.
    await once(npm.stderr, 'end');
    expect(text).toContain('"message":"closed"');
  },
);

test('what is compiled at a start is kept for the next, also when the process is killed', async () => {
  const env = { ...OWN_CACHE, PORT: '0', HOME: directory, XDG_CACHE_HOME: join(directory, 'cache') };
  const first = run(env, [START]);
  await first.address();
  const kept = join(directory, 'cache', 'vigil', 'compiled');
  await expect.poll(() => readdirSync(kept, { recursive: true }).length, { timeout: 30_000 }).toBeGreaterThan(100);
  child?.kill('SIGKILL');
  await first.exitCode;
  await run(env, [START]).address();
});

test('it starts where nothing can be kept', async () => {
  const file = join(directory, 'no-folder');
  writeFileSync(file, '');
  await run({ ...OWN_CACHE, PORT: '0', HOME: directory, XDG_CACHE_HOME: file }, [START]).address();
});
