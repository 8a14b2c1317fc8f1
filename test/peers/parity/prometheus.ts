/** A real Prometheus that is given the scraped series of a stretch, and the recording rules over them, at their own times. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Rule } from '../../../aggregator/prometheus-rules/rules.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';
import { type MetricsServer, start } from '../dashboards/servers.ts';
import { built } from '../stores/servers.ts';
import type { ScrapedSeries } from './engine.ts';

const BLOCKS_WITHIN_MS = 60_000;
const MINUTE_MS = 60_000;

/** The times of a stretch's evaluations, Unix seconds. */
export interface Times {
  readonly from: number;
  readonly to: number;
}

/**
 * @param series a value for each minute from `startMs` on
 * @param rules recording rules; each may be made of others
 */
export async function startBackfilled(
  series: readonly ScrapedSeries[],
  startMs: number,
  rules: readonly Rule[],
): Promise<MetricsServer> {
  const data = temporaryDirectory();
  const file = join(data, 'scraped.txt');
  await writeOpenMetrics(file, series, startMs);
  await promtool('openmetrics', file, data);
  const minutes = series[0].values.length;
  const times = { from: startMs / 1000 + 60, to: startMs / 1000 + minutes * 60 };
  for (const level of levelsOf(rules)) {
    const server = await startOn(data);
    await backfill(level, server.url, times, data);
    await server.stop();
  }
  return startOn(data);
}

function startOn(data: string): Promise<MetricsServer> {
  return start('Prometheus 3', built('prometheus-3.15.1/prometheus'), '', (config, _, address) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=${address}`,
    '--log.level=error',
  ]);
}

async function backfill(rules: readonly Rule[], url: string, { from, to }: Times, data: string): Promise<void> {
  const file = join(data, 'level.yaml');
  writeFileSync(file, stringify({ groups: [{ name: 'level', interval: '1m', rules }] }));
  await promtool('rules', `--url=${url}`, `--start=${from}`, `--end=${to}`, `--output-dir=${data}`, file);
}

async function promtool(from: 'openmetrics' | 'rules', ...args: string[]): Promise<void> {
  // Not forty blocks a rule, each with its own writes to the disk, but one or two.
  const whole = '--max-block-duration=162h';
  const child = spawn('promtool', ['tsdb', 'create-blocks-from', whole, from, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: BLOCKS_WITHIN_MS,
  });
  endWithUs(child);
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`promtool made no blocks from ${from}: ${said}`);
}

/** Rules in the order of what they are made of: those of scraped series, those of these, and so on. */
export function levelsOf(rules: readonly Rule[]): Rule[][] {
  const levels: Rule[][] = [];
  let left = [...rules];
  while (left.length > 0) {
    const names = left.map(({ record }) => String(record));
    const ready = left.filter(({ expr }) => !names.some((name) => expr.includes(`${name}{`)));
    if (ready.length === 0) throw new Error(`these rules are made of each other: ${names}`);
    levels.push(ready);
    left = left.filter((rule) => !ready.includes(rule));
  }
  return levels;
}

async function writeOpenMetrics(file: string, series: readonly ScrapedSeries[], startMs: number): Promise<void> {
  const out = createWriteStream(file);
  const families = Map.groupBy(series, ({ name }) => name.replace(/_(?:total|bucket|count)$/, ''));
  for (const [family, of] of families) {
    out.write(`# TYPE ${family} ${typeOf(of[0].name)}\n`);
    for (const { name, labels, values } of of) {
      const shown = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
      values.forEach((value, minute) => {
        const atSeconds = (startMs + (minute + 1) * MINUTE_MS) / 1000;
        if (!Number.isNaN(value)) out.write(`${name}{${shown}} ${value} ${atSeconds}\n`);
      });
    }
  }
  out.end('# EOF\n');
  await once(out, 'finish');
}

function typeOf(name: string): string {
  // A histogram that lacks some of its buckets is none.
  if (name.endsWith('_total')) return 'counter';
  return /_(?:bucket|count)$/.test(name) ? 'unknown' : 'gauge';
}
