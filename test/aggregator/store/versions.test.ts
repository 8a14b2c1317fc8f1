/** More versions of a service than are told apart, through restarts: names stay where they are, and numbers with them. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, test } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';

const MINUTE = 60_000;
const silent = { info: () => {}, warn: () => {}, error: () => {} };
const limits = { total: 100, perMetric: 100, versionsPerService: 2, edgeLists: 2 };

let clock = Date.UTC(2026, 0, 15, 12, 34, 56);
let opened: OpenedStore | undefined;
afterEach(close);

function close(): void {
  opened?.close();
  opened = undefined;
}

function reopen(directory: string): OpenedStore {
  close();
  clock += MINUTE;
  const options = { directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent, limits };
  opened = openEmbeddedStore({ ...options, now: () => clock });
  return opened;
}

function take({ receiver }: OpenedStore, version: string, times: number, task = 'send'): void {
  const point = { instance: `of ${version}`, version, cumulative: false, startMs: clock - 1000, timeMs: clock };
  const values = new Array<number>(times).fill(0.3);
  const mutation = { 'vigil.mutation.name': task, 'vigil.mutation.outcome': 'success' };
  const bytes = metricsBody([
    { ...point, values, metric: 'vigil.task.requests', attributes: { 'vigil.task.name': task }, shape: 'sum' },
    { ...point, values, metric: 'vigil.mutation.duration', attributes: mutation, shape: { scale: 4 } },
  ]);
  expect(receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false }).rejected).toBe(0);
}

/** By version and name of the task: its counter, and its histogram's count. */
async function totals({ store }: OpenedStore): Promise<Record<string, [number, number | undefined]>> {
  const counts = await store.lifetimeCounts({
    metric: 'vigil.task.requests',
    by: ['service.version', 'vigil.task.name'],
  });
  const histograms = await store.lifetimeHistograms({
    metric: 'vigil.mutation.duration',
    by: ['service.version', 'vigil.mutation.name'],
  });
  const ofKey = new Map(histograms.map(({ key, histogram }) => [key.join(' '), histogram.count]));
  return Object.fromEntries(counts.map(({ key, value }) => [key.join(' '), [value, ofKey.get(key.join(' '))]]));
}

test('a restart takes no name from a version, and gives none the numbers of another', async () => {
  const directory = temporaryDirectory();
  let store = reopen(directory);
  take(store, '1', 1);
  take(store, '2', 2);
  take(store, '3', 3);
  store = reopen(directory);
  expect(await totals(store)).toEqual({ '_OTHER send': [1, 1], '2 send': [2, 2], '3 send': [3, 3] });
  take(store, '2', 20);
  take(store, '3', 300);
  take(store, '3', 1000, 'other');
  store = reopen(directory);
  const known = { '2 send': [22, 22], '3 send': [303, 303], '3 other': [1000, 1000] };
  expect(await totals(store)).toEqual({ '_OTHER send': [1, 1], ...known });
  // The one whose name was taken goes on after all: it is the newest then.
  take(store, '1', 5);
  store = reopen(directory);
  expect(await totals(store)).toEqual({
    '_OTHER send': [23, 23],
    '3 send': [303, 303],
    '3 other': [1000, 1000],
    '1 send': [5, 5],
  });
});

/** A store with one point of `send` and two of `other`, and without what a statement deletes. */
function makeWithout(directory: string, statement: string): void {
  const store = reopen(directory);
  take(store, '1', 1);
  take(store, '1', 2, 'other');
  close();
  const database = new DatabaseSync(join(directory, 'vigil.db'));
  database.exec(statement);
  database.close();
}

test('series that starts of earlier versions found and did not save are found once more', async () => {
  const directory = temporaryDirectory();
  makeWithout(directory, "DELETE FROM series; DELETE FROM meta WHERE key = 'sealed'");
  for (let start = 0; start < 2; start++) {
    const again = reopen(directory);
    const range = { fromMs: clock - 3 * MINUTE, toMs: clock };
    const rows = await again.store.counts({ metric: 'vigil.task.requests', range, by: ['vigil.task.name'] });
    expect(rows.map(({ key, value }) => [key[0], value])).toEqual([
      ['send', 1],
      ['other', 2],
    ]);
  }
});

test('rows of series that the store does not know, which earlier versions left, keep nothing from being taken', async () => {
  const directory = temporaryDirectory();
  makeWithout(
    directory,
    `DELETE FROM series WHERE key LIKE '%"send"%'; DELETE FROM entries; DELETE FROM instances; DELETE FROM streams`,
  );
  clock -= MINUTE;
  const again = reopen(directory);
  take(again, '1', 4, 'other');
  const lines = [...again.exportLines({ fromMs: clock - MINUTE, toMs: clock }, () => expect.fail())];
  expect(lines.join('')).toMatch(/"other"/);
  expect(again.store.state().refusing).toBeUndefined();
  expect(await totals(again)).toEqual({ '1 other': [6, 6] });
});
