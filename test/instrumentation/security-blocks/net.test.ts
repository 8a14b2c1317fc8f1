/** The net below all libraries, on a real server of Node's. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  recordSecurityBlock,
  SecurityBlockInstrumentation,
  type SecurityBlockInstrumentationConfig,
} from '../../../instrumentation/security-blocks/index.ts';
import { incomingOf } from '../../../instrumentation/security-blocks/request.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';

let instrumentation: SecurityBlockInstrumentation;
let telemetry: MemoryTelemetry | undefined;
let server: Server;
let listener: RequestListener = (_request, response) => void response.end('well');

beforeEach(async () => {
  listener = (_request, response) => void response.end('well');
  server = createServer((...given) => listener(...given)).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  await telemetry?.stop();
  server.closeAllConnections();
  server.close();
});

function observe(config: SecurityBlockInstrumentationConfig = {}): void {
  instrumentation = new SecurityBlockInstrumentation(config);
  telemetry = startMemoryTelemetry(instrumentation);
}

async function send(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<number> {
  const { port } = server.address() as { port: number };
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }).end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  await text(answer);
  return answer.statusCode ?? 0;
}

async function blocks(): Promise<Record<string, number>> {
  // The server is told that its answer went out after the client has it.
  await new Promise((resolve) => setImmediate(resolve));
  const points = (await telemetry?.points('vigil.security.blocks')) ?? [];
  return Object.fromEntries(points.map(({ attributes, value }) => [Object.values(attributes).join(' '), value]));
}

const EVIL = 'https://evil.example';
const OWN = { origin: 'https://own.example', host: 'own.example' };
const PREFLIGHT = { origin: EVIL, 'access-control-request-method': 'POST' };

describe('rate limits', () => {
  it('are answers with 429', async () => {
    observe();
    listener = (_request, response) => void response.writeHead(429).end();
    await send('/');
    await send('/graphql?x=1');
    expect(await blocks()).toEqual({
      'rate_limit requests blocked http': 1,
      'rate_limit requests blocked graphql': 1,
    });
  });

  it('that somebody recorded before are not recorded again', async () => {
    observe();
    listener = (_request, response) => {
      recordSecurityBlock({ category: 'rate_limit', pattern: 'banned' });
      response.writeHead(429).end();
    };
    await send('/');
    expect(await blocks()).toEqual({ 'rate_limit banned blocked http': 1 });
  });

  it('are nothing to an instrumentation that is disabled', async () => {
    observe();
    listener = (_request, response) => void response.writeHead(429).end();
    instrumentation.disable();
    await send('/');
    expect(await blocks()).toEqual({});
  });
});

describe('origins', () => {
  const layers: [string, RequestListener][] = [
    [
      'setHeader',
      (_, response) => void response.setHeader('Access-Control-Allow-Origin', 'https://shop.example').end(),
    ],
    [
      'writeHead',
      (_, response) => void response.writeHead(200, { 'access-control-allow-origin': 'https://shop.example' }).end(),
    ],
    ['writeHead with a list', (_, response) => void response.writeHead(200, ['Vary', 'Accept, Origin']).end()],
  ];

  it.each(layers)('that a CORS layer has not let in are violations: %s', async (_name, layer) => {
    observe();
    listener = layer;
    await send('/', { origin: EVIL });
    await send('/', PREFLIGHT, 'OPTIONS');
    expect(await blocks()).toEqual({ 'origin request detected http': 1, 'origin preflight blocked http': 1 });
  });

  it.each([
    ['of the host itself', OWN],
    ['of the host itself, with a port', { origin: 'https://own.example', host: 'OWN.example:443' }],
    ['none', {}],
    ['of a page without a referrer', { origin: 'null', 'sec-fetch-site': 'same-origin' }],
  ])('that are %s are none', async (_name, headers) => {
    observe({ allowedOrigins: ['https://shop.example'] });
    await send('/', headers);
    expect(await blocks()).toEqual({});
  });

  it('that were let in are none', async () => {
    observe();
    listener = (given, response) =>
      void response.setHeader('Access-Control-Allow-Origin', given.headers.origin ?? '*').end();
    await send('/', { origin: EVIL });
    expect(await blocks()).toEqual({});
  });

  it('are none where nothing tells who may come', async () => {
    observe();
    await send('/', { origin: EVIL });
    await send('/', { origin: 'null' });
    expect(await blocks()).toEqual({});
  });

  it('are judged by the list where there is one, whatever the answer says', async () => {
    observe({ allowedOrigins: ['https://shop.example'] });
    listener = (_request, response) => void response.setHeader('Access-Control-Allow-Origin', '*').end();
    await send('/', { origin: EVIL });
    await send('/', { origin: 'https://shop.example' });
    await send('/', { origin: 'nonsense' });
    listener = (_request, response) => void response.writeHead(403).end();
    await send('/', { origin: EVIL });
    expect(await blocks()).toEqual({ 'origin request detected http': 2, 'origin request blocked http': 1 });
  });

  it('are the host’s own by what a trusted proxy says, and by nobody else', async () => {
    observe({ trustedHops: 1, allowedOrigins: [] });
    await send('/', { origin: 'https://own.example', 'x-forwarded-host': 'evil.example, own.example' });
    await send('/', { origin: EVIL, 'x-forwarded-host': 'evil.example, own.example' });
    expect(await blocks()).toEqual({ 'origin request detected http': 1 });
  });
});

describe('the request being answered', () => {
  it('is known to all that runs for it, on connections that are used again', async () => {
    observe();
    const wrong: string[] = [];
    listener = async (given, response) => {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 5));
      if (incomingOf(undefined) !== given) wrong.push(given.url ?? '');
      response.end();
    };
    const { port } = server.address() as { port: number };
    const asked = Array.from({ length: 300 }, (_, i) =>
      fetch(`http://127.0.0.1:${port}/${i}`).then((one) => one.text()),
    );
    await Promise.all(asked);
    expect(wrong).toEqual([]);
  });

  it('keeps its address when the client is gone', async () => {
    observe();
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    listener = (given) => {
      given.socket.once('close', () => {
        recordSecurityBlock({ category: 'csrf', request: given });
        resolve();
      });
      given.socket.destroy();
    };
    await expect(send('/')).rejects.toThrow();
    await closed;
    expect(telemetry?.spans()[0]?.attributes['client.address']).toBe('127.0.0.1');
  });
});
