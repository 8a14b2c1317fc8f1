/**
 * What the documents tell a user to type, typed: the service from a checkout, an application beside it, the questions,
 * the doctor. Only the port is another, since 8000 may be taken. Run as `node test/peers/documents.ts`.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { typed } from '../documents/blocks.ts';
import { freePort } from '../support/aggregator.ts';
import { readBlocks } from '../support/documents.ts';
import { endWithUs } from '../support/end-with-us.ts';
import { copySources, env, run } from './packing.ts';

const ARRIVAL_MS = 30_000;
const APPLICATION = `
import { buildSchema, graphql } from 'graphql';
const schema = buildSchema('type Query { a: Int } type Mutation { createJob: Int }');
await graphql({ schema, source: 'mutation { createJob }', rootValue: { createJob: () => 1 } });
`;

const MONITORING = "aggregator/README.md: import { createAggregator } from '@vigil/aggregator';";
/** A second start finds what the first one has kept. */
const ASK = `
import { readFileSync } from 'node:fs';
import { aggregator } from './monitoring.js';
const key = readFileSync(aggregator.keyFile, 'utf8').trim();
const answer = await aggregator.app.request('/monitoring/graphql/mutations/', { headers: { 'X-Monitoring-API-Key': key } });
console.log(await answer.text());
`;

const folder = await mkdtemp(join(tmpdir(), 'vigil-documents-'));
const checkout = join(folder, 'checkout');
const application = join(folder, 'shop');
const port = await freePort();
/** Telemetry settings of whoever runs this are not the documents'. */
const inherited = Object.entries(env).filter(
  ([name]) => !/^(?:OTEL|MONITORING|VIGIL|HOST|npm_package)(?:_|$)/.test(name),
);
const environment = {
  ...Object.fromEntries(inherited),
  XDG_STATE_HOME: join(folder, 'state'),
  VIGIL: checkout,
  PORT: String(port),
  npm_config_audit: 'false',
  npm_config_fund: 'false',
};

const texts = new Map(readBlocks().map(({ key, text }) => [key, text]));

/** Types a block, with this run's port. */
async function type(key: string, cwd: string): Promise<string> {
  const text = texts.get(key);
  assert.ok(text !== undefined, `no document has the block "${key}"`);
  const { stdout, stderr } = await run('bash', ['-ec', text.replaceAll(':8000', `:${port}`)], {
    cwd,
    env: environment,
  });
  return stdout + stderr;
}

async function start(key: string): Promise<() => Promise<void>> {
  const service = endWithUs(
    spawn('bash', ['-ec', `exec ${texts.get(key)}`], { cwd: checkout, env: environment, stdio: 'ignore' }),
  );
  for (const latest = Date.now() + ARRIVAL_MS; ; ) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok) break;
    assert.ok(Date.now() < latest && service.exitCode === null, 'the service did not start');
    await new Promise((done) => setTimeout(done, 50));
  }
  return async () => {
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    await ended;
  };
}

async function story(): Promise<void> {
  const [firstStart, install, ask, start2, askInCheckout, send, doctor, embed] = typed;
  await copySources(checkout);
  await mkdir(application);
  await writeFile(join(application, 'package.json'), '{ "name": "shop", "version": "1.0.0", "type": "module" }');
  await writeFile(join(application, 'app.js'), APPLICATION);
  await run('npm', ['install', '--silent', 'graphql@16.15.0'], { cwd: application, env: environment });
  let stop = await start(firstStart);
  try {
    const said = await type(install, application);
    assert.match(said, /vigil: telemetry goes to the aggregator on this machine/);
    console.log(`ok      ${install}`);
    assert.match(await type(ask, application), /"createJob":1\b.*"duplicate_rate"/s);
    console.log(`ok      ${ask}`);
    await stop();
    stop = await start(start2);
    assert.match(await type(askInCheckout, checkout), /"createJob":1\b/);
    console.log(`ok      ${askInCheckout}`);
    // From the checkout's folder, where the key lies: the application is there, too.
    await symlink(join(application, 'app.js'), join(checkout, 'app.js'));
    await type(send, checkout);
    assert.match(await type(askInCheckout, checkout), /"createJob":2\b/);
    console.log(`ok      ${send}`);
    assert.match(await type(doctor, application), /export\.arrives/);
    console.log(`ok      ${doctor}`);
  } finally {
    await stop();
  }
  await embedding(embed);
}

/** An application that holds the aggregator: `monitoring.js` as the document has it. */
async function embedding(key: string): Promise<void> {
  const holder = join(folder, 'holder');
  await mkdir(holder);
  await writeFile(join(holder, 'package.json'), '{ "name": "holder", "version": "1.0.0", "type": "module" }');
  await writeFile(join(holder, 'monitoring.js'), texts.get(MONITORING) ?? assert.fail(MONITORING));
  await writeFile(join(holder, 'app.js'), APPLICATION);
  await run('npm', ['install', '--silent', 'graphql@16.15.0'], { cwd: holder, env: environment });
  await type(key, holder);
  await writeFile(join(holder, 'ask.js'), ASK);
  const { stdout } = await run(process.execPath, ['--import', './monitoring.js', 'ask.js'], {
    cwd: holder,
    env: environment,
  });
  assert.match(stdout, /"createJob":1\b/);
  console.log(`ok      ${key}`);
}

let failed = 0;
try {
  await story();
} catch (error) {
  failed++;
  console.log(`FAILED  ${error instanceof Error ? error.stack : error}`);
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
console.log(`${failed === 0 ? typed.length : 0} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
