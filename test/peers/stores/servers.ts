/** Servers that hold the raw series, and how telemetry gets into them. */
import { spawnSync } from 'node:child_process';
import { accessSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { metrics } from '@vigil/semconv';
import { seriesName } from '../../../aggregator/store/prometheus/names.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import type { PointDescription } from '../../support/otlp-json.ts';
import { type MetricsServer, start } from '../dashboards/servers.ts';

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vigil-ci');
/** What happened reaches back for less than an hour. */
const PROMETHEUS_CONFIG = 'storage: { tsdb: { out_of_order_time_window: 1h } }\n';
const BLOCKS_WITHIN_MS = 30_000;

/** Where `.ci/metrics-servers` puts what it builds. @throws where it has not run */
export function built(file: string): string {
  const path = join(CACHE, file);
  try {
    accessSync(path);
  } catch {
    throw new Error(`${path} is missing: run .ci/metrics-servers, which builds it`);
  }
  return path;
}

export interface Holder {
  readonly server: MetricsServer;
  /** What an aggregator is told beside the address. */
  readonly env: Readonly<Record<string, string>>;
  /** Where OTLP is sent to; absent where the server began with its data. */
  readonly otlpUrl?: string;
}

export async function startPrometheus3(): Promise<Holder> {
  const server = await start(
    'Prometheus 3',
    built('prometheus-3.15.1/prometheus'),
    PROMETHEUS_CONFIG,
    (file, directory, address) => [
      `--config.file=${file}`,
      `--storage.tsdb.path=${directory}`,
      `--web.listen-address=${address}`,
      '--web.enable-otlp-receiver',
      '--log.level=error',
    ],
  );
  return { server, env: {}, otlpUrl: `${server.url}/api/v1/otlp/v1/metrics` };
}

export async function startVictoriaMetrics(): Promise<Holder> {
  const server = await start(
    'VictoriaMetrics',
    built('victoria-metrics-1.148.9/victoria-metrics'),
    '',
    (_, directory, address) => [
      `-storageDataPath=${directory}`,
      `-httpListenAddr=${address}`,
      '-opentelemetry.usePrometheusNaming',
      '-inmemoryDataFlushInterval=1s',
      '-loggerLevel=ERROR',
    ],
  );
  const env = { PROMETHEUS_SERVICE_LABEL: 'service_name' };
  return { server, env, otlpUrl: `${server.url}/opentelemetry/v1/metrics` };
}

/** Debian's Prometheus 2 knows no OTLP: it begins with blocks that promtool makes of the same points. */
export async function startPrometheus2(points: readonly (readonly PointDescription[])[]): Promise<Holder> {
  const directory = temporaryDirectory();
  const file = join(directory, 'points.txt');
  const blocks = join(directory, 'blocks');
  writeFileSync(file, openMetrics(points.flat()));
  const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', file, blocks], {
    timeout: BLOCKS_WITHIN_MS,
    encoding: 'utf8',
  });
  if (made.status !== 0) throw new Error(`promtool made no blocks: ${made.stderr || made.error}`);
  const server = await start('Prometheus 2', 'prometheus', '', (config, _, address) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${blocks}`,
    `--web.listen-address=${address}`,
    '--log.level=error',
  ]);
  return { server, env: {} };
}

/** Points as a scrape would have seen them, with their times. */
function openMetrics(points: readonly PointDescription[]): string {
  const families = Map.groupBy(points, ({ metric }) => metric);
  const lines = [...families].flatMap(([metric, of]) => {
    const family = seriesName(metric).replace(/_total$/, '');
    const isCounter = metrics[metric].kind === 'counter';
    const series = Map.groupBy(of, (point) => labelsOf(point));
    return [
      `# TYPE ${family} ${isCounter ? 'counter' : 'histogram'}`,
      ...[...series].flatMap(([labels, samples]) =>
        isCounter
          ? samples.map(({ values, timeMs }) => `${family}_total{${labels}} ${values.length} ${timeMs / 1000}`)
          : samples.flatMap((point) => histogramLines(family, labels, point)),
      ),
    ];
  });
  return `${lines.join('\n')}\n# EOF\n`;
}

function histogramLines(family: string, labels: string, { values, timeMs, edges = [] }: PointDescription): string[] {
  const at = timeMs / 1000;
  const upTo = (edge: number) => values.filter((value) => value <= edge).length;
  return [
    ...[...edges, Infinity].map((edge) => {
      const le = edge === Infinity ? '+Inf' : String(edge);
      return `${family}_bucket{${labels},le="${le}"} ${upTo(edge)} ${at}`;
    }),
    `${family}_sum{${labels}} ${values.reduce((sum, value) => sum + value, 0)} ${at}`,
    `${family}_count{${labels}} ${values.length} ${at}`,
  ];
}

function labelsOf({ service = 'shop', instance, attributes }: PointDescription): string {
  const labels = { job: service, instance, ...attributes };
  const escaped = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return Object.entries(labels)
    .map(([key, value]) => `${key.replaceAll('.', '_')}="${escaped(value)}"`)
    .join(',');
}
