/** A real Prometheus and a real VictoriaMetrics that scrape an aggregator every second, and how they are asked. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort, KEY, temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';

const READY_WITHIN_MS = 20_000;
const END_WITHIN_MS = 5000;

export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** Unix seconds and number; one for an instant. */
  readonly points: readonly (readonly [number, number])[];
}

export interface MetricsServer {
  readonly name: string;
  readonly url: string;
  instant(expression: string, atSeconds: number): Promise<readonly Series[]>;
  range(expression: string, span: { from: number; to: number; step: number }): Promise<readonly Series[]>;
  stop(): Promise<void>;
}

type Sample = readonly [number, string];

interface Answer {
  readonly status: string;
  readonly error?: string;
  readonly data?: { readonly resultType: string; readonly result: unknown };
}

/** @param target host and port of the aggregator */
export function scrapeConfig(target: string): string {
  return `
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: vigil
    metrics_path: /monitoring/metrics/prometheus/
    authorization: { credentials: ${KEY} }
    static_configs: [{ targets: ['${target}'] }]
`;
}

export function startPrometheus(config: string): Promise<MetricsServer> {
  return start('Prometheus', 'prometheus', config, (file, directory, address) => [
    `--config.file=${file}`,
    `--storage.tsdb.path=${directory}`,
    `--web.listen-address=${address}`,
    '--enable-feature=exemplar-storage',
    '--log.level=error',
  ]);
}

export function startVictoriaMetrics(config: string): Promise<MetricsServer> {
  return start('VictoriaMetrics', 'victoria-metrics', config, (file, directory, address) => [
    `-promscrape.config=${file}`,
    `-storageDataPath=${directory}`,
    `-httpListenAddr=${address}`,
    '-search.latencyOffset=0s',
    '-search.disableCache',
    '-loggerLevel=ERROR',
  ]);
}

/** Starts a server on a free port and waits until it answers; what it holds is gone when this process ends. */
export async function start(
  name: string,
  command: string,
  config: string,
  argumentsOf: (file: string, directory: string, address: string) => string[],
): Promise<MetricsServer> {
  const directory = temporaryDirectory();
  const file = join(directory, 'scrape.yml');
  writeFileSync(file, config);
  const address = `127.0.0.1:${await freePort()}`;
  const child = spawn(command, argumentsOf(file, join(directory, 'data'), address), {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await once(child, 'spawn');
  endWithUs(child);
  const url = `http://${address}`;
  await ready(name, url, child);
  const ask = async (path: string, fields: Record<string, string>): Promise<readonly Series[]> => {
    const answer = await fetch(`${url}/api/v1/${path}`, { method: 'POST', body: new URLSearchParams(fields) });
    const { status, error, data } = (await answer.json()) as Answer;
    if (status !== 'success' || data === undefined) throw new Error(`${name}: ${error}: ${fields['query']}`);
    return seriesOf(data.resultType, data.result);
  };
  return {
    name,
    url,
    instant: (query, atSeconds) => ask('query', { query, time: String(atSeconds) }),
    range: (query, { from, to, step }) =>
      ask('query_range', { query, start: String(from), end: String(to), step: String(step) }),
    stop: () => end(child),
  };
}

function seriesOf(type: string, result: unknown): Series[] {
  if (type === 'scalar') return [{ metric: {}, points: [numbers(result as Sample)] }];
  const rows = result as readonly { metric: Record<string, string>; value?: Sample; values?: readonly Sample[] }[];
  return rows.map(({ metric, value, values = [] }) => ({
    metric,
    points: (value === undefined ? values : [value]).map(numbers),
  }));
}

function numbers([seconds, text]: Sample): readonly [number, number] {
  return [seconds, Number(text)];
}

async function ready(name: string, url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    const answer = await fetch(`${url}/api/v1/query?query=1`).catch(() => undefined);
    if (answer?.ok) return;
    await delay(50);
  }
  throw new Error(`${name} did not become ready`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const cap = setTimeout(() => child.kill('SIGKILL'), END_WITHIN_MS);
  await exited;
  clearTimeout(cap);
}
