import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { startAggregator, temporaryDirectory } from '../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';

const CLI = resolve(import.meta.dirname, '../../aggregator/cli.ts');
const HOUR = 3_600_000;

function vigil(directory: string, ...args: string[]) {
  const env = { ...process.env, MONITORING_DATA_DIR: directory };
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    env,
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  return { status, stdout, stderr };
}

/** Three days of one sender that counts from its start, an export an hour. */
function history(now: number): { lines: string[]; total: number; ofLastDay: number } {
  const startMs = now - 72 * HOUR;
  const values: number[] = [];
  const lines: string[] = [];
  let ofLastDay = 0;
  for (let hour = 0; hour < 71; hour++) {
    // The first point is soon after the start: the stream began in the file.
    const timeMs = startMs + hour * HOUR + 60_000;
    const fresh = [0.1, 0.2, 0.7].slice(0, 1 + (hour % 3));
    values.push(...fresh);
    if (timeMs > now - 24 * HOUR) ofLastDay += fresh.length;
    const point: PointDescription = {
      metric: 'vigil.mutation.duration',
      instance: 'one',
      version: '1.4.2',
      attributes: { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': 'success' },
      cumulative: true,
      startMs,
      timeMs,
      values,
      shape: { scale: 6 },
    };
    lines.push(metricsBody([point]).toString());
  }
  return { lines, total: values.length, ofLastDay };
}

async function totals(directory: string): Promise<{ all: number; day: number; p95: number }> {
  const aggregator = await startAggregator({ directory });
  interface Body {
    readonly statistics: { readonly total_mutations: number; readonly execution_time: { readonly p95: number } };
  }
  const all = await aggregator.json<Body>(`/monitoring/graphql/mutations/?window=${80 * 60}`);
  const day = await aggregator.json<Body>(`/monitoring/graphql/mutations/?window=${24 * 60}`);
  await aggregator.stop();
  const { total_mutations, execution_time } = all.statistics;
  return { all: total_mutations, day: day.statistics.total_mutations, p95: execution_time.p95 };
}

test('files go in at their original times, once, and come out as they went in', async () => {
  const directory = temporaryDirectory();
  const { lines, total, ofLastDay } = history(Date.now());
  const file = join(directory, 'telemetry.jsonl.gz');
  writeFileSync(file, gzipSync([...lines.slice(0, 40), '', ...lines.slice(40)].join('\n')));
  const first = vigil(directory, 'import', file);
  expect(first).toMatchObject({ status: 0, stderr: '' });
  expect(first.stdout).toContain('taken 71');
  expect(vigil(directory, 'import', file).stdout).toContain('taken 0, duplicate 71');
  const imported = await totals(directory);
  expect(imported).toMatchObject({ all: total, day: ofLastDay });

  const exported = vigil(directory, 'export');
  expect(exported).toMatchObject({ status: 0, stderr: '' });
  const copy = temporaryDirectory();
  const copyFile = join(copy, 'export.jsonl');
  writeFileSync(copyFile, exported.stdout);
  expect(vigil(copy, 'import', copyFile)).toMatchObject({ status: 0, stderr: '' });
  expect(await totals(copy)).toEqual(imported);
  expect(vigil(copy, 'import', copyFile).stdout).toContain('taken 0');
  expect(await totals(copy)).toEqual(imported);
});

test('a bad line is named with its place, and costs no other line', () => {
  const directory = temporaryDirectory();
  const { lines } = history(Date.now());
  const file = join(directory, 'telemetry.jsonl');
  writeFileSync(file, [lines[0], '{"resourceMetrics": [', 'hello', '{"resourceLogs": []}', lines[1]].join('\n'));
  const { status, stdout, stderr } = vigil(directory, 'import', file);
  expect(status).toBe(1);
  expect(stdout).toContain('taken 2');
  expect(stderr.trim().split('\n')).toEqual([
    expect.stringMatching(/telemetry\.jsonl:2: .+/),
    expect.stringMatching(/telemetry\.jsonl:3: not a line of OTLP\/JSON/),
  ]);
});

test('an export tells what it left out, and ends with 1', () => {
  const directory = temporaryDirectory();
  const file = join(directory, 'telemetry.jsonl');
  writeFileSync(file, history(Date.now()).lines.join('\n'));
  expect(vigil(directory, 'import', file).status).toBe(0);
  const whole = vigil(directory, 'export').stdout.split('\n').length;
  const database = new DatabaseSync(join(directory, 'vigil.db'));
  database.exec('UPDATE blocks SET data = substr(data, 1, 20) WHERE id = (SELECT min(id) FROM blocks)');
  database.close();
  const { status, stdout, stderr } = vigil(directory, 'export');
  expect([status, stdout.split('\n').length]).toEqual([1, whole - 1]);
  expect(stderr).toMatch(/^left out: .*vigil\.db is damaged: the block of \S+ cannot be read[^\n]*\n$/);
});

test('mistakes are answered with the mend', async () => {
  const directory = temporaryDirectory();
  expect(vigil(directory, 'import')).toMatchObject({ status: 2, stderr: expect.stringContaining('at least one file') });
  expect(vigil(directory, 'import', 'nowhere.jsonl')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('nowhere.jsonl cannot be read'),
  });
  expect(vigil(directory, 'export', '--from', 'yesterday')).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('ISO 8601'),
  });
  expect(vigil(directory, 'frobnicate')).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage:') });
  const aggregator = await startAggregator({ directory });
  const { status, stderr } = vigil(directory, 'export');
  await aggregator.stop();
  expect(status).toBe(2);
  expect(stderr).toMatch(/in use by another process/);
  expect(stderr).not.toMatch(/\n\s+at /);
});
