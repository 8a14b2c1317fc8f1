/** How long a start takes: with seven days of 500 series, in good order and after kill -9 with a full journal. */
import { cpSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { freePort, KEY, temporaryDirectory } from '../support/aggregator.ts';
import { fillStore } from './filled-store.ts';
import { post } from './latency.ts';
import type { Benchmark } from './main.ts';
import { pinLoad, startMeasured } from './processes.ts';
import { median, printTable, surroundings } from './report.ts';
import { createBodySource } from './telemetry.ts';

const MAIN = new URL('../../aggregator/start.js', import.meta.url).pathname;
const ROUNDS = 5;
/** What comes in from one checkpoint to the next at 36,000 points a second. */
const POINTS = 2_160_000;
const INSTANCES = 18;

export const benchmark: Benchmark = {
  about:
    'time from start to ready: 7 days of 500 series, after a stop and after kill -9. Argument: a folder to keep the store in',
  async run([kept]) {
    pinLoad();
    const filled = fillStore({ kept });
    const killed = await killedUnderLoad(filled);
    console.log(surroundings([]));
    const rows = [await measure('empty', temporaryDirectory())];
    rows.push(await measure('7 days of 500 series', filled));
    rows.push(await measure(`the same, and ${POINTS / 1e6} million points in the journal after kill -9`, killed));
    printTable(['start', 'median, s', 'slowest, s'], rows);
    console.log(`\nFrom the start of the process to /readyz, ${ROUNDS} starts each.`);
  },
};

async function start(directory: string) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    MONITORING_API_KEY: KEY,
    MONITORING_DATA_DIR: directory,
    MONITORING_LOG_LEVEL: 'error',
  };
  return { url, service: await startMeasured(process.execPath, [MAIN], { env, url: `${url}/readyz` }) };
}

async function measure(name: string, directory: string): Promise<string[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const copy = temporaryDirectory();
    cpSync(directory, copy, { recursive: true });
    const began = performance.now();
    const { service } = await start(copy);
    times.push((performance.now() - began) / 1000);
    await service.stop('SIGKILL');
    rmSync(copy, { recursive: true });
  }
  return [name, median(times).toFixed(2), Math.max(...times).toFixed(2)];
}

/** A copy of the directory in which a process was killed just before its checkpoint. */
async function killedUnderLoad(directory: string): Promise<string> {
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  const { url, service } = await start(copy);
  const source = createBodySource({ points: 4000, cumulative: true, encoding: 'protobuf' });
  const agent = new Agent({ keepAlive: true });
  const startMs = Date.now();
  for (let sent = 0, n = 0; sent < POINTS; sent += source.points, n++) {
    const factor = Math.floor(n / INSTANCES) + 1;
    await post(
      agent,
      `${url}/v1/metrics`,
      source,
      source.body(n % INSTANCES, { startMs, timeMs: startMs + factor, factor }),
    );
  }
  await service.stop('SIGKILL');
  agent.destroy();
  return copy;
}
