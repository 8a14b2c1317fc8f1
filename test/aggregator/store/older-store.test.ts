/**
 * A store that version 3 wrote: two hours and a half of minutes, one of seven left out, in packs of ten minutes and, of the
 * first hour, one of sixty, which still older versions made; tens of minutes in packs of an hour; late points in blocks of
 * their own, and in a newer pack, beside them; and two days later three more minutes of an hour that is not over.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody } from '../../support/otlp-json.ts';

const MINUTE = 60_000;
/** The first minute, since 1970. */
const FIRST = Date.UTC(2026, 0, 3) / MINUTE;
const LAST = 2880 + 70;

/** What was recorded, by minutes since the first. */
const valuesOf = (at: number): number[] => new Array<number>(1 + (at % 5)).fill(at % 2 === 0 ? 0.3 : 0.7);
const recorded = new Map<number, number[]>();
for (let at = 0; at < 150; at++) if (at % 7 > 0) recorded.set(at, valuesOf(at));
for (const [at, late] of [
  [30, [0.3, 0.3]],
  [45, [0.7]],
  [70, [0.7, 0.7]],
] as const)
  recorded.set(at, [...(recorded.get(at) ?? []), ...late]);
for (const at of [2880 + 61, 2880 + 62, LAST]) recorded.set(at, valuesOf(at));

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }));
afterEach(() => vi.useRealTimers());

function openOld(directory: string) {
  let clock = (FIRST + LAST + 1) * MINUTE;
  const said: string[] = [];
  const say = (_: object, text: string) => void said.push(text);
  const log = { info: say, warn: () => {}, error: say };
  const metrics = createOwnMetrics();
  const opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log, now: () => clock });
  const pass = (minutes: number) => {
    clock += minutes * MINUTE;
    vi.advanceTimersByTime(5000);
  };
  return { opened, said, pass };
}

async function expectAll(opened: OpenedStore): Promise<void> {
  const count = (values: readonly number[]) => values.length;
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  const windows: [number, number][] = [
    [0, LAST + 1],
    [0, 60],
    [60, 1440],
    [1440, LAST + 1],
    [2880, 2942],
  ];
  for (let at = 0; at < 160; at += 1) windows.push([at, at + 1], [at, at + 17]);
  for (const [from, to] of windows) {
    const range = { fromMs: (FIRST + from) * MINUTE, toMs: (FIRST + to) * MINUTE };
    const values = [...recorded].flatMap(([at, some]) => (at >= from && at < to ? some : []));
    const [histogram] = await opened.store.histograms({ metric: 'vigil.mutation.duration', range });
    expect(histogram?.histogram.count ?? 0, `${from} to ${to}`).toBe(count(values));
    expect(histogram?.histogram.sum ?? 0).toBeCloseTo(sum(values), 8);
    const [counter] = await opened.store.counts({ metric: 'vigil.task.requests', range });
    expect(counter?.value ?? 0).toBe(count(values));
  }
  const [total] = await opened.store.lifetimeCounts({ metric: 'vigil.task.requests' });
  expect(total.value).toBe(count([...recorded.values()].flat()));
}

function takeLast(opened: OpenedStore): void {
  const timeMs = (FIRST + LAST) * MINUTE + 40_000;
  const point = { instance: 'third', cumulative: false, startMs: timeMs - 1000, timeMs, values: [0.3] };
  const attributes = { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': 'success' };
  const bytes = metricsBody([
    { ...point, metric: 'vigil.mutation.duration', attributes, shape: { scale: 4 } },
    { ...point, metric: 'vigil.task.requests', attributes: { 'vigil.task.name': 'send' }, shape: 'sum' },
  ]);
  opened.receiver.take({ signal: 'metrics', bytes, encoding: 'json', gzip: false });
  recorded.get(LAST)?.push(0.3);
}

function directoryOfVersion3(): string {
  const directory = temporaryDirectory();
  const packed = readFileSync(join(import.meta.dirname, 'store-of-version-3.db.gz'));
  writeFileSync(join(directory, 'vigil.db'), gunzipSync(packed));
  return directory;
}

test('opens with all that it held, and goes on', async () => {
  const directory = directoryOfVersion3();
  const old = openOld(directory);
  expect(old.said).toEqual([expect.stringMatching(/older version: its 12 packs/)]);
  await expectAll(old.opened);
  takeLast(old.opened);
  await expectAll(old.opened);
  for (let hours = 0; hours < 30; hours++) old.pass(60);
  await expectAll(old.opened);
  old.opened.close();

  const again = openOld(directory);
  expect(again.said).toEqual([]);
  await expectAll(again.opened);
  again.opened.close();
  const database = new DatabaseSync(join(directory, 'vigil.db'));
  expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 5 });
  expect(database.prepare("SELECT name FROM sqlite_schema WHERE name = 'packs'").get()).toBeUndefined();
  database.close();
});

test('a pack that the disk spoilt takes none of the others with it, and who asks for its blocks is told', async () => {
  const directory = directoryOfVersion3();
  const before = new DatabaseSync(join(directory, 'vigil.db'));
  const pack = before.prepare('SELECT id, data FROM packs WHERE id > ? ORDER BY id').get(FIRST + 100);
  const bytes = Uint8Array.from(pack?.['data'] as Uint8Array);
  bytes[30] ^= 4;
  before.prepare('UPDATE packs SET data = ? WHERE id = ?').run(bytes, Number(pack?.['id']));
  before.close();
  const spoilt = Number(pack?.['id']) - FIRST;
  const old = openOld(directory);
  expect(old.said).toEqual([expect.stringMatching(/12 packs/), expect.stringMatching(/a pack .* is damaged/)]);
  const count = async (from: number, to: number) => {
    const range = { fromMs: (FIRST + from) * MINUTE, toMs: (FIRST + to) * MINUTE };
    return (await old.opened.store.counts({ metric: 'vigil.task.requests', range }))[0]?.value ?? 0;
  };
  for (let at = 0; at < 150; at++)
    if (at < spoilt || at >= spoilt + 10) expect(await count(at, at + 1)).toBe(recorded.get(at)?.length ?? 0);
  expect(recorded.has(spoilt + 1)).toBe(true);
  await expect(count(spoilt + 1, spoilt + 2)).rejects.toThrow(/damaged.*2026-01-03/);
  takeLast(old.opened);
  for (let hours = 0; hours < 30; hours++) old.pass(60);
  expect(old.opened.store.state().refusing).toBeUndefined();
  expect(await count(0, 1440)).toBe([...recorded].flatMap(([at, some]) => (at < 1440 ? some : [])).length);
  old.opened.close();
});
