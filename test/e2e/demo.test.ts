/** What a newcomer does first: starts the demo, pastes what it prints, ends it. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { freePort } from '../support/aggregator.ts';
import { mayBeSkipped, type RedisServer, startRedis } from '../support/redis-server.ts';

const root = resolve(import.meta.dirname, '../..');
const MUTATIONS = [
  'AdhocMutation',
  'CreateJob',
  'InsertRecord',
  'LoginUser',
  'LogoutUser',
  'ReportMutation',
  'SecureFileUploadMutation',
  'TaskTourUpdate',
];

interface Demo {
  readonly process: ChildProcess;
  readonly printed: string;
  readonly pids: readonly number[];
}

/** Nothing listens on port 1: without a Redis of the test's own it must not find somebody else's. */
async function startDemo(redisUrl = 'redis://127.0.0.1:1'): Promise<Demo> {
  const args = ['test/demo/main.ts', '--port', String(await freePort()), '--seconds', '60'];
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, REDIS_URL: redisUrl },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  await new Promise<void>((done, fail) => {
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk;
      if (printed.includes('Ctrl-C')) done();
    });
    child.stderr.on('data', (chunk: Buffer) => fail(new Error(String(chunk))));
    child.once('exit', (code) => fail(new Error(`the demo ended with ${code}: ${printed}`)));
  });
  const pid = child.pid as number;
  return { process: child, printed, pids: [pid, ...childrenOf(pid)] };
}

/** Processes whose parent is this one. */
function childrenOf(pid: number): number[] {
  return globSync('/proc/[0-9]*/stat').flatMap((file) => {
    try {
      const [id, rest] = readFileSync(file, 'utf8').split(/ \(.*\) /s);
      return Number(rest.split(' ')[1]) === pid ? [Number(id)] : [];
    } catch {
      return [];
    }
  });
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
};

async function gone(pids: readonly number[]): Promise<number[]> {
  for (let tries = 0; tries < 100 && pids.some(isAlive); tries++) await delay(50);
  return pids.filter(isAlive);
}

interface Body {
  readonly statistics: {
    readonly total_mutations: number;
    readonly failed_mutations: number;
    readonly partial_mutations: number;
    readonly execution_time: { readonly p95: number };
    readonly mutation_breakdown: Readonly<Record<string, number>>;
    readonly error_breakdown: Readonly<Record<string, number>>;
  };
}

async function paste(command: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', command]);
  return stdout;
}

test.runIf(process.platform === 'linux')(
  'the printed commands answer with real numbers, and Ctrl-C ends everything',
  async () => {
    const redis = mayBeSkipped ? undefined : await startRedis();
    const demo = await startDemo(redis?.url);
    expect(demo.pids).toHaveLength(3);
    try {
      const commands = demo.printed.match(/^ {2}curl .+$/gm) as string[];
      expect(commands).toHaveLength(4);
      const first = JSON.parse(await paste(commands[0])) as Body;
      expect(first.statistics.total_mutations).toBeGreaterThan(0);
      let statistics = first.statistics;
      for (let tries = 0; tries < 150 && !isVaried(statistics); tries++) {
        await delay(200);
        ({ statistics } = JSON.parse(await paste(commands[0])) as Body);
      }
      expect(Object.keys(statistics.mutation_breakdown).sort()).toEqual(MUTATIONS);
      expect(statistics.total_mutations).toBeGreaterThan(first.statistics.total_mutations);
      const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
      expect(sum(statistics.mutation_breakdown)).toBe(statistics.total_mutations);
      expect(sum(statistics.error_breakdown)).toBe(statistics.failed_mutations);
      expect(statistics.partial_mutations).toBeGreaterThan(0);
      expect(statistics.execution_time.p95).toBeGreaterThan(1);
      const known = [
        'INVALID_CREDENTIALS',
        'CONFLICT',
        'UNAUTHENTICATED',
        'FileTooLarge',
        'PERMISSION_DENIED',
        'StatementTimeout',
      ];
      expect(known).toEqual(expect.arrayContaining(Object.keys(statistics.error_breakdown)));
      expect(JSON.parse(await paste(commands[1]))).toHaveProperty('performance_summary.p95_execution_time_ms');
      await expectTasks(commands[3]);
      if (redis !== undefined) expect(await keysIn(redis)).toContain('vigil-demo:tasks:meta');
      expect(await paste(commands[2])).toMatch(/^graphql_mutation_total\{mutation="InsertRecord"\} [1-9]/m);
    } finally {
      demo.process.kill('SIGINT');
    }
    expect((await once(demo.process, 'exit'))[0]).toBe(0);
    expect(await gone(demo.pids)).toEqual([]);
    await redis?.stop();
  },
  45_000,
);

/** What BullMQ and the guards have put there. */
async function keysIn({ url }: RedisServer): Promise<string[]> {
  const client = new Redis(url);
  const keys = await client.keys('vigil-demo:*');
  await client.quit();
  return keys;
}

/** Within seconds a task was asked for twice, and a lock was in somebody's hands. */
async function expectTasks(command: string): Promise<void> {
  interface Answer {
    readonly statistics: {
      readonly duplicate_hits: number;
      readonly scope_breakdown: readonly { readonly scope: string }[];
      readonly redis_metrics: { readonly lock_acquired: number; readonly lock_failed: number };
    };
  }
  let { statistics } = JSON.parse(await paste(command)) as Answer;
  for (let tries = 0; tries < 75 && statistics.redis_metrics.lock_failed === 0; tries++) {
    await delay(200);
    ({ statistics } = JSON.parse(await paste(command)) as Answer);
  }
  expect(statistics.duplicate_hits).toBeGreaterThan(0);
  expect(statistics.redis_metrics.lock_failed).toBeGreaterThan(0);
  expect(statistics.redis_metrics.lock_acquired).toBeGreaterThan(0);
  expect(statistics.scope_breakdown.map(({ scope }) => scope)).toContain('user');
}

/** Whether everything has happened that the test asks for: what people do is drawn by chance. */
function isVaried(statistics: Body['statistics']): boolean {
  const { mutation_breakdown: names, partial_mutations, failed_mutations } = statistics;
  return Object.keys(names).length === MUTATIONS.length && partial_mutations > 0 && failed_mutations > 0;
}

test.runIf(process.platform === 'linux')('when the demo itself is killed, nothing of it stays', async () => {
  const demo = await startDemo();
  demo.process.kill('SIGKILL');
  expect(await gone(demo.pids)).toEqual([]);
});

test.runIf(process.platform === 'linux')('when a part of it ends, the demo says so and ends the rest', async () => {
  const demo = await startDemo();
  // The application was started last.
  process.kill(Math.max(...demo.pids), 'SIGKILL');
  expect((await once(demo.process, 'exit'))[0]).toBe(1);
  expect(await gone(demo.pids)).toEqual([]);
});

describe('what keeps the demo from starting is told at once', () => {
  const cases: readonly [name: string, args: readonly string[], env: NodeJS.ProcessEnv, told: RegExp][] = [
    ['an unusable port', ['--port', 'abc'], {}, /^The demo ended: --port takes a whole number from 1 to 65535\n$/],
    ['an unusable time', ['--seconds', '0'], {}, /^The demo ended: --seconds takes a whole number from 1 to 86400\n$/],
    ['an unknown option', ['--hours', '1'], {}, /^The demo ended: Unknown option '--hours'/],
    [
      'a service that does not start',
      [],
      { MONITORING_RETENTION_DAYS: 'many' },
      /^The demo ended: the aggregator ended with 1\.\n[^{}]*MONITORING_RETENTION_DAYS must/,
    ],
  ];
  test.each(cases)('%s', async (_, args, env, told) => {
    const ended = await runToItsEnd(args, env);
    expect(ended).toEqual({ code: 1, stdout: '', stderr: expect.stringMatching(told) });
  });

  test('a port that is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const ended = await runToItsEnd(['--port', String(port)]);
    other.close();
    expect(ended).toEqual({ code: 1, stdout: '', stderr: expect.stringContaining(`port ${port} is taken`) });
  });
});

async function runToItsEnd(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['test/demo/main.ts', ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { code, stdout, stderr };
}
