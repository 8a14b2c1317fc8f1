/**
 * The service under 100,000 points a second for a long time: its memory, its readers and its counts.
 * `npm run bench -- soak [MINUTES]`; one without an argument.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { freePort, KEY, temporaryDirectory } from '../support/aggregator.ts';
import { post } from './latency.ts';
import type { Benchmark } from './main.ts';
import { canPin, type Measured, pinLoad, startMeasured } from './processes.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';
import { createBodySource } from './telemetry.ts';

const LOAD = new URL('./soak-load.ts', import.meta.url).pathname;
const MAIN = new URL('../../aggregator/main.ts', import.meta.url).pathname;
const POINTS_PER_SECOND = 100_000;
const POINTS = 4000;
const READS_PER_SECOND = 20;
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
      await soak(url, Number(minutes), service);
    } finally {
      await service.stop();
    }
  },
};

async function soak(url: string, minutes: number, service: Measured): Promise<void> {
  const mutationsPerBody = await countOfOneBody(url);
  const load = fork(LOAD, [`${url}/v1/metrics`, String(POINTS_PER_SECOND / POINTS), String(POINTS)]);
  let taken = 0;
  load.on('message', () => taken++);
  const ended = once(load, 'exit');
  const rows: string[][] = [];
  try {
    const began = performance.now();
    for (let minute = 1; minute <= minutes; minute++) {
      const [takenBefore, cpuBefore] = [taken, service.cpuSeconds()];
      const times: number[] = [];
      while (performance.now() - began < minute * 60_000) {
        if (load.exitCode !== null) throw new Error('the load ended early');
        times.push(await read(url));
        await new Promise((done) => setTimeout(done, 1000 / READS_PER_SECOND));
      }
      const [p50, p99, longest] = [median(times), quantileOf(times, 0.99), Math.max(...times)];
      rows.push([
        String(minute),
        Math.round(((taken - takenBefore) * POINTS) / 60).toLocaleString('en'),
        `${Math.round((100 * (service.cpuSeconds() - cpuBefore)) / 60)} %`,
        `${Math.round(service.residentBytes() / MIB)} MiB`,
        ...[p50, p99, longest].map((ms) => ms.toFixed(1)),
      ]);
    }
    load.send('stop');
    await ended;
  } finally {
    load.kill();
  }
  printTable(['minute', 'points/s', 'core', 'resident', 'read p50, ms', 'p99, ms', 'longest, ms'], rows);
  // The last message says that it ended.
  const bodies = taken - 1;
  const counted = (await lifetime(url)) - mutationsPerBody;
  console.log(
    `\n${bodies.toLocaleString('en')} bodies were acknowledged, of ${(bodies * mutationsPerBody).toLocaleString('en')} mutations; ` +
      `${counted.toLocaleString('en')} are counted.`,
  );
  if (counted !== bodies * mutationsPerBody) process.exitCode = 1;
}

/** What one body adds to the lifetime totals: the first is sent alone, by an instance that the load has not. */
async function countOfOneBody(url: string): Promise<number> {
  const source = createBodySource({ points: POINTS, cumulative: false, encoding: 'protobuf' });
  const agent = new Agent();
  const timeMs = Date.now();
  await post(agent, `${url}/v1/metrics`, source, source.body(99, { startMs: timeMs - 1, timeMs, factor: 1 }));
  agent.destroy();
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
