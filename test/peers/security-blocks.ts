/**
 * Libraries that refuse, real refusals over HTTP, exact numbers: every server is asked the same twice, once bare and once
 * under `node --import` of the registration. Each refusal is recorded once, with its category, surface and client; what
 * passes is not; and both times the answers are the same, byte for byte. Run as
 * `node test/peers/security-blocks.ts [part of a name]`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { installPeers } from './install.ts';
import { type ProbeRequest, probes } from './security-probes.ts';

const REGISTRATION = pathToFileURL(join(import.meta.dirname, '../../otel-config/register.ts')).href;
const STARTED_WITHIN_MS = 20_000;
const ANSWERED_WITHIN_MS = 10_000;

interface Case {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
}

/** Aikido's firewall hooks only what is loaded with `require`. */
const COMMONJS_ONLY = ['security-aikido'];

const cases: readonly Case[] = Object.keys(probes).flatMap((folder) => [
  ...(COMMONJS_ONLY.includes(folder) ? [] : [{ name: `${folder}, ESM`, folder, file: 'server.mjs' }]),
  { name: `${folder}, CommonJS`, folder, file: 'server.cjs' },
]);

const clientOf = (index: number): string => `203.0.113.${index + 1}`;

/** Starts a server, sends it all probes, ends it. */
async function ask({ folder, file }: Case, env: NodeJS.ProcessEnv, args: readonly string[]): Promise<string[]> {
  const server = spawn(process.execPath, [...args, file], {
    cwd: join(import.meta.dirname, folder),
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  const said = text(server.stderr!);
  const answers: string[] = [];
  try {
    const ports = await portsOf(server);
    for (const [index, { requests }] of probes[folder].entries())
      for (const request of requests) answers.push(await exchange(ports, request, clientOf(index)));
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
  // Warnings and errors of the SDK and of ours come there; the libraries' own words do not matter.
  assert.doesNotMatch(await said, /@vigil|vigil:|@opentelemetry/);
  return answers;
}

async function portsOf(server: ChildProcess): Promise<Record<string, number>> {
  const timeout = AbortSignal.timeout(STARTED_WITHIN_MS);
  for await (const line of createInterface({ input: server.stdout!, signal: timeout })) {
    const ports = /^listening (.+)/.exec(line)?.[1];
    if (ports !== undefined) return JSON.parse(ports);
  }
  throw new Error(timeout.aborted ? 'the server did not listen in time' : 'the server ended');
}

/** One request on a connection of its own. @returns the answer as it came over the wire, but for what time and chance make */
async function exchange(ports: Record<string, number>, request: ProbeRequest, client: string): Promise<string> {
  const { path, method = 'GET', headers = {}, body = '' } = request;
  const [server, ...rest] = path.split('/');
  const socket = connect(ports[server], '127.0.0.1').setTimeout(ANSWERED_WITHIN_MS);
  socket.once('timeout', () => socket.destroy(new Error(`${method} ${path} was not answered`)));
  const lines = [
    `${method} /${rest.join('/')} HTTP/1.1`,
    'host: 127.0.0.1',
    'connection: close',
    // Whatever a client writes before the trusted hop adds what it sees.
    `x-forwarded-for: 198.51.100.66, ${client}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`);
  return steady(await text(socket));
}

/** Times, secrets made by chance, and ports. */
function steady(answer: string): string {
  return answer
    .replace(/^(date|set-cookie|(?:x-)?ratelimit(?:-reset)?|retry-after): .*$/gim, '$1: …')
    .replace(/in \d+ (second|minute)s?/g, 'in a while');
}

interface SpanBody {
  readonly resourceSpans?: {
    readonly scopeSpans: {
      readonly spans: {
        readonly name: string;
        readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
      }[];
    }[];
  }[];
}

/** What was recorded of each client, from the spans. */
function recordedByClient({ requests }: OtlpCapture): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const spans = requests
    .filter(({ path }) => path.endsWith('/v1/traces'))
    .flatMap(({ body }) => (body as SpanBody).resourceSpans ?? [])
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
    .filter(({ name }) => name.startsWith('security.block '));
  for (const { attributes } of spans) {
    const of = Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
    const block = ['category', 'pattern', 'action', 'surface'].map((key) => of[`vigil.security.${key}`]).join(' ');
    found.set(of['client.address'] ?? '', [...(found.get(of['client.address'] ?? '') ?? []), block]);
  }
  return found;
}

async function runCase(one: Case): Promise<void> {
  const capture = await startOtlpCapture();
  try {
    const env = {
      OTEL_LOG_LEVEL: 'WARN',
      OTEL_SERVICE_NAME: one.name,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      // All spans but those of blocks are left out.
      OTEL_TRACES_SAMPLER: 'always_off',
      VIGIL_TRUSTED_HOPS: '1',
    };
    const bare = await ask(one, {}, []);
    const observed = await ask(one, env, ['--import', REGISTRATION]);
    assert.deepEqual(observed, bare, 'the answers');
    compare(one, capture);
  } finally {
    await capture.close();
  }
}

function compare({ name, folder }: Case, capture: OtlpCapture): void {
  const all = probes[folder];
  const byClient = recordedByClient(capture);
  const recorded = all.map((probe, index) => [probe.name, byClient.get(clientOf(index)) ?? []]);
  assert.deepEqual(
    recorded,
    all.map((probe) => [probe.name, [...probe.recorded]]),
    'recorded',
  );
  const total = all.reduce((sum, probe) => sum + probe.recorded.length, 0);
  const counted = capture.lastPoints(name, 'vigil.security.blocks').reduce((sum, { value }) => sum + value, 0);
  assert.equal(counted, total, 'vigil.security.blocks');
  const blocked = capture
    .lastPoints(name, 'vigil.graphql.requests')
    .filter(({ attributes }) => attributes['vigil.graphql.outcome'] === 'blocked')
    .reduce((sum, { value }) => sum + value, 0);
  const expected = all.reduce((sum, { blockedGraphql = 0 }) => sum + blockedGraphql, 0);
  assert.equal(blocked, expected, 'vigil.graphql.requests, blocked');
}

async function main(part: string): Promise<void> {
  const chosen = cases.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  for (const folder of new Set(chosen.map((one) => one.folder))) await installPeers(join(import.meta.dirname, folder));
  let failed = 0;
  for (const one of chosen) {
    const startMs = performance.now();
    const error: unknown = await runCase(one).then(
      () => undefined,
      (reason) => reason,
    );
    if (error !== undefined) failed++;
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(
      `${error === undefined ? 'ok    ' : 'FAILED'} ${one.name} (${probes[one.folder].length} probes, ${seconds} s)`,
    );
    if (error !== undefined) console.log(error);
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  if (failed > 0 || chosen.length === 0) process.exitCode = 1;
}

await main(process.argv[2] ?? '');
