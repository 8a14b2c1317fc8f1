import { chmodSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { localAggregatorFile } from '@vigil/semconv';
import { describe, expect, test } from 'vitest';
import { announceLocally } from '../../aggregator/announcement.ts';
import { findLocalAggregator } from '../../otel-config/local-aggregator.ts';
import { packageAttributes } from '../../otel-config/package-attributes.ts';
import { startAggregator } from '../support/aggregator.ts';
import { app, runApp } from './run-app.ts';

const state = () => mkdtempSync(join(tmpdir(), 'state-'));
const pathIn = (directory: string) => localAggregatorFile({ XDG_STATE_HOME: directory }, 'linux', () => '/nobody');
const gone = 2 ** 22 - 1;

test('an application without variables finds the aggregator, and is called as its package is', async () => {
  const directory = state();
  const aggregator = await startAggregator({ env: { XDG_STATE_HOME: directory, MONITORING_INGEST_KEY: '' } });
  const path = pathIn(directory);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const { ingestKey } = JSON.parse(readFileSync(path, 'utf8')) as { ingestKey: string };
  const read = await fetch(`${aggregator.url}/monitoring/slo/`, { headers: { 'X-Monitoring-API-Key': ingestKey } });
  expect(read.status, 'the key in the file sends, and reads nothing').toBe(403);

  const end = await runApp(app('record.ts'), { env: { XDG_STATE_HOME: directory } });
  expect(end.stderr).toBe(`vigil: telemetry goes to the aggregator on this machine, ${aggregator.url} (by ${path}).\n`);
  const { statistics } = await aggregator.json<{ statistics: { total_mutations: number } }>(
    '/monitoring/graphql/mutations/?service=vigil',
  );
  expect(statistics.total_mutations).toBeGreaterThan(0);

  await aggregator.stop();
  expect(() => statSync(path), 'it is withdrawn').toThrow('ENOENT');
});

describe('the file', () => {
  const aggregator = { url: 'http://127.0.0.1:8000', ingestKey: 'k'.repeat(32), pid: process.pid };
  const find = (directory: string, env: Record<string, string> = {}) =>
    findLocalAggregator({ XDG_STATE_HOME: directory, ...env });

  test('is of the first aggregator that runs, and of the next when that is gone', () => {
    const directory = state();
    const path = pathIn(directory);
    announceLocally({ ...aggregator, pid: gone }, path);
    expect(find(directory), 'nobody runs there any more').toBeUndefined();
    const first = announceLocally(aggregator, path);
    expect(find(directory)).toEqual({ aggregator, path });
    const other = { ...aggregator, url: 'http://127.0.0.1:8001', pid: gone };
    expect(announceLocally(other, path), 'another one').toBeUndefined();
    expect(find(directory)).toEqual({ aggregator, path });
    expect(announceLocally({ ...aggregator, pid: gone }, path), 'the next on the same address').toBeDefined();
    first?.withdraw();
    expect(statSync(path).isFile(), 'what is not its own stays').toBe(true);
  });

  test('is not looked at where a variable says anything of OTLP', () => {
    const directory = state();
    announceLocally(aggregator, pathIn(directory));
    expect(find(directory, { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' })).toBeUndefined();
    expect(find(directory, { OTEL_EXPORTER_OTLP_ENDPOINT: '' })).toBeDefined();
  });

  test.each([
    ['others may write it', { ...aggregator }, 0o666],
    ['its address is not of this machine', { ...aggregator, url: 'http://evil.example' }, 0o600],
    ['it was not written by an aggregator of this version', { url: 5 }, 0o600],
    ['it was not written by an aggregator of this version', 'nonsense', 0o600],
  ])('is refused: %s', (refused, content, mode) => {
    const path = pathIn(state());
    mkdirSync(dirname(path));
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    chmodSync(path, mode);
    expect(find(join(path, '../..'))).toEqual({ refused, path });
  });

  test.each([
    [{ XDG_STATE_HOME: '/var/state' }, 'linux', '/var/state/vigil/aggregator.json'],
    [{ XDG_STATE_HOME: 'relative' }, 'linux', '/home/ann/.local/state/vigil/aggregator.json'],
    [{}, 'darwin', '/home/ann/.local/state/vigil/aggregator.json'],
    [{ LOCALAPPDATA: 'C:\\Local' }, 'win32', 'C:\\Local\\vigil\\aggregator.json'],
  ])('%o on %s is %s', (env, platform, path) => {
    expect(localAggregatorFile(env, platform, () => '/home/ann')).toBe(path);
  });
});

describe('the name of a service', () => {
  const directory = mkdtempSync(join(tmpdir(), 'app-'));
  mkdirSync(join(directory, 'dist', 'esm'), { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"name":"@acme/shop","version":"1.4.2"}');
  writeFileSync(join(directory, 'dist', 'esm', 'package.json'), '{"type":"module"}');
  const attributes = { 'service.name': '@acme/shop', 'service.version': '1.4.2' };

  test('is of the nearest package.json with a name', () => {
    expect(packageAttributes(join(directory, 'dist/esm/main.js'), '/')).toEqual(attributes);
    expect(packageAttributes('/main.js', directory)).toEqual({});
  });

  test('is not that of a tool which runs the application', () => {
    const tool = join(directory, 'node_modules/next/dist/bin/next');
    expect(packageAttributes(tool, join(directory, 'dist'))).toEqual(attributes);
    expect(packageAttributes(undefined, directory)).toEqual(attributes);
  });
});
