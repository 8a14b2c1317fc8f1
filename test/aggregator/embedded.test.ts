/** What an aggregator in an application's process owes to the application around it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { serve } from '@hono/node-server';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { createAggregator, type EmbeddedAggregator } from '@vigil/aggregator';
import { type Context, Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KEY, temporaryDirectory } from '../support/aggregator.ts';

let aggregator: EmbeddedAggregator;
beforeEach(() => {
  aggregator = createAggregator({
    dataDirectory: temporaryDirectory(),
    apiKeys: [KEY],
    cacheTtlSeconds: 0,
    alertIntervalSeconds: 1,
    logLevel: 'error',
  });
});
afterEach(() => aggregator.close());

const withKey = { headers: { 'X-Monitoring-API-Key': KEY } };
const SIGN_IN = '/monitoring/page/sign-in';
const body = new URLSearchParams({ key: KEY, to: '/monitoring/page/tasks/' });
const form = (): RequestInit => ({ method: 'POST', body });
/** A browser says how long it is; a request that never leaves the process does not by itself. */
const formInMemory = () => ({ ...form(), headers: { 'Content-Length': String(String(body).length) } });

test('once it is closed it answers nothing from memory', async () => {
  const app = new Hono().route('/monitoring', aggregator.app);
  const paths = ['/monitoring/overview/', '/monitoring/metrics/prometheus/', '/monitoring/page/'];
  for (const path of paths) expect((await app.request(path, withKey)).status).not.toBe(503);
  await aggregator.close();
  for (const path of paths) {
    const answer = await app.request(path, withKey);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await answer.json()).toMatchObject({ error: { code: 'UNAVAILABLE', message: 'The aggregator is closed.' } });
  }
});

test('an alert’s link leads to a page', async () => {
  const app = new Hono().route('/monitoring', aggregator.app);
  const provider = new MeterProvider({ readers: aggregator.sdk.metricReaders });
  const duration = provider.getMeter('test').createHistogram('vigil.mutation.duration', { unit: 's' });
  const failed = { 'vigil.mutation.name': 'createJob', 'vigil.mutation.outcome': 'failure', 'error.type': 'X' };
  for (let i = 0; i < 100; i++) duration.record(0.1, failed);
  await provider.forceFlush();
  interface Overview {
    readonly alerts: readonly { readonly link: string }[];
  }
  const alerts = async () => {
    const answer = await app.request('/monitoring/overview/', withKey);
    return ((await answer.json()) as Overview).alerts;
  };
  await expect.poll(alerts, { timeout: 30_000 }).not.toEqual([]);
  for (const { link } of await alerts()) {
    expect(link).toMatch(/^\/monitoring\/page\//);
    const cookie = (await app.request(SIGN_IN, formInMemory())).headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await app.request(link, { headers: { Cookie: cookie } })).status).toBe(200);
  }
  await provider.shutdown();
});

test('the cookie is for TLS alone where the application speaks it', async () => {
  const app = new Hono().route('/monitoring', aggregator.app);
  const cookieAt = async (origin: string) =>
    (await app.request(origin + SIGN_IN, formInMemory())).headers.get('set-cookie');
  expect(await cookieAt('https://shop.example')).toMatch(/; Secure/);
  expect(await cookieAt('http://shop.example')).not.toMatch(/; Secure/);
});

describe('the sign-in form, read before by', () => {
  const readers: Readonly<Record<string, (c: Context) => unknown>> = {
    nobody: () => undefined,
    'parseBody of Hono': (c) => c.req.parseBody(),
    'text of Hono': (c) => c.req.text(),
  };
  test.each(Object.keys(readers))('%s', async (name) => {
    const app = new Hono();
    app.use(async (c, next) => {
      await readers[name](c);
      await next();
    });
    app.route('/monitoring', aggregator.app);
    const answer = await app.request(SIGN_IN, formInMemory());
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/monitoring/page/tasks/']);
  });

  // As express.text, express.raw and express.urlencoded leave it.
  const bodies: Readonly<Record<string, (sent: string) => unknown>> = {
    'a parser of text': (sent) => sent,
    'a parser of bytes': (sent) => Buffer.from(sent),
    'a parser of fields': (sent) => Object.fromEntries(new URLSearchParams(sent)),
  };
  test.each(Object.keys(bodies))('%s', async (name) => {
    const server = createServer(async (request: IncomingMessage & { body?: unknown }, response) => {
      request.body = bodies[name](await text(request));
      aggregator.handler(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const answer = await fetch(url + SIGN_IN, { ...form(), redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/monitoring/page/tasks/']);
    server.closeAllConnections();
    server.close();
  });
});

test('a server that has taken its own path off the address, or put something before it', async () => {
  const server = createServer((request, response) => {
    request.url = request.url?.replace(/^\/api(?:\/monitoring)?/, '');
    aggregator.handler(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const path of ['/monitoring/page/healthz', '/api/monitoring/page/healthz'])
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200]);
  server.closeAllConnections();
  server.close();
});

describe('an open page does not hold the close of the server', () => {
  const servers: Readonly<Record<string, () => Server>> = {
    'node:http': () => createServer(aggregator.handler),
    Hono: () => serve({ fetch: new Hono().route('/monitoring', aggregator.app).fetch, port: 0 }) as Server,
  };
  test.each(Object.keys(servers))('%s', async (name) => {
    const server = servers[name]();
    if (!server.listening) await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const stream = await fetch(`${url}/monitoring/stream/`, withKey);
    const reader = stream.body!.getReader();
    expect(new TextDecoder().decode((await reader.read()).value)).toMatch(/^retry:/);
    const closed = once(server, 'close');
    server.close();
    while (!(await reader.read()).done);
    await closed;
  });
});
