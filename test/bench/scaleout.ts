/**
 * What it costs to answer from a Prometheus server instead of the embedded store, and what more aggregators over one
 * server bring: answers a second and their times, with answers kept for 5 s as by default, and each made anew.
 */
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { availableParallelism } from 'node:os';
import { startPrometheus3 } from '../peers/stores/servers.ts';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { encodeOtlp } from '../support/otlp.ts';
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';
import type { Benchmark } from './main.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';

const MUTATIONS = 200;
const TICKS = 60;
const TICK_MS = 30_000;
const READERS = 16;
const ROUND_MS = 3000;
const ROUNDS = 3;
const PATHS = ['/monitoring/graphql/mutations/', '/monitoring/graphql/mutations/breakdown/'];

interface Contestant {
  readonly name: string;
  readonly aggregators: readonly RunningAggregator[];
  readonly perSecond: number[];
  readonly times: number[];
}

export const benchmark: Benchmark = {
  about: 'answers from the embedded store and from one to three aggregators over one Prometheus',
  async run() {
    const holder = await startPrometheus3();
    const store = { MONITORING_STORE: 'prometheus', PROMETHEUS_URL: holder.server.url };
    const begun = (env: Record<string, string>) => startAggregator({ env: { MONITORING_LOG_LEVEL: 'error', ...env } });
    const all: RunningAggregator[] = [];
    try {
      const kept = { MONITORING_CACHE_TTL_SECONDS: '5' };
      const anew = { MONITORING_CACHE_TTL_SECONDS: '0' };
      for (const env of [kept, anew]) all.push(await begun(env));
      for (const ttl of [kept, anew]) for (let i = 0; i < 3; i++) all.push(await begun({ ...store, ...ttl }));
      await fill([`${all[0].url}/v1/metrics`, `${all[1].url}/v1/metrics`, String(holder.otlpUrl)]);
      const contestants = [
        contestant('embedded, kept 5 s', [all[0]]),
        ...[1, 2, 3].map((n) => contestant(`${n} over Prometheus, kept 5 s`, all.slice(2, 2 + n))),
        contestant('embedded, each anew', [all[1]]),
        ...[1, 2, 3].map((n) => contestant(`${n} over Prometheus, each anew`, all.slice(5, 5 + n))),
      ];
      for (let round = 0; round < ROUNDS; round++) for (const one of contestants) await measure(one);
      print(contestants);
    } finally {
      await Promise.all(all.map((one) => one.stop('SIGKILL')));
      await holder.server.stop();
    }
  },
};

function contestant(name: string, aggregators: readonly RunningAggregator[]): Contestant {
  return { name, aggregators, perSecond: [], times: [] };
}

/** 200 mutations for half an hour, in exponential histograms that count from their start. */
async function fill(urls: readonly string[]): Promise<void> {
  const untilMs = Date.now() - 1000;
  const startMs = untilMs - TICKS * TICK_MS - 1;
  for (let tick = 0; tick <= TICKS; tick++) {
    const points = Array.from({ length: MUTATIONS }, (_, i): PointDescription => {
      const values = Array.from({ length: tick * 2 }, (_, n) => 0.005 * (1 + ((i + n) % 60)));
      const attributes = { 'vigil.mutation.name': `Update${i}Entity`, 'vigil.mutation.outcome': 'success' };
      const timeMs = untilMs - (TICKS - tick) * TICK_MS;
      const common = { instance: 'one', cumulative: true, startMs, timeMs, shape: { scale: 4 } };
      return { metric: 'vigil.mutation.duration', attributes, values, ...common };
    });
    const body = new Uint8Array(encodeOtlp('ExportMetricsServiceRequest', JSON.parse(metricsBody(points).toString())));
    const headers = { 'Content-Type': 'application/x-protobuf', 'X-Monitoring-API-Key': KEY };
    for (const url of urls) {
      const answer = await fetch(url, { method: 'POST', headers, body });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
    }
  }
}

/** Readers who ask one after the other, each its next question of the next aggregator. */
async function measure({ aggregators, perSecond, times }: Contestant): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const untilMs = performance.now() + ROUND_MS;
  let answers = 0;
  const read = async (reader: number): Promise<void> => {
    for (let n = reader; performance.now() < untilMs; n++) {
      const beganMs = performance.now();
      const { url } = aggregators[n % aggregators.length];
      const asked = get(url + PATHS[n % PATHS.length], { agent, headers: { 'X-Monitoring-API-Key': KEY } });
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      await once(answer.resume(), 'end');
      if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
      times.push(performance.now() - beganMs);
      answers++;
    }
  };
  await Promise.all(Array.from({ length: READERS }, (_, reader) => read(reader)));
  perSecond.push((1000 * answers) / ROUND_MS);
  agent.destroy();
}

function print(contestants: readonly Contestant[]): void {
  console.log(surroundings([]));
  console.log(
    `${MUTATIONS} mutations, window of an hour, ${READERS} readers; medians of ${ROUNDS} rounds. Aggregators, Prometheus 3 and ` +
      `readers share ${availableParallelism()} cores.\n`,
  );
  printTable(
    ['aggregators', 'answers/s', 'p50, ms', 'p99, ms'],
    contestants.map(({ name, perSecond, times }) => [
      name,
      median(perSecond).toFixed(0),
      median(times).toFixed(1),
      quantileOf(times, 0.99).toFixed(1),
    ]),
  );
}
