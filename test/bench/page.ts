/**
 * What the page costs: the time to its first byte and to everything that it needs, its weight, and what open streams
 * cost the service, beside the same service without them.
 */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import { freePort, KEY, temporaryDirectory } from '../support/aggregator.ts';
import { type ScenarioName, scenarioBodies } from '../support/scenarios.ts';
import { openAt } from './filled-store.ts';
import type { Benchmark } from './main.ts';
import { type Measured, pinLoad, startMeasured } from './processes.ts';
import { median, printTable, surroundings } from './report.ts';

const MAIN = resolve(import.meta.dirname, '../../aggregator/main.ts');
const LOADS = 60;
const STREAMS = 200;
/** Minutes that a service has not yet taken to the disk: it does so every minute. */
const OPEN_MINUTES = 3;
/** Telemetry arrives every second, which is ten times as often as one sender sends. */
const STREAM_SECONDS = 20;

export const benchmark: Benchmark = {
  about: 'first byte, completeness and weight of the page; the cost of 200 open streams',
  async run() {
    pinLoad();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const directory = temporaryDirectory();
    const bodies = scenarioBodies('many', Date.now());
    keepClosed(directory, bodies.slice(0, -OPEN_MINUTES));
    const service = await startMeasured(process.execPath, [MAIN], {
      url: `${url}/healthz`,
      env: { PORT: String(port), MONITORING_API_KEY: KEY, MONITORING_DATA_DIR: directory },
    });
    try {
      for (const body of bodies.slice(-OPEN_MINUTES)) await post(url, body);
      console.log(surroundings(['hono', '@hono/node-server', 'uplot']));
      await measureLoads(url);
      await measureStreams(url, service);
    } finally {
      await service.stop();
    }
  },
};

/** Fills a store as an hour of telemetry leaves it: what is older than the last checkpoint lies in blocks. */
function keepClosed(directory: string, bodies: readonly Buffer[]): void {
  const store = openAt(directory);
  for (const bytes of bodies) store.receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false });
  store.close();
}

async function post(url: string, body: Buffer): Promise<void> {
  const headers = { 'Content-Type': 'application/json', 'X-Monitoring-API-Key': KEY };
  const answer = await fetch(`${url}/v1/metrics`, { method: 'POST', body: new Uint8Array(body), headers });
  if (!answer.ok) throw new Error(`not taken: ${answer.status}`);
  await answer.arrayBuffer();
}

interface Loaded {
  readonly firstByteMs: number;
  readonly completeMs: number;
  readonly bytes: number;
  readonly text: string;
}

async function load(url: string, agent: Agent): Promise<Loaded> {
  const headers = { 'X-Monitoring-API-Key': KEY, 'Accept-Encoding': 'gzip' };
  const startedMs = performance.now();
  const request = get(url, { agent, headers });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const firstByteMs = performance.now() - startedMs;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const whole = Buffer.concat(chunks);
  if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
  const text = response.headers['content-encoding'] === undefined ? whole.toString() : '';
  return { firstByteMs, completeMs: performance.now() - startedMs, bytes: whole.length, text };
}

/** A page and the files that it names, as a browser without a cache takes them. */
async function measureLoads(url: string): Promise<void> {
  const rows: string[][] = [];
  for (const path of ['/', '/mutations/', '/security/', '/objectives/']) {
    const firstBytes: number[] = [];
    const completes: number[] = [];
    let bytes = 0;
    for (let i = 0; i < LOADS; i++) {
      const agent = new Agent({ keepAlive: true });
      const startedMs = performance.now();
      const page = await load(url + path, agent);
      const page2 = page.text !== '' ? page.text : await plain(url + path, agent);
      const assets = await Promise.all(assetsOf(page2).map((asset) => load(url + asset, agent)));
      completes.push(performance.now() - startedMs);
      firstBytes.push(page.firstByteMs);
      bytes = page.bytes + assets.reduce((sum, asset) => sum + asset.bytes, 0);
      agent.destroy();
    }
    rows.push([path, median(firstBytes).toFixed(1), median(completes).toFixed(1), (bytes / 1024).toFixed(1)]);
  }
  printTable(['200 mutations', 'first byte ms', 'complete ms', 'KiB in all'], rows);
}

/** The text of a page whose first answer was compressed. */
async function plain(url: string, agent: Agent): Promise<string> {
  const request = get(url, { agent, headers: { 'X-Monitoring-API-Key': KEY } });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return text;
}

function assetsOf(text: string): string[] {
  return [...new Set([...text.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, path]) => path))];
}

/** Processor time of the service while telemetry arrives every second: without streams, with 200, without again. */
async function measureStreams(url: string, service: Measured): Promise<void> {
  const bare = await shareOfCore(url, service);
  const agent = new Agent({ maxSockets: Infinity });
  let events = 0;
  const open = await Promise.all(
    Array.from({ length: STREAMS }, async () => {
      const request = get(`${url}/monitoring/stream/`, { agent, headers: { 'X-Monitoring-API-Key': KEY } });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      response.on('data', (chunk: Buffer) => {
        events += chunk.toString().split('event: overview').length - 1;
      });
      return request;
    }),
  );
  await new Promise((done) => setTimeout(done, 2000));
  events = 0;
  const streaming = await shareOfCore(url, service);
  const received = events / STREAMS;
  for (const request of open) request.destroy();
  await new Promise((done) => setTimeout(done, 1500));
  const after = await shareOfCore(url, service);
  const without = (bare + after) / 2;
  printTable(
    ['telemetry every second', 'share of a core'],
    [
      ['without streams', without.toFixed(4)],
      [`${STREAMS} streams, ${received.toFixed(1)} snapshots each in ${STREAM_SECONDS} s`, streaming.toFixed(4)],
      ['the streams alone', (streaming - without).toFixed(4)],
    ],
  );
}

async function shareOfCore(url: string, service: Measured): Promise<number> {
  const scenario: ScenarioName = 'normal';
  const before = service.cpuSeconds();
  const startedMs = performance.now();
  for (let second = 0; second < STREAM_SECONDS; second++) {
    const [body] = scenarioBodies(scenario, Date.now()).slice(-1);
    await post(url, body);
    const nextMs = startedMs + (second + 1) * 1000;
    await new Promise((done) => setTimeout(done, Math.max(0, nextMs - performance.now())));
  }
  return (service.cpuSeconds() - before) / ((performance.now() - startedMs) / 1000);
}
