/** Where telemetry goes: real aggregators, and what stands before them. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  freePort,
  KEY,
  type RunningAggregator,
  startAggregator,
  temporaryDirectory,
} from '../../support/aggregator.ts';
import { app as applicationFile, runApp } from '../run-app.ts';
import { holdClaims } from './claims.ts';
import { makeApplication, runQuickly, sendingTo } from './fixture.ts';

holdClaims(import.meta.filename);

const INGEST_KEY = 'ingest-key-0123456789abcdef';
let aggregator: RunningAggregator;
const state = mkdtempSync(join(tmpdir(), 'state-'));
const servers: Server[] = [];
beforeAll(async () => {
  aggregator = await startAggregator({ env: { MONITORING_INGEST_KEY: INGEST_KEY, XDG_STATE_HOME: state } });
});
afterAll(async () => {
  for (const server of servers) server.close();
  await aggregator.stop();
});

const sending = (more: Record<string, string> = {}) => ({ ...sendingTo(aggregator.url, INGEST_KEY), ...more });

test('an announced aggregator needs no variable', async () => {
  // Empty variables count as absent.
  const env = { XDG_STATE_HOME: state, MONITORING_API_KEY: '', REDIS_URL: '', PROMETHEUS_URL: '', GRAFANA_URL: '' };
  const { find, code, report } = await runQuickly(makeApplication().folder, { env });
  find('ok destination.address');
  expect(find('ok destination.reachable').evidence).toMatchObject({ aggregator: true });
  expect(find('ok key.sending').evidence).toMatchObject({ status: 200 });
  find('ok clock.skew');
  // The announced key only sends.
  find('info key.reading');
  expect({ code, errors: report.counts.error, service: report.service }).toEqual({
    code: 0,
    errors: 0,
    service: 'shop',
  });
});

test('a wrong key, and no key is ever shown', async () => {
  const secret = 'a-wrong-key-that-nobody-may-see';
  const env = { ...sendingTo(aggregator.url, secret), MONITORING_API_KEY: 'another-key-that-nobody-may-see' };
  const { find, code, output } = await runQuickly(makeApplication().folder, { env });
  expect(find('error key.sending')).toMatchObject({ evidence: { status: 401 } });
  expect(find('error key.reading')).toMatchObject({ evidence: { status: 403 } });
  expect(code).toBe(1);
  expect(output).not.toContain('nobody-may-see');
});

test('nothing there, a wrong path, and gRPC where an aggregator is', async () => {
  const { folder } = makeApplication();
  const nobody = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` };
  expect((await runQuickly(folder, { env: nobody })).find('error destination.reachable')).toMatchObject({
    evidence: { reason: 'ECONNREFUSED' },
  });
  const wrong = { ...sending(), OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: aggregator.url };
  (await runQuickly(folder, { env: wrong })).find('error destination.path');
  const grpc = sending({ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' });
  (await runQuickly(folder, { env: grpc })).find('error destination.protocol');
  (await runQuickly(folder)).find('warning destination.address');
});

test.each([
  [-60_000, 'warning clock.skew', -60],
  [3_600_000, 'error clock.skew', 3600],
] as const)('a clock that is %i ms off', async (offMs, told, seconds) => {
  const { folder, put } = makeApplication();
  put('clock.cjs', `const now = Date.now; Date.now = () => now() + ${offMs};`);
  const node = ['--require', join(folder, 'clock.cjs')];
  const skew = (await runQuickly(folder, { node, env: sending() })).find(told);
  expect(Math.abs(Number(skew.evidence['ahead_seconds']) - seconds)).toBeLessThanOrEqual(2);
});

test('an aggregator that only reads', async () => {
  const env = { MONITORING_STORE: 'prometheus', PROMETHEUS_URL: 'http://127.0.0.1:9' };
  const reader = await startAggregator({ env });
  const told = await runQuickly(makeApplication().folder, {
    env: sendingTo(reader.url, KEY),
  });
  expect(told.find('error destination.reads_only')).toMatchObject({ evidence: { status: 501 } });
  await reader.stop();
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

/** As a proxy does. */
function passOn(request: IncomingMessage, response: ServerResponse): void {
  const { method, headers, url = '/' } = request;
  const onward = requestHttp(new URL(url, aggregator.url), { method, headers, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  request.pipe(onward);
}

describe('a proxy before the aggregator', () => {
  test.each([
    [403, {}, 'error key.sending', 'Let the proxy pass'],
    [301, { Location: 'https://vigil.example' }, 'error destination.answer', 'address that it redirects to'],
    [502, {}, 'warning destination.answer', 'log'],
  ] as const)('that answers senders with %i', async (status, headers, told, mend) => {
    const proxy = createServer((request, response) => {
      if (request.method === 'POST') response.writeHead(status, headers).end();
      else passOn(request, response);
    });
    const env = sendingTo(`http://127.0.0.1:${await portOf(proxy)}`, INGEST_KEY);
    const { find } = await runQuickly(makeApplication().folder, { env });
    expect(find(told)).toMatchObject({ evidence: { status }, mend: expect.stringContaining(mend) });
    expect(find('ok destination.reachable').evidence).toMatchObject({ aggregator: true });
  });
});

const noOpenssl = spawnSync('openssl', ['version']).error !== undefined;
describe.skipIf(noOpenssl && process.env['REQUIRE_REAL'] !== '1')('TLS with a certificate that signs itself', () => {
  const folder = temporaryDirectory();
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const { folder: application } = makeApplication();
  let port: number;
  beforeAll(async () => {
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-days', '1'];
    const made = spawnSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate]);
    expect(made.status, String(made.stderr)).toBe(0);
    port = await portOf(createTlsServer({ key: readFileSync(key), cert: readFileSync(certificate) }, passOn));
  });
  const reached = async (env: Record<string, string>) =>
    (await runQuickly(application, { env })).find('error destination.reachable');

  test('it is refused, with what to do; done so, the doctor and the application send', async () => {
    const env = sendingTo(`https://localhost:${port}`, INGEST_KEY);
    const refused = await reached(env);
    expect(refused.evidence['reason']).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(refused.mend).toContain('OTEL_EXPORTER_OTLP_CERTIFICATE');
    const mended = { ...env, OTEL_EXPORTER_OTLP_CERTIFICATE: certificate, MONITORING_API_KEY: KEY };
    const sent = await runApp(applicationFile('record.ts'), { env: { ...mended, OTEL_SERVICE_NAME: 'by-tls' } });
    expect([sent.code, sent.stderr]).toEqual([0, '']);
    const { find } = await runQuickly(application, { env: { ...mended, OTEL_SERVICE_NAME: 'by-tls' } });
    find('ok destination.reachable');
    find('ok key.sending');
    find('ok arrival.service');
  });

  test('a name that it is not for, a file that is none, and TLS on one side alone', async () => {
    const trusted = { OTEL_EXPORTER_OTLP_CERTIFICATE: certificate };
    const byAddress = await reached({ OTEL_EXPORTER_OTLP_ENDPOINT: `https://127.0.0.1:${port}`, ...trusted });
    expect(byAddress.mend).toContain('a name that its certificate is for');
    const missing = { OTEL_EXPORTER_OTLP_CERTIFICATE: join(folder, 'none.pem') };
    const noFile = await reached({ OTEL_EXPORTER_OTLP_ENDPOINT: `https://localhost:${port}`, ...missing });
    expect(noFile.message).toContain('none.pem cannot be read: ENOENT');
    expect(noFile.mend).toContain('OTEL_EXPORTER_OTLP_CERTIFICATE');
    const plain = await reached({ OTEL_EXPORTER_OTLP_ENDPOINT: `http://localhost:${port}` });
    expect(plain.mend).toContain('https://');
    const toPlain = await reached({ OTEL_EXPORTER_OTLP_ENDPOINT: aggregator.url.replace('http:', 'https:') });
    expect(toPlain.mend).toContain('http://');
  });
});

test('gRPC: a server of it, and nobody', async () => {
  const server = new GrpcServer();
  const credentials = ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
  );
  const at = (listening: number) => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${listening}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc',
  });
  const { folder } = makeApplication();
  expect((await runQuickly(folder, { env: at(port) })).find('info destination.reachable').message).toContain('gRPC');
  server.forceShutdown();
  (await runQuickly(folder, { env: at(await freePort()) })).find('error destination.reachable');
});
