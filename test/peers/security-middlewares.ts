/**
 * The middlewares against SQL injection in the frameworks they are for, from the packages as users get them: every attempt
 * is recorded once, with its class, place and parameter, and passes or is refused; what is none passes. Run as
 * `node test/peers/security-middlewares.ts`.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { copySources, env, packAll, ROOT, run } from './packing.ts';

const STARTED_WITHIN_MS = 20_000;
const UNION = '7 union select login, secret from members';
const BLIND = "x' or 1=1 -- ";

interface Probe {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: object;
  /** Pattern, surface and parameter; undefined where it is no attempt. */
  readonly recorded?: string;
}

const httpProbes: readonly Probe[] = [
  { path: `/api/a?q=${encodeURIComponent(UNION)}`, recorded: 'union http query.q' },
  { path: `/api/${encodeURIComponent(BLIND)}`, recorded: 'boolean_blind http path.2' },
  { path: '/api/a', headers: { cookie: `a=1; id=${encodeURIComponent(UNION)}` }, recorded: 'union http cookie.id' },
  { path: '/api/a', body: { user: { names: ['Ann', BLIND] } }, recorded: 'boolean_blind http body.user.names' },
  {
    path: '/api/graphql',
    body: { query: '{ a }', variables: { n: UNION } },
    recorded: 'union graphql body.variables.n',
  },
  { path: "/api/a?q=Conan+O'Brien&r=select+one+or+more" },
  { path: '/api/a', body: { password: BLIND, text: "It's 5 o'clock -- or 6" } },
];

const graphqlProbes: readonly Probe[] = [
  {
    path: '/graphql',
    body: { query: 'query($n: String) { user(name: $n) }', variables: { n: UNION } },
    recorded: 'union graphql variable.n',
  },
  {
    path: '/graphql',
    body: { query: `{ user(where: { city: "${BLIND}" }) }` },
    recorded: 'boolean_blind graphql literal.where.city',
  },
  {
    path: '/graphql',
    body: { query: `mutation { add(name: "${UNION}") }` },
    recorded: 'union graphql literal.name',
  },
  { path: '/graphql', body: { query: `{ user(name: "O'Brien -- select one or more") }` } },
];

const isGraphql = (server: string): boolean => /^(?:yoga|apollo)/.test(server);
const refuses = (server: string): boolean => server.endsWith(', block');
const probesOf = (server: string): readonly Probe[] => (isGraphql(server) ? graphqlProbes : httpProbes);

async function ask(server: string, port: number, probe: Probe): Promise<void> {
  const { path, headers, body, recorded } = probe;
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const answer = await response.text();
  const what = `${server}: ${path} ${JSON.stringify(body)} gave ${response.status} ${answer}`;
  const refused = refuses(server) && recorded !== undefined;
  assert.equal(response.status, refused ? 403 : 200, what);
  if (refused && isGraphql(server))
    assert.deepEqual(withoutNothing(JSON.parse(answer)), {
      errors: [{ message: 'The request was refused.', extensions: { code: 'FORBIDDEN' } }],
    });
  else if (refused)
    assert.deepEqual(JSON.parse(answer), { error: 'Forbidden', message: 'The request was refused.' }, what);
  else if (isGraphql(server)) assert.match(answer, /^\{"data":\{"(?:user|add)":1\}\}/, what);
  else if (body !== undefined) assert.deepEqual(JSON.parse(answer), { body }, what);
}

/** Apollo tells `data: null` beside errors only where something executed. */
function withoutNothing(answer: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(answer).filter(([, value]) => value !== null));
}

async function portsOf(server: ChildProcess): Promise<Record<string, number>> {
  const timeout = AbortSignal.timeout(STARTED_WITHIN_MS);
  for await (const line of createInterface({ input: server.stdout!, signal: timeout })) {
    const ports = /^listening (.+)/.exec(line)?.[1];
    if (ports !== undefined) return JSON.parse(ports) as Record<string, number>;
  }
  throw new Error(timeout.aborted ? 'the servers did not listen in time' : 'the servers ended');
}

async function asksAll(project: string, file: string): Promise<void> {
  const capture = await startOtlpCapture();
  const server = spawn(process.execPath, ['--import', '@vigil/otel-config/register', file], {
    cwd: project,
    env: {
      PATH: env.PATH,
      NODE_ENV: 'production',
      OTEL_LOG_LEVEL: 'WARN',
      OTEL_SERVICE_NAME: file,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_TRACES_SAMPLER: 'always_off',
      VIGIL_SECURITY_SPANS_PER_SECOND: '1000',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(server, 'exit');
  const said = text(server.stderr!);
  const expected: string[] = [];
  try {
    const ports = await portsOf(server);
    assert.equal(Object.keys(ports).length, 12);
    for (const [name, port] of Object.entries(ports))
      for (const probe of probesOf(name)) {
        await ask(name, port, probe);
        if (probe.recorded !== undefined) expected.push(`${refuses(name) ? 'blocked' : 'detected'} ${probe.recorded}`);
      }
  } finally {
    server.kill('SIGTERM');
    await exited;
    await capture.close();
  }
  assert.equal(await said, '');
  compare(file, capture, expected);
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

function compare(service: string, capture: OtlpCapture, expected: readonly string[]): void {
  const spans = capture.requests
    .filter(({ path }) => path.endsWith('/v1/traces'))
    .flatMap(({ body }) => (body as SpanBody).resourceSpans ?? [])
    .flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
    .filter(({ name }) => name === 'security.block sqli')
    .map(({ attributes }) => {
      const of = Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
      return ['action', 'pattern', 'surface', 'parameter'].map((key) => of[`vigil.security.${key}`]).join(' ');
    });
  assert.deepEqual(spans.toSorted(), expected.toSorted());
  const counted = capture.lastPoints(service, 'vigil.security.blocks').reduce((sum, { value }) => sum + value, 0);
  assert.equal(counted, expected.length, 'vigil.security.blocks');
  assert.doesNotMatch(JSON.stringify(capture.requests), /members|or 1=1/, 'a value was told');
}

async function compiles(project: string): Promise<void> {
  const flags = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--types',
    'node',
  ];
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, 'types.mts'], { cwd: project });
}

const checks: Readonly<Record<string, (project: string) => Promise<void>>> = {
  'six frameworks, ESM': (project) => asksAll(project, 'server.mjs'),
  'six frameworks, CommonJS': (project) => asksAll(project, 'server.cjs'),
  "the frameworks' own types": compiles,
};

const folder = await mkdtemp(join(tmpdir(), 'vigil-middlewares-'));
let failed = 0;
try {
  const sources = join(folder, 'sources');
  const project = join(folder, 'project');
  await copySources(sources);
  const tarballs = await packAll(sources, join(folder, 'tarballs'));
  const filter = (source: string) => basename(source) !== 'node_modules';
  await cp(join(import.meta.dirname, 'security-middlewares'), project, { recursive: true, filter });
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  await run('npm', ['ci', ...flags], { cwd: project, env });
  await run('npm', ['install', '--no-save', ...flags, ...tarballs], { cwd: project, env });
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check(project);
      console.log(`ok      ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}`);
      console.log(error);
    }
  }
} finally {
  await rm(folder, { recursive: true });
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
