/**
 * The service under 100,000 points a second for a long time: its memory, its readers and its counts.
 * `npm run bench -- soak [MINUTES]`; one without an argument.
 */
import { Agent } from 'node:http';
import { freePort, KEY, temporaryDirectory } from '../support/aggregator.ts';
import { post } from './latency.ts';
import type { Benchmark } from './main.ts';
import { canPin, pinLoad, startMeasured } from './processes.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';
import { createBodySource } from './telemetry.ts';

const MAIN = new URL('../../aggregator/main.ts', import.meta.url).pathname;
const POINTS_PER_SECOND = 100_000;
const INSTANCES = 25;
const POINTS = 4000;
const DEFAULT_MINUTES = 1;
const MIB = 2 ** 20;

export const benchmark: Benchmark = {
  about: `memory, reads and counts under ${POINTS_PER_SECOND} points a second. Argument: minutes, ${DEFAULT_MINUTES} when absent`,
  async run([minutes = String(DEFAULT_MINUTES)]) {
    pinLoad();
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      PORT: String(port),
      MONITORING_API_KEY: KEY,
      MONITORING_DATA_DIR: temporaryDirectory(),
      MONITORING_CACHE_TTL_SECONDS: '0',
      MONITORING_LOG_LEVEL: 'warn',
    };
    const service = await startMeasured(process.execPath, [MAIN], { env, url: `${url}/readyz` });
    try {
      console.log(surroundings([]));
      console.log(canPin ? 'The service on one core, load and readers on the other.\n' : 'Not bound to cores.\n');
      await soak(
        url,
        Number(minutes),
        () => service.residentBytes(),
        () => service.cpuSeconds(),
      );
    } finally {
      await service.stop();
    }
  },
};

async function soak(url: string, minutes: number, resident: () => number, cpu: () => number): Promise<void> {
  const source = createBodySource({ points: POINTS, cumulative: false, encoding: 'protobuf' });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const mutationsPerBody = await countOfOneBody(url, source, agent);
  const pauseMs = (1000 * POINTS) / POINTS_PER_SECOND;
  const began = performance.now();
  const rows: string[][] = [];
  let bodies = 1;
  let next = began;
  let sentInMinute = 0;
  let usedCpu = cpu();
  let times: number[] = [];
  const pending = new Set<Promise<void>>();
  for (let minute = 1; minute <= minutes; ) {
    const timeMs = Date.now();
    const body = source.body(bodies % INSTANCES, { startMs: timeMs - 1, timeMs, factor: 1 });
    const sent = post(agent, `${url}/v1/metrics`, source, body).finally(() => pending.delete(sent));
    pending.add(sent);
    bodies++;
    sentInMinute += POINTS;
    if (bodies % 5 === 0) times.push(await read(url));
    next += pauseMs;
    const wait = next - performance.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    else next = performance.now();
    if (pending.size > 16) await Promise.race(pending);
    if (performance.now() - began < minute * 60_000) continue;
    await Promise.all(pending);
    const counted = await lifetime(url);
    const expected = bodies * mutationsPerBody;
    const shares = [median(times), quantileOf(times, 0.99)].map((ms) => ms.toFixed(2));
    rows.push([
      String(minute++),
      Math.round(sentInMinute / 60).toLocaleString('en'),
      `${Math.round((100 * (cpu() - usedCpu)) / 60)} %`,
      `${Math.round(resident() / MIB)} MiB`,
      ...shares,
      String(counted - expected),
    ]);
    [sentInMinute, times, usedCpu] = [0, [], cpu()];
  }
  agent.destroy();
  printTable(['minute', 'points/s', 'core', 'resident', 'read p50, ms', 'read p99, ms', 'drift of counts'], rows);
}

/** What one body adds to the lifetime totals: the first is sent alone. */
async function countOfOneBody(url: string, source: ReturnType<typeof createBodySource>, agent: Agent): Promise<number> {
  const timeMs = Date.now();
  await post(agent, `${url}/v1/metrics`, source, source.body(0, { startMs: timeMs - 1, timeMs, factor: 1 }));
  return lifetime(url);
}

/** Mutations counted since the store began. */
async function lifetime(url: string): Promise<number> {
  const answer = await fetch(`${url}/monitoring/metrics/prometheus/`, { headers: { 'X-Monitoring-API-Key': KEY } });
  const text = await answer.text();
  let total = 0;
  for (const [, value] of text.matchAll(/^graphql_mutation_total\{.*\} (\S+)$/gm)) total += Number(value);
  return total;
}

/** @returns how long an answer took, ms */
async function read(url: string): Promise<number> {
  const began = performance.now();
  const path = '/monitoring/graphql/mutations/?window=60';
  const answer = await fetch(url + path, { headers: { 'X-Monitoring-API-Key': KEY } });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`answered ${answer.status}`);
  return performance.now() - began;
}
