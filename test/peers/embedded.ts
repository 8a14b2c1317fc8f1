/**
 * An aggregator inside real Express and Fastify applications, behind their body parsers: endpoints, page, sign-in form and
 * stream are there, and the application keeps its own paths. Run as `node test/peers/embedded.ts`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { KEY, temporaryDirectory } from '../support/aggregator.ts';
import { endWithUs } from '../support/end-with-us.ts';
import { installPeers } from './install.ts';

const FOLDER = join(import.meta.dirname, 'embedded');
const STARTED_WITHIN_MS = 20_000;
const SHOWN_WITHIN_MS = 10_000;

interface Application {
  readonly url: string;
  get(path: string, init?: RequestInit): Promise<Response>;
}

const checks: Readonly<Record<string, (application: Application) => Promise<void>>> = {
  async 'a mutation of the application is in the answer'({ url, get }) {
    assert.deepEqual(await (await fetch(`${url}/pay`, { method: 'POST' })).json(), { data: { pay: 1 } });
    const deadline = Date.now() + SHOWN_WITHIN_MS;
    let body = '';
    while (!/"total_mutations":1\b/.test(body)) {
      assert.ok(Date.now() < deadline, body);
      await new Promise((done) => setTimeout(done, 50));
      body = await (await get('/monitoring/graphql/mutations/?window=5')).text();
    }
    assert.match(body, /"window_minutes":5\b/);
  },
  async 'Prometheus text'({ get }) {
    assert.match(
      await (await get('/monitoring/metrics/prometheus/')).text(),
      /^graphql_mutation_total\{mutation="pay"\} 1$/m,
    );
  },
  async 'the stream sends an overview at once'({ get }) {
    const reader = (await get('/monitoring/stream/')).body!.getReader();
    let seen = '';
    while (!seen.includes('event: overview')) {
      const { value, done } = await reader.read();
      assert.ok(!done, seen);
      seen += Buffer.from(value);
    }
    await reader.cancel();
  },
  async 'the sign-in form, and the page that it leads to'({ url, get }) {
    const signIn = await fetch(`${url}/monitoring/page/sign-in`, {
      method: 'POST',
      body: new URLSearchParams({ key: KEY, to: '/monitoring/page/tasks/' }),
      redirect: 'manual',
    });
    assert.equal(signIn.headers.get('location'), '/monitoring/page/tasks/', await signIn.text());
    const Cookie = String(signIn.headers.get('set-cookie')).split(';')[0]!;
    const page = await get('/monitoring/page/tasks/', { headers: { Cookie } });
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<title>/);
  },
  async 'it refuses in its own words: no key, wrong method, unknown path'({ url, get }) {
    const path = '/monitoring/security/';
    const json = {
      method: 'POST',
      body: '{}',
      headers: { 'X-Monitoring-API-Key': KEY, 'Content-Type': 'application/json' },
    };
    const answers = await Promise.all([fetch(url + path), get(path, json), get('/monitoring/nothing/')]);
    const told = await Promise.all(
      answers.map(async (answer) => [answer.status, ((await answer.json()) as { error: { code: string } }).error.code]),
    );
    assert.deepEqual(told, [
      [403, 'INVALID_API_KEY'],
      [405, 'METHOD_NOT_ALLOWED'],
      [404, 'NOT_FOUND'],
    ]);
  },
  async 'the application keeps its own paths, and OTLP is not taken'({ url, get }) {
    assert.equal(await (await get('/')).text(), 'the shop');
    const headers = { 'X-Monitoring-API-Key': KEY, 'Content-Type': 'application/json' };
    assert.equal((await fetch(`${url}/v1/metrics`, { method: 'POST', body: '{}', headers })).status, 404);
  },
};

/** @returns how many checks failed */
async function examine(host: string): Promise<number> {
  const server = endWithUs(
    spawn(process.execPath, ['--import', './monitoring.mjs', `${host}.mjs`], {
      cwd: FOLDER,
      env: {
        ...process.env,
        MONITORING_API_KEY: KEY,
        MONITORING_DATA_DIR: temporaryDirectory(),
        MONITORING_CACHE_TTL_SECONDS: '0',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    }),
  );
  const exited = once(server, 'exit');
  const said = text(server.stderr);
  let failures = 0;
  try {
    const url = `http://127.0.0.1:${await portOf(server.stdout)}`;
    const get: Application['get'] = (path, init) =>
      fetch(url + path, init ?? { headers: { 'X-Monitoring-API-Key': KEY } });
    for (const [name, check] of Object.entries(checks)) {
      const error = await check({ url, get }).catch((reason: unknown) => reason ?? new Error(name));
      console.log(error === undefined ? `ok      ${host}: ${name}` : `FAILED  ${host}: ${name}`);
      if (error === undefined) continue;
      console.log(error);
      failures++;
    }
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
  assert.equal(await said, '', `${host} had something to say`);
  return failures;
}

async function portOf(output: NodeJS.ReadableStream): Promise<number> {
  const signal = AbortSignal.timeout(STARTED_WITHIN_MS);
  for await (const line of createInterface({ input: output, signal })) {
    const ports = /^listening (.+)/.exec(line)?.[1];
    if (ports !== undefined) return (JSON.parse(ports) as { http: number }).http;
  }
  throw new Error('the application ended, or did not listen in time');
}

await installPeers(FOLDER);
const hosts = ['express', 'fastify'];
let failed = 0;
for (const host of hosts) failed += await examine(host);
console.log(`${hosts.length * Object.keys(checks).length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
