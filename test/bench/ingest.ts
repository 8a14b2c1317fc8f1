/**
 * How many points a second one core receives over OTLP/HTTP: gzip, decoding, series, minutes, journal. Every receiver
 * runs on the same core, the load comes from the other, and all take turns with the same bodies.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, KEY, temporaryDirectory } from '../support/aggregator.ts';
import type { Benchmark } from './main.ts';
import { canPin, findBuilt, findProgram, type Measured, pinLoad, startMeasured } from './processes.ts';
import { median, printTable, surroundings } from './report.ts';
import { type BodyOptions, type BodySource, createBodySource } from './telemetry.ts';

const ROUNDS = 5;
const POINTS_PER_ROUND = 600_000;
const INSTANCES = 10;
const CONNECTIONS = 8;

interface Contestant {
  readonly name: string;
  readonly load: string;
  readonly url: string;
  readonly running: Measured;
  readonly perCpuSecond: number[];
  readonly perSecond: number[];
}

const STANDARD = '4,000 points, delta';
const CUMULATIVE = '4,000 points, cumulative';

const loads: Record<string, BodyOptions> = {
  [STANDARD]: { points: 4000, cumulative: false, encoding: 'protobuf' },
  [CUMULATIVE]: { points: 4000, cumulative: true, encoding: 'protobuf' },
  '200 points, delta': { points: 200, cumulative: false, encoding: 'protobuf' },
  '4,000 points, delta, JSON': { points: 4000, cumulative: false, encoding: 'json' },
};

export const benchmark: Benchmark = {
  about:
    'points a second that one core receives, beside other decoders, VictoriaMetrics and the Collector. Argument: alone',
  async run([alone]) {
    pinLoad();
    const root = mkdtempSync(join(tmpdir(), 'vigil-bench-'));
    const contestants: Contestant[] = [];
    try {
      for (const load of Object.keys(loads)) contestants.push(await vigil(load));
      if (alone === undefined) contestants.push(...(await others(root)));
      for (let round = 0; round <= ROUNDS; round++) await runRound(contestants, round);
      print(contestants);
    } finally {
      await Promise.all(contestants.map(({ running }) => running.stop('SIGKILL')));
      rmSync(root, { recursive: true, force: true });
    }
  },
};

const contestant = (name: string, load: string, url: string, running: Measured): Contestant => ({
  name,
  load,
  url,
  running,
  perCpuSecond: [],
  perSecond: [],
});

async function vigil(load: string): Promise<Contestant> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const env = {
    PORT: String(port),
    MONITORING_API_KEY: KEY,
    MONITORING_DATA_DIR: temporaryDirectory(),
    MONITORING_LOG_LEVEL: 'warn',
  };
  const main = join(import.meta.dirname, '../../aggregator/main.ts');
  const running = await startMeasured(process.execPath, [main], { env, url: `${url}/readyz` });
  return contestant('Vigil', load, `${url}/v1/metrics`, running);
}

async function sameServer(decoder: string, root: string): Promise<Contestant> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const file = join(import.meta.dirname, 'ingest-server.ts');
  const directory = mkdtempSync(join(root, `${decoder}-`));
  const running = await startMeasured(process.execPath, [file, decoder, String(port), directory], { url });
  return contestant(`same server, ${decoder} objects, adding only`, STANDARD, `${url}/v1/metrics`, running);
}

/** The same server with other decoders, and what else is installed. */
async function others(root: string): Promise<Contestant[]> {
  const found: Contestant[] = [];
  for (const decoder of ['pbf', 'protobufjs']) found.push(await sameServer(decoder, root));
  const victoria = findBuilt('victoria-metrics');
  if (victoria === undefined) console.log('VictoriaMetrics is missing: run .ci/metrics-servers, which builds it.');
  else {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const args = [
      `-httpListenAddr=127.0.0.1:${port}`,
      `-storageDataPath=${join(root, 'victoria')}`,
      '-loggerLevel=ERROR',
    ];
    const env = { GOMAXPROCS: '1' };
    const running = await startMeasured(victoria.file, args, { env, url: `${url}/health` });
    // It drops delta points.
    found.push(
      contestant(`VictoriaMetrics ${victoria.version}`, CUMULATIVE, `${url}/opentelemetry/v1/metrics`, running),
    );
  }
  const collector = findProgram('otelcol-vigil');
  if (collector === undefined) console.log('The Collector (otelcol-vigil) is not installed.');
  else
    for (const [name, exporter] of [
      ['counting only', 'debug: { verbosity: basic }'],
      ['OTLP', `otlp_http: { endpoint: "${await startSink()}", compression: gzip }`],
    ]) {
      const port = await freePort();
      const file = join(root, `collector-${port}.yaml`);
      const [key] = exporter.split(':');
      writeFileSync(
        file,
        `receivers: { otlp: { protocols: { http: { endpoint: "127.0.0.1:${port}" } } } }
exporters: { ${exporter} }
service:
  telemetry: { metrics: { level: none }, logs: { level: error } }
  pipelines: { metrics: { receivers: [otlp], exporters: [${key}] } }
`,
      );
      const env = { GOMAXPROCS: '1' };
      const url = `http://127.0.0.1:${port}/v1/metrics`;
      const running = await startMeasured(collector, ['--config', `file:${file}`], { env, url });
      found.push(contestant(`Collector, OTLP → ${name}`, STANDARD, url, running));
    }
  return found;
}

/** Takes whatever the Collector sends on, on the core of the load. */
async function startSink(): Promise<string> {
  const server = createServer((incoming, response) => {
    incoming.resume().on('end', () => response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
}

async function runRound(contestants: readonly Contestant[], round: number): Promise<void> {
  for (const load of Object.keys(loads)) {
    const options = loads[load];
    const source = createBodySource(options);
    const bodies = bodiesOf(source, round, options.encoding === 'json' ? POINTS_PER_ROUND / 3 : POINTS_PER_ROUND);
    for (const one of contestants.filter((c) => c.load === load)) {
      const points = bodies.length * source.points;
      const cpu = one.running.cpuSeconds();
      const began = performance.now();
      await sendAll(one, source, bodies);
      const seconds = (performance.now() - began) / 1000;
      const cpuSeconds = one.running.cpuSeconds() - cpu;
      // The first round warms up.
      if (round === 0) continue;
      one.perSecond.push(points / seconds);
      one.perCpuSecond.push(points / cpuSeconds);
    }
  }
}

/** Fresh bodies, an export of every instance after the other: the intervals adjoin from round to round. */
function bodiesOf(source: BodySource, round: number, points: number): Buffer[] {
  const perRound = Math.ceil(points / source.points / INSTANCES);
  const bodies: Buffer[] = [];
  for (let tick = round * perRound; tick < (round + 1) * perRound; tick++)
    for (let instance = 0; instance < INSTANCES; instance++) {
      const timeMs = BEGAN + (tick + 1) * 10;
      const startMs = source.isCumulative ? BEGAN : timeMs - 10;
      bodies.push(source.body(instance, { startMs, timeMs, factor: source.isCumulative ? tick + 1 : 1 }));
    }
  return bodies;
}

/** A little after the receivers start, so that cumulative streams count from their start. */
const BEGAN = Date.now() + 60_000;

async function sendAll(to: Contestant, source: BodySource, bodies: readonly Buffer[]): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const { hostname, port, pathname } = new URL(to.url);
  let next = 0;
  const sendNext = async (): Promise<void> => {
    while (next < bodies.length) {
      const body = bodies[next++];
      const headers = { ...source.headers, 'Content-Length': body.length, 'X-Monitoring-API-Key': KEY };
      const options = { agent, hostname, port, path: pathname, method: 'POST', headers };
      await new Promise<void>((done, fail) => {
        const sent = request(options, (answer) => {
          answer.resume().on('end', () => {
            if (answer.statusCode === 200 || answer.statusCode === 204) done();
            else fail(new Error(`${to.name} answered ${answer.statusCode}`));
          });
        });
        sent.on('error', fail).end(body);
      });
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, sendNext));
  agent.destroy();
}

function print(contestants: readonly Contestant[]): void {
  console.log(surroundings(['pbf', 'protobufjs', '@opentelemetry/sdk-metrics']));
  console.log(
    `${canPin ? 'Receivers on one core, load on the other.' : 'Not bound to cores.'} Medians of ${ROUNDS} rounds of ${POINTS_PER_ROUND} points. ` +
      'VictoriaMetrics keeps the buckets of every instance, a more general job.\n',
  );
  const vigilWith = (load: string) => contestants.find((c) => c.name === 'Vigil' && c.load === load) as Contestant;
  const thousands = (n: number) => Math.round(n / 1000).toLocaleString('en');
  printTable(
    ['receiver', 'body', 'k points / CPU s', 'k points / s', 'Vigil is, same body'],
    contestants.map(({ name, load, perCpuSecond, perSecond }) => {
      const own = median(perCpuSecond);
      const ratio = median(vigilWith(load).perCpuSecond) / own;
      return [
        name,
        load,
        thousands(own),
        thousands(median(perSecond)),
        name === 'Vigil' ? '' : `${ratio.toFixed(1)} ×`,
      ];
    }),
  );
}
