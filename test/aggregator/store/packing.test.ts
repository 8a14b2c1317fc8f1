import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { EXPONENTIAL, NUMBER } from '../../../aggregator/otlp/batch.ts';
import { StreamTable } from '../../../aggregator/otlp/streams.ts';
import { visitBlock } from '../../../aggregator/store/embedded/block.ts';
import { ClientTables } from '../../../aggregator/store/embedded/clients.ts';
import { openDatabase } from '../../../aggregator/store/embedded/database.ts';
import { pack } from '../../../aggregator/store/embedded/pack.ts';
import { Persistence } from '../../../aggregator/store/embedded/persistence.ts';
import { RowTable } from '../../../aggregator/store/embedded/rows.ts';
import { SeriesDirectory } from '../../../aggregator/store/embedded/series.ts';
import { SpanShelf } from '../../../aggregator/store/embedded/spans.ts';
import { mergeIntoTiers } from '../../../aggregator/store/embedded/tiers.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';

const directory = temporaryDirectory();
const NOTHING_GONE = { series: [], instances: [], entries: [], spans: [], clients: [] };
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function openParts(file: string) {
  const series = new SeriesDirectory();
  const streams = new StreamTable(series);
  const database = openDatabase(file, true);
  const persistence = new Persistence(database, series, streams, new SpanShelf(), new ClientTables());
  persistence.load();
  return { series, persistence, database };
}

/** Rows of a block as they can be compared: doubles to nine digits. */
function rowsOf(bytes: Uint8Array | undefined): string[] {
  const rows: string[] = [];
  if (bytes === undefined) return rows;
  visitBlock(bytes, {
    number: (series, value) => rows.push(`${series} ${value}`),
    histogram: (series, totals, total, step, scale, first, from, at, n) =>
      rows.push(
        `${series} ${[0, step, 2 * step].map((i) => totals[total + i].toPrecision(9))} ${scale} ${first} ${Array.from({ length: n }, (_, i) => from[at + i])}`,
      ),
  });
  return rows;
}

/** In place of the packs of its parts one of the whole hour, as earlier versions made them. */
function packAsBefore(database: DatabaseSync, hour: ReadonlyMap<number, Uint8Array | undefined>): void {
  const blocks = new Map([...hour].filter((entry): entry is [number, Uint8Array] => entry[1] !== undefined));
  const { places, data } = pack(0, DAY, blocks);
  database.prepare('DELETE FROM packs WHERE id < ?').run(DAY + 60);
  database.prepare('INSERT INTO packs VALUES (?, ?, ?)').run(DAY, places, data);
}

/** First minute of a day, so that packs begin there. */
const DAY = Math.floor(Date.UTC(2026, 0, 3) / 60_000);

test('packed blocks answer as before, also after a restart, and take late points in', () => {
  const file = join(directory, 'vigil.db');
  const { series, persistence, database } = openParts(file);
  const number = series.resolve({
    metric: 'vigil.task.requests',
    kind: NUMBER,
    service: 's',
    version: '1',
    values: ['t', '', ''],
    bounds: -1,
  });
  const histogram = series.resolve({
    metric: 'vigil.mutation.duration',
    kind: EXPONENTIAL,
    service: 's',
    version: '1',
    values: ['m', '', ''],
    bounds: -1,
  });
  const open = new Map<number, RowTable>();
  for (let minute = DAY; minute < DAY + 150; minute += minute % 7 === 0 ? 2 : 1) {
    const rows = new RowTable(series);
    rows.number(number, minute % 97);
    rows.exponential(
      histogram,
      Math.SQRT2 * minute,
      0.1 / minute,
      Math.PI,
      4,
      minute % 3,
      -40 + (minute % 5),
      [1, 0, 900, minute % 300],
      0,
      4,
    );
    open.set(minute, rows);
  }
  const save = (tables: ReadonlyMap<number, RowTable>) =>
    persistence.save({
      blocks: mergeIntoTiers(series, persistence.blocks, tables),
      journal: 1,
      newestPointMs: undefined,
      lastArrivalMs: undefined,
      arrivals: '[]',
      gone: NOTHING_GONE,
    });
  save(open);
  const minutes = Array.from({ length: 160 }, (_, i) => DAY + i);
  const before = minutes.map((minute) => rowsOf(persistence.blocks.block(0, minute)));
  let made = 0;
  while (persistence.blocks.packBefore(0, DAY + 125)) made++;
  expect(made, 'the last ten minutes are not over').toBe(12);
  const { blocks, packs } = database
    .prepare('SELECT (SELECT count(*) FROM blocks WHERE id < 1e12) AS blocks, (SELECT count(*) FROM packs) AS packs')
    .get() as Record<string, number>;
  expect(packs).toBe(12);
  expect(blocks).toBe([...open.keys()].filter((minute) => minute >= DAY + 120).length);
  packAsBefore(database, new Map(minutes.slice(0, 60).map((minute) => [minute, persistence.blocks.block(0, minute)])));
  database.close();

  const again = openParts(file);
  expect(minutes.map((minute) => rowsOf(again.persistence.blocks.block(0, minute)))).toEqual(before);

  const late = new RowTable(again.series);
  late.number(number, 1000);
  const early = new RowTable(again.series);
  early.number(number, 1000);
  const tables = new Map([
    [DAY + 5, early],
    [DAY + 30, late],
  ]);
  again.persistence.save({
    blocks: mergeIntoTiers(again.series, again.persistence.blocks, tables),
    journal: 2,
    newestPointMs: undefined,
    lastArrivalMs: undefined,
    arrivals: '[]',
    gone: NOTHING_GONE,
  });
  const withLate = rowsOf(again.persistence.blocks.block(0, DAY + 30));
  expect(withLate[0]).toBe(`${number} ${((DAY + 30) % 97) + 1000}`);
  // The first of them begins where a pack of an hour does: its other minutes stay.
  while (again.persistence.blocks.packBefore(0, DAY + 125));
  again.database.close();

  const last = openParts(file);
  for (const minute of [4, 10, 45, 31, 59])
    expect(rowsOf(last.persistence.blocks.block(0, DAY + minute))).toEqual(before[minute]);
  expect(rowsOf(last.persistence.blocks.block(0, DAY + 30))).toEqual(withLate);
  last.persistence.blocks.dropBefore(0, DAY + 61);
  expect(last.persistence.blocks.block(0, DAY + 59)).toBeUndefined();
  expect(rowsOf(last.persistence.blocks.block(0, DAY + 61))).toEqual(before[61]);
  last.database.close();
});
