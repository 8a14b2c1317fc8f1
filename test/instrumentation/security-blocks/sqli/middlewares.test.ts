/** Hono, Yoga and Node's own server; Express, Fastify, Koa and Apollo are asked in test/peers. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { createSchema, createYoga } from 'graphql-yoga';
import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  envelopSqlInjection,
  expressSqlInjection,
  failedSqlInjectionJudgements,
  honoSqlInjection,
  SecurityBlockInstrumentation,
  type SqlInjectionFinding,
  type SqlInjectionOptions,
} from '../../../../instrumentation/security-blocks/index.ts';
import { keepDiagnostics, type MemoryTelemetry, startMemoryTelemetry } from '../../../support/memory-telemetry.ts';

const UNION = '7 union select login, secret from members';
const BLIND = "x' or 1=1 -- ";
const REFUSAL = { error: 'Forbidden', message: 'The request was refused.' };

let telemetry: MemoryTelemetry;
beforeEach(() => {
  telemetry = startMemoryTelemetry(new SecurityBlockInstrumentation());
});
afterEach(async () => {
  diag.disable();
  await telemetry.stop();
});

/** What is told to `diag` from now on, where a test provokes it. */
function keepWhatIsSaid(): readonly string[] {
  const diagnostics = keepDiagnostics();
  diag.setLogger(diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return diagnostics.said;
}

/** What was recorded: pattern, action, surface and parameter of each span; as many points must have been counted. */
async function recorded(): Promise<string[]> {
  const spans = telemetry
    .spans()
    .map(({ attributes: a }) =>
      ['pattern', 'action', 'surface', 'parameter'].map((name) => a[`vigil.security.${name}`]).join(' '),
    );
  const points = await telemetry.points('vigil.security.blocks');
  expect(points.reduce((sum, { value }) => sum + (value as number), 0)).toBe(spans.length);
  expect(JSON.stringify([telemetry.spans().map(({ attributes }) => attributes), points])).not.toContain('members');
  return spans;
}

const json = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

describe('Hono', () => {
  function app(options: Parameters<typeof honoSqlInjection>[0]): Hono {
    return new Hono()
      .use(honoSqlInjection(options))
      .get('/*', (c) => c.text(`read ${c.req.query('q')}`))
      .post('/*', async (c) => c.text(`wrote ${await c.req.text()}`));
  }

  const form = (body: string): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body,
  });
  const attempts: readonly [where: string, path: string, init: RequestInit, record: string][] = [
    ['query', `/?a=1&q=${encodeURIComponent(UNION)}`, {}, 'union detected http query.q'],
    ['path', `/items/${encodeURIComponent(BLIND)}`, {}, 'boolean_blind detected http path.2'],
    ['cookie', '/', { headers: { cookie: `a=1; id=${encodeURIComponent(UNION)}` } }, 'union detected http cookie.id'],
    ['header', '/', { headers: { referer: UNION } }, 'union detected http header.referer'],
    ['JSON body', '/', json({ a: { b: [UNION] } }), 'union detected http body.a.b'],
    ['form', '/', form(`a=b&c=${encodeURIComponent(BLIND)}`), 'boolean_blind detected http body.c'],
    [
      'GraphQL variable',
      '/graphql',
      json({ query: '{ a }', variables: { n: UNION } }),
      'union detected graphql body.variables.n',
    ],
  ];

  it.each(attempts)('an attempt in the %s is recorded, and passes', async (_, path, init, record) => {
    const response = await app({ headers: ['Referer'] }).request(path, init);
    expect(response.status).toBe(200);
    if (init.method === 'POST') expect(await response.text()).toBe(`wrote ${init.body}`);
    // Without Node's server there is no request whose path would tell the surface.
    expect(await recorded()).toEqual([record.replace(' graphql ', ' http ')]);
  });

  it.each(attempts)('with block an attempt in the %s is refused', async (_, path, init, record) => {
    const response = await app({ headers: ['Referer'], block: true }).request(path, init);
    expect(response.status).toBe(403);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(await response.json()).toEqual(REFUSAL);
    expect(await recorded()).toEqual([record.replace('detected', 'blocked').replace(' graphql ', ' http ')]);
  });

  const harmless: readonly [path: string, init: RequestInit][] = [
    ["/?q=Conan+O'Brien&r=select+one+or+more", {}],
    ['/', { headers: { referer: UNION, cookie: `session=${encodeURIComponent(UNION)}` } }],
    ['/', json({ password: BLIND, text: "It's 5 o'clock -- or 6" })],
    ['/', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"broken' }],
    ['/', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: UNION }],
    ['/', { method: 'POST', headers: { 'content-type': 'application/json' } }],
  ];
  it.each(harmless)('what is no attempt, and what is not looked at, passes: %s %j', async (path, init) => {
    expect((await app({ block: true }).request(path, init)).status).toBe(200);
    expect(await recorded()).toEqual([]);
  });

  it('a body that says it is too long is left to the handler', async () => {
    const init = json({ a: UNION }, { 'content-length': '65' });
    expect((await app({ block: true, maxBodyBytes: 64 }).request('/', init)).status).toBe(200);
    expect((await app({ block: true, maxBodyBytes: 65 }).request('/', init)).status).toBe(403);
  });

  it('only what is sure enough counts where a score is asked for', async () => {
    const path = `/?q=${encodeURIComponent('1 and 1=1')}`;
    expect((await app({ block: true }).request(path)).status).toBe(403);
    expect((await app({ block: true, minScore: 9 }).request(path)).status).toBe(200);
  });

  it('the application is told, without the value, and what it throws harms nothing', async () => {
    const said = keepWhatIsSaid();
    const found: SqlInjectionFinding[] = [];
    const onAttempt = (finding: SqlInjectionFinding): void => {
      found.push(finding);
      throw new Error('from the application');
    };
    const response = await app({ block: true, onAttempt }).request(`/?q=${encodeURIComponent(UNION)}`);
    expect(response.status).toBe(403);
    expect(found).toEqual([{ class: 'union', classes: ['union'], score: 6, place: 'query', parameter: 'q' }]);
    expect(said.join()).toMatch(/onAttempt threw.*from the application/);
  });
});

describe('(request, response, next)', () => {
  /** Asks Node's own server, behind the middleware. */
  async function ask(options: SqlInjectionOptions, path: string, prepare: (request: object) => void = () => {}) {
    const middleware = expressSqlInjection(options);
    const listener: RequestListener = (request, response) => {
      prepare(request);
      middleware(request, response, () => void response.end('passed'));
    };
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
      return { status: response.status, body: await response.text() };
    } finally {
      server.close();
    }
  }

  it('knows the address as it came, where a router has rewritten it', async () => {
    const rewrite = (request: object) => Object.assign(request, { originalUrl: `/api?q=${UNION}`, url: '/' });
    expect(await ask({ block: true }, '/', rewrite)).toEqual({ status: 403, body: JSON.stringify(REFUSAL) });
  });

  it('knows the surface by the path, and the client', async () => {
    await ask({}, `/graphql?q=${encodeURIComponent(UNION)}`);
    expect(await recorded()).toEqual(['union detected graphql query.q']);
    expect(telemetry.spans()[0]!.attributes['client.address']).toBe('127.0.0.1');
  });

  it('lets pass what cannot be judged, counts that, and does not tell what it held', async () => {
    const said = keepWhatIsSaid();
    const before = failedSqlInjectionJudgements();
    const fail = (request: object) =>
      Object.defineProperty(request, 'body', {
        get() {
          throw new TypeError(UNION);
        },
      });
    for (let i = 0; i < 4; i++) expect((await ask({ block: true }, '/', fail)).status).toBe(200);
    expect(failedSqlInjectionJudgements() - before).toBe(4);
    expect(said.length).toBeGreaterThan(1);
    expect(said.join()).not.toContain('union');
    expect(await recorded()).toEqual([]);
  });
});

describe('Yoga', () => {
  let executed: number;
  function yoga(options: SqlInjectionOptions) {
    executed = 0;
    const count = () => ++executed;
    return createYoga({
      logging: false,
      schema: createSchema({
        typeDefs:
          'type Query { user(name: String, where: Where): Int } input Where { city: String } type Mutation { add(name: String): Int }',
        resolvers: { Query: { user: count }, Mutation: { add: count } },
      }),
      plugins: [envelopSqlInjection(options)],
    });
  }
  const operations: readonly [query: string, variables: object, record: string][] = [
    ['query($n: String) { user(name: $n) }', { n: UNION }, 'union detected graphql variable.n'],
    ['query($w: Where) { user(where: $w) }', { w: { city: BLIND } }, 'boolean_blind detected graphql variable.w.city'],
    [`{ user(where: { city: "${BLIND}" }) }`, {}, 'boolean_blind detected graphql literal.where.city'],
    [`mutation { add(name: "${UNION}") }`, {}, 'union detected graphql literal.name'],
  ];

  it.each(operations)('an attempt is recorded, and executes: %s', async (query, variables, record) => {
    const response = await yoga({}).fetch('http://localhost/graphql', json({ query, variables }));
    expect(response.status).toBe(200);
    expect(executed).toBe(1);
    expect(await recorded()).toEqual([record]);
  });

  it.each(operations)('with block nothing executes: %s', async (query, variables, record) => {
    const response = await yoga({ block: true }).fetch('http://localhost/graphql', json({ query, variables }));
    expect(await response.json()).toEqual({
      errors: [{ message: 'The request was refused.', extensions: { code: 'FORBIDDEN' } }],
    });
    expect(response.status).toBe(403);
    expect(executed).toBe(0);
    expect(await recorded()).toEqual([record.replace('detected', 'blocked')]);
  });

  it('what is no attempt executes', async () => {
    const query = `{ user(name: "O'Brien -- select one or more") }`;
    const response = await yoga({ block: true }).fetch('http://localhost/graphql', json({ query }));
    expect(await response.json()).toEqual({ data: { user: 1 } });
    expect(await recorded()).toEqual([]);
  });
});
