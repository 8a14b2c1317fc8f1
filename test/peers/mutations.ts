/**
 * Real servers, real requests, exact numbers: every server runs under `node --import` of the registration and gets the
 * same mutations over HTTP; what it exports goes through a capturing receiver into the aggregator, which must answer
 * exactly what was done. Run as `node test/peers/mutations.ts [part of a name]`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { type CapturedRequest, type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { installPeers } from './install.ts';
import { countBy, outcomes, send, traffic } from './traffic.ts';

const REGISTRATION = pathToFileURL(join(import.meta.dirname, '../../otel-config/register.ts')).href;
const STARTED_WITHIN_MS = 20_000;
/** As in shop.cjs. A timer may fire a little early. */
const SLOW_SECONDS = 0.12 * 0.98;

interface Case {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  readonly env?: Readonly<Record<string, string>>;
}

const cases: readonly Case[] = [
  ...bothModules('graphql 17', 'graphql17-yoga5', 'plain'),
  ...bothModules('graphql-yoga 5 on graphql 17', 'graphql17-yoga5', 'yoga'),
  ...bothModules('Apollo Server 5 on graphql 16', 'graphql16-apollo5', 'server'),
  ...bothModules('graphql-http on graphql 16', 'graphql-http', 'server'),
  ...bothModules('Mercurius on graphql 16', 'mercurius', 'server', { JIT: '0' }),
  ...bothModules('Mercurius with JIT on graphql 16', 'mercurius', 'server', { JIT: '1' }),
  ...bothModules('NestJS with Apollo on graphql 16', 'nestjs', 'server'),
];

function bothModules(name: string, folder: string, file: string, env: Case['env'] = {}): Case[] {
  return [
    { name: `${name}, ESM`, folder, file: `${file}.mjs`, env },
    { name: `${name}, CommonJS`, folder, file: `${file}.cjs`, env },
  ];
}

/** Starts a server, sends it the traffic, ends it, and compares what arrived. */
async function runCase(one: Case, capture: OtlpCapture, aggregator: RunningAggregator): Promise<void> {
  const server = spawn(process.execPath, ['--import', REGISTRATION, one.file], {
    cwd: join(import.meta.dirname, one.folder),
    env: {
      ...process.env,
      ...one.env,
      NODE_ENV: 'production',
      OTEL_LOG_LEVEL: 'WARN',
      OTEL_SERVICE_NAME: one.name,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${KEY}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  const said = text(server.stderr!);
  try {
    await send(await addressOf(server));
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
  // Warnings and errors of the SDK and of ours come there.
  assert.equal(await said, '');
  compareCaptured(one.name, capture);
  await compareAnswer(one.name, aggregator);
}

/** What a server says when it listens. */
async function addressOf(server: ChildProcess): Promise<string> {
  const timeout = AbortSignal.timeout(STARTED_WITHIN_MS);
  const lines = createInterface({ input: server.stdout!, signal: timeout });
  for await (const line of lines) {
    const url = /^listening (\S+)/.exec(line)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(timeout.aborted ? 'the server did not listen in time' : 'the server ended');
}

function compareCaptured(service: string, capture: OtlpCapture): void {
  const durations = capture.lastPoints(service, 'vigil.mutation.duration');
  const seen = durations.map(({ attributes: a, count }) => [
    [a['vigil.mutation.name'], a['vigil.mutation.outcome'], a['error.type'] ?? ''].join(' '),
    count,
  ]);
  const expected = countBy(outcomes, ([name, outcome, errorType = '']) => `${name} ${outcome} ${errorType}`);
  assert.deepEqual(Object.fromEntries(seen), expected);
  const slow = durations.find(({ attributes }) => attributes['vigil.mutation.name'] === 'slow')!;
  assert.ok(slow.sum / slow.count >= SLOW_SECONDS, `slow took ${slow.sum / slow.count} s`);

  const requests = capture
    .lastPoints(service, 'vigil.graphql.requests')
    .map(({ attributes: a, value }) => [`${a['graphql.operation.type']} ${a['vigil.graphql.outcome']}`, value]);
  const sent = traffic.flatMap(({ times, request }) => Array<string>(times).fill(request));
  assert.deepEqual(
    Object.fromEntries(requests),
    countBy(sent, (request) => request),
  );
  assert.equal(mutationSpans(service, capture), outcomes.length, 'spans');
}

interface TracesBody {
  readonly resourceSpans?: {
    readonly resource: { readonly attributes: { readonly key: string; readonly value: { stringValue?: string } }[] };
    readonly scopeSpans: { readonly spans: { readonly name: string }[] }[];
  }[];
}

function mutationSpans(service: string, { requests }: OtlpCapture): number {
  return requests
    .filter(({ path }) => path.endsWith('/v1/traces'))
    .flatMap(({ body }) => (body as TracesBody).resourceSpans ?? [])
    .filter(({ resource }) => resource.attributes.some(({ value }) => value.stringValue === service))
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
    .filter(({ name }) => name.startsWith('mutation ')).length;
}

interface MutationsBody {
  readonly statistics: Readonly<Record<string, unknown>>;
}

async function compareAnswer(service: string, aggregator: RunningAggregator): Promise<void> {
  const path = `/monitoring/graphql/mutations/?service=${encodeURIComponent(service)}`;
  const { statistics } = await aggregator.json<MutationsBody>(path);
  const failures = outcomes.filter(([, outcome]) => outcome === 'failure');
  const expected = {
    total_mutations: outcomes.length,
    successful_mutations: outcomes.length - failures.length,
    failed_mutations: failures.length,
    partial_mutations: outcomes.filter(([, outcome]) => outcome === 'partial').length,
    mutation_breakdown: countBy(outcomes, ([name]) => name),
    error_breakdown: countBy(failures, ([, , errorType]) => errorType),
  };
  for (const [field, value] of Object.entries(expected)) assert.deepEqual(statistics[field], value, field);
}

/** Hands an export on as it came, and is content only when the aggregator is. */
async function forward({ path, headers, raw }: CapturedRequest, aggregator: RunningAggregator): Promise<void> {
  const kept = Object.fromEntries(
    ['content-type', 'content-encoding'].flatMap((name) => (headers[name] ? [[name, String(headers[name])]] : [])),
  );
  const answer = await aggregator.post(path, raw, kept);
  if (!answer.ok) throw new Error(`the aggregator answered ${answer.status}: ${await answer.text()}`);
}

async function main(part: string): Promise<void> {
  const chosen = cases.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
  for (const folder of new Set(chosen.map((one) => one.folder))) await installPeers(join(import.meta.dirname, folder));
  const aggregator = await startAggregator();
  const capture = await startOtlpCapture({ onRequest: (request) => forward(request, aggregator) });
  let failed = 0;
  try {
    for (const one of chosen) {
      const startMs = performance.now();
      const error: unknown = await runCase(one, capture, aggregator).then(
        () => undefined,
        (reason) => reason,
      );
      if (error !== undefined) failed++;
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      console.log(`${error === undefined ? 'ok    ' : 'FAILED'} ${one.name} (${seconds} s)`);
      if (error !== undefined) console.log(error);
    }
  } finally {
    await capture.close();
    await aggregator.stop();
    rmSync(aggregator.directory, { recursive: true, force: true });
  }
  console.log(`${chosen.length - failed} passed, ${failed} failed`);
  if (failed > 0 || chosen.length === 0) process.exitCode = 1;
}

await main(process.argv[2] ?? '');
