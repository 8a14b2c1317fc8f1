import { afterEach, beforeEach, expect, test } from 'vitest';
import { startServer } from '../../../aggregator/http/server.ts';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type Door, openDoor } from '../../support/door.ts';
import { createReadSide, keepLog, READ_KEY } from '../../support/read-side.ts';

let door: Door;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.server.close(0));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test('reads come through the same server', async () => {
  const answer = await fetch(`${door.url}/monitoring/graphql/mutations`, {
    headers: { 'X-Monitoring-API-Key': READ_KEY },
  });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('x-correlation-id')).toMatch(/^[0-9a-f]{32}$/);
  expect(await answer.json()).toMatchObject({ statistics: { total_mutations: 0 } });
});

test('HEAD has the headers and no body', async () => {
  const { socket, answered } = await door.connect();
  socket.end('HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [head, body] = (await answered).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1.1 200 /);
  expect(head).toMatch(/content-type: application\/json/i);
  expect(body).toBe('');
});

test.each<[string, string]>([
  ['no HTTP at all', 'nonsense\r\n\r\n'],
  ['a header too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`],
  ['HTTP/1.0 without a host and a key', 'GET /monitoring/security HTTP/1.0\r\n\r\n'],
  ['an expectation', 'GET /nowhere HTTP/1.1\r\nHost: x\r\nExpect: the-unexpected\r\nConnection: close\r\n\r\n'],
  ['a broken chunk', 'POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  ['no host', 'GET /healthz HTTP/1.1\r\n\r\n'],
  ['an unknown method', 'FETCH /healthz HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a path of other bytes', 'GET /\u00ff HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['no path', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a host that is none', 'GET /healthz HTTP/1.1\r\nHost: a b\r\n\r\n'],
])('%s is answered in JSON, and never with 500', async (_name, bytes) => {
  const { socket, answered } = await door.connect();
  socket.end(bytes);
  const [head, body] = (await answered).split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1.1 4\d\d /);
  expect(head).toMatch(/content-type: application\/json/i);
  const { error } = JSON.parse(body);
  expect(error).toMatchObject({ code: expect.stringMatching(/^[A-Z_]+$/), timestamp: expect.any(String) });
  const headers = new Headers(
    head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': ', 2) as [string, string]),
  );
  expect(headers.get('x-correlation-id')).toBe(error.correlation_id);
  expect(headers.get('x-request-duration-ms')).toMatch(/^\d+\.\d\d$/);
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('cache-control')).toBe('no-store');
});

test('a health check in HTTP/1.0, which names no host, is answered', async () => {
  const { socket, answered } = await door.connect();
  socket.end('GET /healthz HTTP/1.0\r\n\r\n');
  expect(await answered).toMatch(/^HTTP\/1.1 200 .*"status":"alive"/s);
});

test('closing: requests in flight are finished, connections that stay open are told, then none is taken', async () => {
  const { socket, answered, soFar } = await door.connect();
  socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
  while (!soFar().includes('alive')) await pause(5);
  const inFlight = await door.connect();
  const key = 'X-Monitoring-API-Key: a-key-that-may-send';
  inFlight.socket.write(
    `POST /v1/metrics HTTP/1.1\r\nHost: x\r\n${key}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{`,
  );
  while (door.pool.inUseBytes === 0) await pause(5);
  const closed = door.server.close(5000);
  await pause(60);
  inFlight.socket.write('}');
  expect(await inFlight.answered).toMatch(/^HTTP\/1.1 200 /);
  expect(door.taken).toHaveLength(1);
  await closed;
  await answered;
  await expect(fetch(`${door.url}/healthz`)).rejects.toThrow();
});

test('closing does not wait longer than its cap', async () => {
  const { socket, answered } = await door.connect();
  socket.write('POST /v1/metrics HTTP/1.1\r\nHost: x\r\nX-Monitoring-API-Key: a-key-that-may-send\r\n');
  socket.write('Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{');
  while (door.pool.inUseBytes === 0) await pause(5);
  const startedMs = performance.now();
  await door.server.close(100);
  expect(performance.now() - startedMs).toBeLessThan(2000);
  expect(await answered).toBe('');
  expect(door.taken).toEqual([]);
});

test('an address that is taken is said by its code', async () => {
  const { port } = door.server;
  const options = { host: '127.0.0.1', port, app: createReadSide().app, otlp: async () => {}, log: keepLog().log };
  await expect(startServer({ ...options, ownMetrics: createOwnMetrics() })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  });
});
