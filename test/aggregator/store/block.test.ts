import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { EXPLICIT, EXPONENTIAL, NUMBER, type PointKind } from '../../../aggregator/otlp/batch.ts';
import { StreamTable } from '../../../aggregator/otlp/streams.ts';
import {
  checkBlock,
  type RowVisitor,
  visitBlock,
  visitBlockSliced,
  visitRows,
  visitRowsSliced,
} from '../../../aggregator/store/embedded/block.ts';
import { ClientTables } from '../../../aggregator/store/embedded/clients.ts';
import { openDatabase } from '../../../aggregator/store/embedded/database.ts';
import { encodeBlock } from '../../../aggregator/store/embedded/encode-block.ts';
import { Persistence } from '../../../aggregator/store/embedded/persistence.ts';
import { RowTable } from '../../../aggregator/store/embedded/rows.ts';
import { SeriesDirectory } from '../../../aggregator/store/embedded/series.ts';
import { atOnce } from '../../../aggregator/store/embedded/slices.ts';
import { SpanShelf } from '../../../aggregator/store/embedded/spans.ts';
import { mergeOpen } from '../../../aggregator/store/embedded/tiers.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';

const directory = temporaryDirectory();
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const EDGES = [0.1, 0.5, 1];
const NOW_MS = Date.UTC(2026, 0, 4);

function resolve(series: SeriesDirectory, kind: PointKind, name: string): number {
  const bounds = kind === EXPLICIT ? series.bounds(EDGES) : -1;
  const metric = kind === NUMBER ? 'vigil.task.requests' : 'vigil.mutation.duration';
  return series.resolve({ metric, kind, service: 's', version: '1', values: [name, '', ''], bounds });
}

/** Counts of every width, most of them small. */
const count = fc.oneof(
  { weight: 6, arbitrary: fc.nat(20) },
  fc.constantFrom(0, 15, 16, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);
const row = fc.record({
  kind: fc.constantFrom(NUMBER, EXPLICIT, EXPONENTIAL),
  value: fc.double({ noNaN: true }),
  min: fc.double({ noNaN: true }),
  scale: fc.integer({ min: -10, max: 4 }),
  offset: fc.integer({ min: -600, max: 300 }),
  counts: fc.array(count, { minLength: 1, maxLength: 40 }),
});

type Row = typeof row extends fc.Arbitrary<infer R> ? R : never;

function tableOf(rows: readonly Row[]): RowTable {
  const series = new SeriesDirectory();
  const table = new RowTable(series);
  rows.forEach(({ kind, value, min, scale, offset, counts }, i) => {
    const id = resolve(series, kind, `m${i}`);
    // A number that nothing was recorded of leaves a hole between the others.
    if (i % 5 === 4) return;
    if (kind === NUMBER) table.number(id, value);
    else if (kind === EXPLICIT)
      table.explicit(id, value, min, value, 0, counts.slice(0, 4), 0, Math.min(4, counts.length));
    else table.exponential(id, value, min, value, scale, 0, offset, counts, 0, counts.length);
  });
  return table;
}

/** What a visitor is shown: no zeros around the counts, and of extremes the first five bytes. */
function shown(visit: (visitor: RowVisitor) => void): string[] {
  const rows: string[] = [];
  const kept = (extreme: number) => Buffer.from(new Float64Array([extreme]).buffer).toString('hex', 3);
  visit({
    number: (series, value) => rows.push(`${series}: ${value}`),
    histogram: (series, totals, total, step, scale, first, from, at, n) => {
      const counts = Array.from({ length: n }, (_, i) => from[at + i]);
      const low = counts.findIndex((count) => count !== 0);
      const end = counts.findLastIndex((count) => count !== 0) + 1;
      const [sum, min, max] = [totals[total], kept(totals[total + step]), kept(totals[total + 2 * step])];
      rows.push(`${series}: ${sum} ${min} ${max} ${scale} ${end === 0 ? '' : first + low} [${counts.slice(low, end)}]`);
    },
  });
  return rows.sort();
}

const packed = fc.boolean();

test('a block holds what the table held, however its counts are kept', () => {
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), packed, (rows, narrow) => {
      const table = tableOf(rows);
      const block = checkBlock(encodeBlock(table, narrow));
      expect(shown((visitor) => visitBlock(block, visitor))).toEqual(shown((visitor) => visitRows(table, visitor)));
    }),
    { numRuns: 500 },
  );
});

test('rows that nobody asked for are left out, and the others stay what they are', () => {
  const asked = fc.array(fc.boolean(), { minLength: 30, maxLength: 30 });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 30 }), asked, packed, (rows, isAsked, narrow) => {
      const table = tableOf(rows);
      const block = encodeBlock(table, narrow);
      const groupOf = Int32Array.from(isAsked, (one) => (one ? 0 : -1));
      const some = (visit: (visitor: RowVisitor) => void) => shown((visitor) => visit({ ...visitor, groupOf }));
      expect(some((visitor) => visitBlock(block, visitor))).toEqual(some((visitor) => visitRows(table, visitor)));
    }),
  );
});

test('in steps every row is shown once, of numbers and histograms, tables and blocks', () => {
  const table = tableOf(fc.sample(row, { numRuns: 1100, seed: 7 }));
  const all = shown((visitor) => visitRows(table, visitor));
  expect(shown((visitor) => atOnce(visitRowsSliced(table, visitor)))).toEqual(all);
  expect(shown((visitor) => atOnce(visitBlockSliced(encodeBlock(table, true), visitor)))).toEqual(all);
});

test('sums stay as they are, extremes keep eight digits', () => {
  const series = new SeriesDirectory();
  const table = new RowTable(series);
  const id = resolve(series, EXPONENTIAL, 'm');
  table.exponential(id, Math.PI, 1 / 3, 1234.56789012345, 4, 0, 0, [1], 0, 1);
  visitBlock(encodeBlock(table, true), {
    number: () => expect.fail(),
    histogram: (_, totals, total, step) => {
      expect(totals[total]).toBe(Math.PI);
      expect(totals[total + step]).toBeCloseTo(1 / 3, 8);
      expect(totals[total + 2 * step]).toBeCloseTo(1234.56789012345, 5);
      expect(totals[total + 2 * step]).toBeLessThanOrEqual(1234.56789012345);
    },
  });
});

test.each([
  ['nothing', new Uint8Array(0)],
  ['a later version', new Uint8Array(new Uint32Array([9, 0, 0, 0]).buffer)],
  ['something that is not compressed', new Uint8Array(new Uint32Array([2, 1, 1, 40, 7, 7]).buffer)],
])('refuses %s', (_, bytes) => {
  expect(() => checkBlock(bytes)).toThrow();
});

test('a bit that the disk changed is found', () => {
  const rows = fc.array(row, { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(rows, packed, fc.oneof(fc.nat(127), fc.nat()), (some, narrow, of) => {
      const bytes = encodeBlock(tableOf(some), narrow);
      const bit = of % (8 * bytes.length);
      bytes[bit >> 3] ^= 1 << (bit & 7);
      expect(() => checkBlock(bytes)).toThrow();
    }),
    { numRuns: 1000 },
  );
});

test('a block that was cut off is refused', () => {
  const table = tableOf([{ kind: EXPONENTIAL, value: 1, min: 1, scale: 4, offset: 0, counts: [1, 300, 2] }]);
  const bytes = encodeBlock(table, true);
  for (let length = 0; length < bytes.length; length++) expect(() => checkBlock(bytes.slice(0, length))).toThrow();
});

/** A block of store version 2: a number row, and histogram rows of one byte and of half a byte a count. */
const BLOCK_OF_VERSION_2 = Buffer.from(
  '010000000100000002000000050000000000000000001c400000000000000440000000000000e03f000000000000d03f' +
    '000000000000c03f000000000000f83f000000000000d03f0000000001000000020000000000000003000000fdff0100' +
    '03000300010004000100c8430f',
  'hex',
);

function rowsOf(bytes: Uint8Array | undefined): string[] {
  const rows: string[] = [];
  if (bytes === undefined) return rows;
  visitBlock(bytes, {
    number: (series, value) => rows.push(`${series}: ${value}`),
    histogram: (series, totals, total, step, scale, first, from, at, n) =>
      rows.push(
        `${series}: ${[0, step, 2 * step].map((i) => totals[total + i])} ${scale} ${first} [${Array.from({ length: n }, (_, i) => from[at + i])}]`,
      ),
  });
  return rows;
}

const ROWS = ['0: 7', '1: 2.5,0.25,1.5 4 -3 [1,0,200]', '2: 0.5,0.125,0.25 0 1 [3,4,15]'];

/** A block of store version 3: counts of every width. */
const BLOCK_OF_VERSION_3 = Buffer.from(
  '0200000001000000060000006701000028b52ffd646700dd040002891a20a027e9136587f462beaf3a4200e0012238f64c35f6e5f410b86fff69' +
    '4492bd534d10b2cd1071581e15346021b168eebeeffe3e3b7f6deffdf69b47a3fdbe2566a81186a2c5a50440fb2770823378adb59629a594dafe' +
    '994c29a534e3c8cccc19444484b46d47e5ff031500208b951cc0623030181806ca4db2cf663b612c37b9b6ce5574646e05ad055300d1e032805c' +
    '201800f991e0087012f40e',
  'hex',
);
const ROWS_OF_VERSION_3 = [
  '0: 7',
  '1: 2.5,0.25,1.5 4 -3 [1,0,15,2,3,4,5,6,7,8,9]',
  '2: 2.5,0.25,1.5 4 -3 [1,0,200]',
  '3: 2.5,0.25,1.5 4 -3 [1,0,60000,3,4,5,6,7,8,9]',
  '4: 2.5,0.25,1.5 4 -3 [1,4000000000]',
  '5: 2.5,0.25,1.5 4 -3 [1,1099511627776,5,6,7,8,9,10,11]',
  '6: 0.5,0.125,0.25 0 1 [3,4,15]',
];

test('a block of store version 3 is read, and a bit of it that the disk changed is found', () => {
  expect(rowsOf(checkBlock(BLOCK_OF_VERSION_3))).toEqual(ROWS_OF_VERSION_3);
  for (let bit = 0; bit < 8 * BLOCK_OF_VERSION_3.length; bit++) {
    const bytes = new Uint8Array(BLOCK_OF_VERSION_3);
    bytes[bit >> 3] ^= 1 << (bit & 7);
    let rows: string[];
    try {
      rows = rowsOf(checkBlock(bytes));
    } catch {
      continue;
    }
    expect(rows).toEqual(ROWS_OF_VERSION_3);
  }
});

function openParts(file: string) {
  const series = new SeriesDirectory();
  const database = openDatabase(file, true);
  const persistence = new Persistence(database, series, new StreamTable(series), new SpanShelf(), new ClientTables());
  persistence.load(NOW_MS);
  return { series, persistence, database };
}

/** What stores had until version 3. */
const PACKS = 'CREATE TABLE packs (id INTEGER PRIMARY KEY, places BLOB NOT NULL, data BLOB NOT NULL)';

test('a store of version 2 answers from its blocks and its packs, and writes new ones in the new form', () => {
  expect(rowsOf(BLOCK_OF_VERSION_2)).toEqual(ROWS);
  const file = join(directory, 'vigil.db');
  const hour = Math.floor(Date.UTC(2026, 0, 3) / 60_000);
  const first = openParts(file);
  const ids = ([NUMBER, EXPONENTIAL, EXPLICIT] as const).map((kind) => resolve(first.series, kind, 'm'));
  expect(ids).toEqual([0, 1, 2]);
  const save = ({ series, persistence }: typeof first, tables: ReadonlyMap<number, RowTable>) =>
    atOnce(
      persistence.write(
        persistence.take(),
        {
          blocks: atOnce(mergeOpen(series, persistence.blocks, tables)),
          journal: 1,
          newestPointMs: undefined,
          lastArrivalMs: undefined,
          arrivals: '[]',
          gone: { series: [], instances: [], entries: [], spans: [], clients: [] },
        },
        function* () {},
      ),
    );
  save(first, new Map());
  const lengths = Uint32Array.of(BLOCK_OF_VERSION_2.length);
  const frame = zstdCompressSync(Buffer.concat([new Uint8Array(lengths.buffer), BLOCK_OF_VERSION_2]));
  first.database.exec(PACKS);
  first.database.prepare('INSERT INTO packs VALUES (?, ?, ?)').run(hour, new Uint8Array([5, 0]), frame);
  first.database.prepare('INSERT INTO blocks VALUES (?, ?)').run(hour + 60, BLOCK_OF_VERSION_2);
  first.database.exec('DROP TABLE damaged; PRAGMA user_version=2');
  first.database.close();

  const second = openParts(file);
  expect(rowsOf(second.persistence.blocks.block(0, hour + 5))).toEqual(ROWS);
  expect(rowsOf(second.persistence.blocks.block(0, hour + 60))).toEqual(ROWS);
  const late = () => {
    const table = new RowTable(second.series);
    table.number(0, 1);
    return table;
  };
  save(second, new Map([hour + 5, hour + 60].map((minute) => [minute, late()])));
  second.database.close();

  const third = openParts(file);
  const changed = ['0: 8', ...ROWS.slice(1)];
  expect(rowsOf(third.persistence.blocks.block(0, hour + 5))).toEqual(changed);
  expect(rowsOf(third.persistence.blocks.block(0, hour + 60))).toEqual(changed);
  const written = third.database.prepare('SELECT data FROM blocks WHERE id = ?').get(hour + 60) as { data: Uint8Array };
  expect(written.data[0]).toBe(4);
  expect(third.database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 5 });
  third.database.close();
});
