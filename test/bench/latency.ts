/** How long readers wait over HTTP while 36,000 points a second come in: the service on one core, load and readers on the other. */
import { cpSync, rmSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { freePort, KEY, temporaryDirectory } from '../support/aggregator.ts';
import { fillStore, SERIES } from './filled-store.ts';
import type { Benchmark } from './main.ts';
import { canPin, type Measured, pinLoad, startMeasured } from './processes.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';
import { type BodySource, createBodySource } from './telemetry.ts';

const MAIN = new URL('../../aggregator/main.ts', import.meta.url).pathname;
const POINTS_PER_SECOND = 36_000;
const INSTANCES = 18;
/** Until the service has seen every stream and has compiled what receives: told apart, since it comes once. */
const FIRST_SECONDS = 5;
/** Longer than from one checkpoint to the next. */
const SECONDS = 70;
const SILENT_SECONDS = 20;
const READS_PER_SECOND = 40;
const PATHS = [
  '/monitoring/graphql/mutations/?window=60',
  '/monitoring/graphql/mutations/?window=1440',
  '/monitoring/graphql/mutations/breakdown/?window=10080',
];

/** How long an answer is kept, s: as it is by default, and not at all. */
const KEPT_SECONDS = [5, 0];

export const benchmark: Benchmark = {
  about: `time of a GET over HTTP while ${POINTS_PER_SECOND} points a second come in. Argument: a folder to keep the store in`,
  async run([kept]) {
    pinLoad();
    const filled = fillStore({ kept });
    console.log(surroundings([]));
    const where = canPin ? 'the service on one core, load and readers on the other' : 'not bound to cores';
    console.log(`${SERIES} series, 7 days by the minute, ${SECONDS} s, ${where}.`);
    for (const keptSeconds of KEPT_SECONDS) await measure(filled, keptSeconds);
  },
};

async function measure(filled: string, keptSeconds: number): Promise<void> {
  const directory = temporaryDirectory();
  cpSync(filled, directory, { recursive: true });
  const { url, service } = await startService(directory, keptSeconds);
  try {
    const source = createBodySource({ points: SERIES, cumulative: true, encoding: 'protobuf', kind: 'mutations' });
    const rows = [await readFor(SILENT_SECONDS, 'silence', url)];
    const sending = send(url, prepare(source));
    rows.push(await readFor(FIRST_SECONDS, `the first ${FIRST_SECONDS} s of ${POINTS_PER_SECOND} points/s`, url));
    const cpu = service.cpuSeconds();
    rows.push(await readFor(SECONDS, `${POINTS_PER_SECOND} points/s`, url));
    const share = Math.round((100 * (service.cpuSeconds() - cpu)) / SECONDS);
    console.log(`\nAnswers are kept for ${keptSeconds} s.\n`);
    printTable(['while', 'reads', 'p50, ms', 'p95, ms', 'p99, ms', 'longest, ms'], rows);
    console.log(`\nThe service used ${share} % of its core.`);
    await sending;
  } finally {
    await service.stop();
    rmSync(directory, { recursive: true });
  }
}

async function startService(directory: string, keptSeconds: number): Promise<{ url: string; service: Measured }> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    MONITORING_API_KEY: KEY,
    MONITORING_DATA_DIR: directory,
    MONITORING_CACHE_TTL_SECONDS: String(keptSeconds),
    MONITORING_LOG_LEVEL: 'warn',
  };
  return { url, service: await startMeasured(process.execPath, [MAIN], { env, url: `${url}/readyz` }) };
}

async function readFor(seconds: number, name: string, url: string): Promise<string[]> {
  const until = performance.now() + seconds * 1000;
  const agent = new Agent({ keepAlive: true });
  const times: number[] = [];
  const pending: Promise<void>[] = [];
  for (let n = 0; performance.now() < until; n++) {
    pending.push(read(agent, url + PATHS[n % PATHS.length], times));
    await new Promise((done) => setTimeout(done, 1000 / READS_PER_SECOND));
  }
  await Promise.all(pending);
  agent.destroy();
  const shown = [median(times), quantileOf(times, 0.95), quantileOf(times, 0.99), Math.max(...times)];
  return [name, String(times.length), ...shown.map((ms) => ms.toFixed(2))];
}

function read(agent: Agent, url: string, times: number[]): Promise<void> {
  const began = performance.now();
  return new Promise((done, fail) => {
    get(url, { agent, headers: { 'X-Monitoring-API-Key': KEY } }, (answer) => {
      answer.resume().on('end', () => {
        times.push(performance.now() - began);
        if (answer.statusCode === 200) done();
        else fail(new Error(`answered ${answer.statusCode}`));
      });
    }).on('error', fail);
  });
}

/** Bodies to be sent at an even pace, one each `pauseMs`. */
interface Load {
  readonly source: BodySource;
  readonly bodies: readonly Buffer[];
  readonly pauseMs: number;
}

/** Every body of a run: made while nobody reads, since this process would keep its readers' clocks waiting. */
function prepare(source: BodySource): Load {
  const pauseMs = (1000 * source.points) / POINTS_PER_SECOND;
  const startMs = Date.now();
  const bodies = Array.from({ length: Math.floor((1000 * (FIRST_SECONDS + SECONDS)) / pauseMs) }, (_, n) =>
    source.body(n % INSTANCES, { startMs, timeMs: startMs + n * pauseMs, factor: Math.floor(n / INSTANCES) + 1 }),
  );
  return { source, bodies, pauseMs };
}

async function send(url: string, { source, bodies, pauseMs }: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const pending: Promise<void>[] = [];
  let next = performance.now();
  for (const body of bodies) {
    pending.push(post(agent, `${url}/v1/metrics`, source, body));
    next += pauseMs;
    await new Promise((done) => setTimeout(done, Math.max(0, next - performance.now())));
  }
  await Promise.all(pending);
  agent.destroy();
}

export function post(agent: Agent, url: string, source: BodySource, body: Buffer): Promise<void> {
  const headers = { ...source.headers, 'Content-Length': body.length, 'X-Monitoring-API-Key': KEY };
  return new Promise((done, fail) => {
    const sent = request(url, { agent, method: 'POST', headers }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 200) done();
        else fail(new Error(`answered ${answer.statusCode}`));
      });
    });
    sent.on('error', fail).end(body);
  });
}
