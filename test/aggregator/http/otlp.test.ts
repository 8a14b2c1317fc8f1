import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BodyError, MAX_BODY_BYTES } from '../../../aggregator/otlp/receiver.ts';
import { type Door, openDoor, SEND_KEY } from '../../support/door.ts';
import { READ_KEY } from '../../support/read-side.ts';

const { root } = protobuf.parse(`syntax = "proto3";
  message Status { int32 code = 1; string message = 2; }
  message PartialSuccess { int64 rejected = 1; string error_message = 2; }
  message Exported { PartialSuccess partial_success = 1; }`);
const decode = (type: string, bytes: Uint8Array) => root.lookupType(type).decode(bytes).toJSON();

const PATHS = ['/v1/metrics', '/v1/traces'];
const JSON_TYPE = { 'Content-Type': 'application/json' };

let door: Door;
beforeEach(async () => {
  door = await openDoor();
});
afterEach(() => door.server.close(0));

/** The answer is a google.rpc.Status in the encoding that its content type says. */
async function expectStatus(answer: Response, status: number, code: number): Promise<string> {
  const type = answer.headers.get('content-type');
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const body = type === 'application/json' ? JSON.parse(Buffer.from(bytes).toString()) : decode('Status', bytes);
  expect([answer.status, body.code]).toEqual([status, code]);
  expect(body.message).toMatch(/\.$/);
  expect(answer.headers.get('x-correlation-id')).toMatch(/^[0-9a-f]{32}$/);
  expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  return type ?? '';
}

describe.each(PATHS)('POST %s', (path) => {
  const signal = path.slice('/v1/'.length);

  test.each<[string, Record<string, string>, 'protobuf' | 'json', boolean]>([
    ['protobuf', {}, 'protobuf', false],
    ['protobuf, gzip', { 'Content-Encoding': 'gzip' }, 'protobuf', true],
    ['JSON', JSON_TYPE, 'json', false],
    ['JSON, gzip', { ...JSON_TYPE, 'Content-Encoding': 'GZIP' }, 'json', true],
    ['JSON with a charset', { 'Content-Type': 'Application/JSON; charset=utf-8' }, 'json', false],
    ['gzip under its old name', { 'Content-Encoding': 'x-gzip' }, 'protobuf', true],
    ['a coding without a name', { 'Content-Encoding': '' }, 'protobuf', false],
    ['no coding, said so', { 'Content-Encoding': 'identity' }, 'protobuf', false],
    ['a bearer token', { 'X-Monitoring-API-Key': '', Authorization: `Bearer ${SEND_KEY}` }, 'protobuf', false],
  ])('takes %s as it came', async (_name, headers, encoding, gzip) => {
    const sent = randomBytes(3000);
    const answer = await door.post(path, sent, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(
      encoding === 'json' ? 'application/json' : 'application/x-protobuf',
    );
    expect(await answer.text()).toBe(encoding === 'json' ? '{}' : '');
    expect(door.taken).toEqual([{ signal, bytes: sent, encoding, gzip }]);
  });

  test('takes bodies of every size whole, announced or not, one after the other', async () => {
    for (const size of [0, 1, 65_535, 65_536, 65_537, 1_000_000, MAX_BODY_BYTES]) {
      const sent = randomBytes(size);
      expect((await door.post(path, sent)).status).toBe(200);
      const chunked = await fetch(door.url + path, {
        method: 'POST',
        body: new Blob([sent]).stream(),
        duplex: 'half',
        headers: { 'X-Monitoring-API-Key': SEND_KEY, 'Content-Type': 'application/x-protobuf' },
      });
      expect(chunked.status).toBe(200);
      const [announced, unannounced] = door.taken.splice(0);
      expect(announced.bytes.equals(sent) && unannounced.bytes.equals(sent), `${size} bytes`).toBe(true);
    }
    expect(door.pool.inUseBytes).toBe(0);
  });

  test('says what was not taken, and why', async () => {
    door.take = () => ({ rejected: 3, message: '3 points: older than 24 hours.' });
    const json = await door.post(path, '{}', JSON_TYPE);
    const name = signal === 'metrics' ? 'rejectedDataPoints' : 'rejectedSpans';
    expect(await json.json()).toEqual({
      partialSuccess: { [name]: '3', errorMessage: '3 points: older than 24 hours.' },
    });
    const binary = await door.post(path, '');
    expect(decode('Exported', new Uint8Array(await binary.arrayBuffer()))).toEqual({
      partialSuccess: { rejected: '3', errorMessage: '3 points: older than 24 hours.' },
    });
  });

  const failures: readonly [Error, number, number][] = [
    [new BodyError('malformed', 'The body is no OTLP.'), 400, 3],
    [new BodyError('too_large', 'too large'), 413, 8],
    [new BodyError('unavailable', 'The disk is full.', 7), 503, 14],
    [new Error('a fault of ours, at row 17'), 503, 14],
  ];
  test.each(failures)('%s is answered in the encoding of the request', async (failure, status, code) => {
    door.take = () => {
      throw failure;
    };
    expect(await expectStatus(await door.post(path, 'x'), status, code)).toBe('application/x-protobuf');
    const json = await door.post(path, 'x', JSON_TYPE);
    expect(json.headers.get('retry-after')).toBe(status === 503 ? (failure instanceof BodyError ? '7' : '5') : null);
    const text = await json.clone().text();
    expect(await expectStatus(json, status, code)).toBe('application/json');
    expect(text).not.toContain('row 17');
    expect(door.taken).toEqual([]);
    expect(door.pool.inUseBytes).toBe(0);
  });

  test.each<[string, Record<string, string>]>([
    ['no key', { 'X-Monitoring-API-Key': '' }],
    ['a wrong key', { 'X-Monitoring-API-Key': 'wrong' }],
    ['a key that may only read', { 'X-Monitoring-API-Key': READ_KEY }],
  ])('%s is 401', async (_name, headers) => {
    expect(await expectStatus(await door.post(path, 'x', headers), 401, 16)).toBe('application/x-protobuf');
    expect(await expectStatus(await door.post(path, 'x', { ...headers, ...JSON_TYPE }), 401, 16)).toBe(
      'application/json',
    );
    expect(door.taken).toEqual([]);
  });

  test.each<[string, Record<string, string>]>([
    ['text/plain', { 'Content-Type': 'text/plain' }],
    ['no content type', { 'Content-Type': '' }],
    ['another protobuf type', { 'Content-Type': 'application/protobuf' }],
    ['brotli', { 'Content-Encoding': 'br' }],
    ['a coding named as a method', { 'Content-Encoding': 'constructor' }],
    ['gzip in gzip', { 'Content-Encoding': 'gzip, gzip' }],
  ])('%s is 415', async (_name, headers) => {
    await expectStatus(await door.post(path, 'x', headers), 415, 3);
    expect(door.taken).toEqual([]);
  });

  test.each(['GET', 'PUT', 'DELETE', 'OPTIONS'])('%s is 405 with what is allowed', async (method) => {
    const answer = await fetch(door.url + path, { method });
    await expectStatus(answer, 405, 12);
    expect(answer.headers.get('allow')).toBe('POST');
  });

  test('while closing it answers 503 with when to come back, so that nothing is dropped', async () => {
    door.closing = true;
    const answer = await door.post(path, 'x');
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    await expectStatus(answer, 503, 14);
  });
});

describe('a body that is not taken', () => {
  test('over the limit by its announcement: refused before it is read', async () => {
    const { socket, answered } = await door.connect();
    socket.write(head('/v1/metrics', { 'Content-Length': String(MAX_BODY_BYTES + 1) }));
    socket.write('a first bit of it');
    socket.end();
    expect(await answered).toMatch(/^HTTP\/1.1 413 /);
    expect(door.taken).toEqual([]);
  });

  test('over the limit as it comes: refused when it passes it', async () => {
    const answer = await fetch(`${door.url}/v1/metrics`, {
      method: 'POST',
      body: new Blob([new Uint8Array(MAX_BODY_BYTES + 1)]).stream(),
      duplex: 'half',
      headers: { 'X-Monitoring-API-Key': SEND_KEY, ...JSON_TYPE },
    });
    await expectStatus(answer, 413, 8);
    expect(door.pool.inUseBytes).toBe(0);
  });

  test('with a wrong key: answered while the client still sends, and the client can read it', async () => {
    const answer = await door.post('/v1/metrics', new Uint8Array(MAX_BODY_BYTES), { 'X-Monitoring-API-Key': 'wrong' });
    await expectStatus(answer, 401, 16);
  });

  test('cut off on the way: nothing of it is taken, and its buffer comes back', async () => {
    const { socket } = await door.connect();
    socket.write(`${head('/v1/metrics', { 'Content-Length': '100000' })}only this`);
    await until(() => door.pool.inUseBytes > 0);
    socket.destroy();
    await until(() => door.pool.inUseBytes === 0);
    expect(door.taken).toEqual([]);
    expect((await door.post('/v1/metrics', 'still here')).status).toBe(200);
  });

  test.each<[string, Record<string, string>, string]>([
    ['shorter than announced', { 'Content-Length': '100' }, 'only this'],
    ['in chunks that are none', { 'Transfer-Encoding': 'chunked' }, 'zz\r\nonly this'],
  ])('%s: the client that still listens is told so, in its encoding', async (_name, headers, body) => {
    const { socket, answered } = await door.connect();
    socket.end(`${head('/v1/metrics', { ...headers, ...JSON_TYPE })}${body}`);
    const [answer, status] = (await answered).split('\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(JSON.parse(status)).toEqual({ code: 3, message: 'The body ended early.' });
    expect([door.taken, door.pool.inUseBytes]).toEqual([[], 0]);
  });

  test('while too many are coming in: 503 with when to come back', async () => {
    const small = await openDoor({ maxBodiesBytes: 64 * 1024 });
    try {
      const answer = await small.post('/v1/metrics', new Uint8Array(70_000));
      expect(answer.headers.get('retry-after')).toBe('5');
      await expectStatus(answer, 503, 14);
      expect((await small.post('/v1/metrics', new Uint8Array(60_000))).status).toBe(200);
    } finally {
      await small.server.close(0);
    }
  });
});

test('a client that asks before it sends is invited only when its body is wanted', async () => {
  const wanted = await door.connect();
  wanted.socket.write(head('/v1/metrics', { 'Content-Length': '5', Expect: '100-continue', Connection: 'close' }));
  await until(() => wanted.soFar().includes('100 Continue'));
  wanted.socket.write('hello');
  expect(await wanted.answered).toContain('HTTP/1.1 200 ');
  const unwanted = await door.connect();
  unwanted.socket.write(
    head('/v1/metrics', { 'Content-Length': '5', Expect: '100-continue', 'X-Monitoring-API-Key': 'wrong' }),
  );
  await until(() => unwanted.soFar().includes('401'));
  expect(unwanted.soFar()).not.toContain('100 Continue');
  unwanted.socket.destroy();
});

test('the path may come as a whole address (RFC 9112, 3.2.2)', async () => {
  const { socket, answered } = await door.connect();
  socket.write(`${head('http://localhost/v1/traces', { 'Content-Length': '2', Connection: 'close' })}{}`);
  expect(await answered).toContain('HTTP/1.1 200 ');
  expect(door.taken).toMatchObject([{ signal: 'traces' }]);
});

test('requests and bytes are counted', async () => {
  await door.post('/v1/metrics', gzipSync('x'.repeat(100)));
  await door.post('/v1/traces', 'x', { 'X-Monitoring-API-Key': 'wrong' });
  const counted = door.ownMetrics
    .families()
    .flatMap(({ name, samples }) =>
      samples
        .filter(({ value }) => value > 0)
        .map(({ labels, value }) => [name, ...labels.map(([, label]) => label), value].join(' ')),
    );
  expect(counted).toEqual([
    'aggregator_otlp_requests_total metrics accepted 1',
    'aggregator_otlp_requests_total traces wrong_key 1',
    `aggregator_otlp_received_bytes_total metrics ${door.taken[0].bytes.length}`,
  ]);
});

test('the log tells a fault of ours with its cause, and no key', async () => {
  door.take = () => {
    throw new Error('row 17');
  };
  await door.post('/v1/metrics', 'x', { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' });
  const line = door.lines().find(({ level }) => level === 'error');
  expect(line).toMatchObject({ correlation_id: '4bf92f3577b34da6a3ce929d0e0e4736', err: { message: 'row 17' } });
  expect(JSON.stringify(door.lines())).not.toContain(SEND_KEY);
});

test.each([
  ['/v1/logs', {}],
  ['/v1/logs', JSON_TYPE],
  ['/v1/metrics/v1/metrics', JSON_TYPE],
  ['/otlp/v1/traces?a=b', JSON_TYPE],
  ['/monitoring/v1/metrics', {}],
  ['/', {}],
  ['/api/v1/write', { 'Content-Encoding': 'snappy' }],
])('%s takes no telemetry: its sender reads where to send it', async (path, headers) => {
  const answer = await door.post(path, 'x', headers);
  expect(await answer.clone().text()).toMatch(
    /No telemetry is taken at this path.*taken at \/v1\/metrics and \/v1\/traces/,
  );
  const type = headers === JSON_TYPE ? 'application/json' : 'application/x-protobuf';
  expect(await expectStatus(answer, 404, 5)).toBe(type);
  expect(door.lines()).toMatchObject([{ outcome: 'wrong_path', message: 'telemetry was refused' }]);
});

test.each([
  ['/monitoring/overview/?from=/v1/metrics', JSON_TYPE],
  ['/monitoring/metrics/prometheus/', {}],
])('what is posted to %s is none of it, and is answered as to any reader', async (path, headers) => {
  const answer = await door.post(path, '{}', headers);
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
});

test('gRPC finds no answer that it can read, but the log says what to do', async () => {
  const { socket, answered } = await door.connect();
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  await answered;
  expect(door.lines()).toMatchObject([{ level: 'info', reason: expect.stringContaining('http/protobuf') }]);
});

test('the log tells what a sender was told, and is silent where all is well', async () => {
  const told = () => door.lines().filter(({ level }) => level !== 'debug');
  await door.post('/v1/metrics', 'x');
  expect(told()).toEqual([]);
  door.take = () => ({ rejected: 2, message: '2 points: no time' });
  await door.post('/v1/metrics', 'x');
  await door.post('/v1/traces', 'x', { 'Content-Type': 'text/plain' });
  expect(told()).toMatchObject([
    { level: 'info', message: 'not all telemetry was taken', reason: '2 points: no time' },
    { level: 'info', message: 'telemetry was refused', reason: expect.stringContaining('Content-Type must be') },
  ]);
});

test('what the store refuses it has logged itself: senders that try again do not fill the log with errors', async () => {
  door.take = () => {
    throw new BodyError('unavailable', 'Not taken: the disk is full.', 7);
  };
  await door.post('/v1/metrics', 'x');
  expect(door.lines().map(({ level, outcome }) => [level, outcome])).toEqual([['info', 'unavailable']]);
});

function head(path: string, headers: Record<string, string>): string {
  const all = {
    Host: 'localhost',
    'X-Monitoring-API-Key': SEND_KEY,
    'Content-Type': 'application/x-protobuf',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !condition(); tries++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition()).toBe(true);
}

test.each(PATHS)('%s of a service that only reads refuses for good, before a body is read', async (path) => {
  const reading = await openDoor({ onlyReads: true });
  try {
    for (const headers of [{}, JSON_TYPE]) await expectStatus(await reading.post(path, '', headers), 501, 12);
    await expectStatus(await reading.post(path, '', { 'X-Monitoring-API-Key': 'wrong' }), 401, 16);
  } finally {
    await reading.server.close(0);
  }
});
