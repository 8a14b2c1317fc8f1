/** What can go wrong with the data directory, and what is said about it. */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { checkBlock } from '../../../aggregator/store/embedded/block.ts';
import { StoreFileError } from '../../../aggregator/store/embedded/database.ts';
import { type OpenedStore, openEmbeddedStore } from '../../../aggregator/store/embedded/open.ts';
import { type RunningAggregator, startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';
import { smallDisk } from '../../support/small-disk.ts';

const silent = { info: () => {}, warn: () => {}, error: () => {} };
const open = (directory: string) =>
  openEmbeddedStore({ directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent });

const began = Date.now();
function pointOf(instance: number, values = 1): PointDescription {
  return {
    metric: 'vigil.mutation.duration',
    instance: `i${instance}`,
    attributes: { 'vigil.mutation.name': 'CreateJob', 'vigil.mutation.outcome': 'success' },
    cumulative: false,
    startMs: began - 1000,
    timeMs: began,
    values: new Array<number>(values).fill(0.2),
    shape: { scale: 5 },
  };
}

function body(instance: number, values = 1): Buffer {
  return metricsBody([pointOf(instance, values)]);
}

function take(opened: OpenedStore, instance: number): void {
  opened.receiver.take({ signal: 'metrics', bytes: body(instance), encoding: 'json', gzip: false });
}

async function total(opened: OpenedStore): Promise<number> {
  const [row] = await opened.store.lifetimeHistograms({ metric: 'vigil.mutation.duration' });
  return row?.histogram.count ?? 0;
}

/** The directory as a crash would leave it: a copy made while the store is open. */
function crashed(instances: number): string {
  const directory = temporaryDirectory();
  const opened = open(directory);
  for (let i = 0; i < instances; i++) take(opened, i);
  const copy = temporaryDirectory();
  cpSync(directory, copy, { recursive: true });
  opened.close();
  return copy;
}

function journalOf(directory: string): string {
  const name = readdirSync(directory).find((file) => file.startsWith('journal-'));
  return join(directory, name as string);
}

/** Changes a byte of the journal's record with this number. */
function spoil(file: string, record: number, byte: number): void {
  const bytes = readFileSync(file);
  let at = 0;
  for (let i = 0; i < record; i++) at += 17 + bytes.readUInt32LE(at);
  bytes[at + byte] ^= 0x5a;
  writeFileSync(file, bytes);
}

describe('the journal', () => {
  test.each([
    [
      'a record that was being written',
      (file: string) => appendFileSync(file, Buffer.from([200, 0, 0, 0, 1, 2, 3])),
      5,
    ],
    ['a last record that is cut off', (file: string) => truncateSync(file, statSync(file).size - 3), 4],
    ['zeros where a record was to come', (file: string) => appendFileSync(file, Buffer.alloc(4096)), 5],
    ['a record that the disk spoilt', (file: string) => spoil(file, 2, 30), 4],
    ['a record whose length the disk spoilt', (file: string) => spoil(file, 2, 2), 4],
    ['a first record that the disk spoilt', (file: string) => spoil(file, 0, 9), 4],
  ])('%s costs nothing else', async (_, damage, left) => {
    const directory = crashed(5);
    damage(journalOf(directory));
    const opened = open(directory);
    expect(await total(opened)).toBe(left);
    for (let i = 0; i < 6; i++) take(opened, i);
    expect(await total(opened)).toBe(6);
    opened.close();
    const again = open(directory);
    expect(await total(again)).toBe(6);
    again.close();
  });
});

test('acknowledged records that the disk lost are reported, and the journal is kept for a look into it', () => {
  const directory = crashed(5);
  const whole = readFileSync(journalOf(directory));
  spoil(journalOf(directory), 1, 40);
  const said: string[] = [];
  const metrics = createOwnMetrics();
  const log = { ...silent, error: (_fields: object, message: string) => void said.push(message) };
  openEmbeddedStore({ directory, retentionDays: 35, metrics, log }).close();
  expect(said).toEqual([expect.stringMatching(/journal is damaged in its middle.*check the disk/)]);
  const [lost] = metrics.families().find(({ name }) => name === 'aggregator_journal_damaged_bytes')?.samples ?? [];
  expect(lost.value).toBeCloseTo(whole.length / 5, -1);
  expect(statSync(join(directory, 'damaged-journal.log')).size).toBe(whole.length);
});

describe('a store file that cannot be used is named, with the mend', () => {
  const file = (directory: string) => join(directory, 'vigil.db');
  const cases: Record<string, [prepare: (directory: string) => void, message: RegExp]> = {
    'of a newer version': [
      (directory) => {
        open(directory).close();
        const database = new DatabaseSync(file(directory));
        database.exec('PRAGMA user_version=99');
        database.close();
      },
      /vigil\.db was written by a newer Vigil \(store version 99.*MONITORING_DATA_DIR/s,
    ],
    'no database at all': [
      (directory) => writeFileSync(file(directory), 'this is not a database, whatever its name says'.repeat(100)),
      /vigil\.db is damaged.*backup.*empty store/s,
    ],
    'overwritten in its middle': [
      (directory) => {
        const opened = open(directory);
        for (let i = 0; i < 50; i++) take(opened, i);
        opened.close();
        const size = statSync(file(directory)).size;
        truncateSync(file(directory), 4096);
        appendFileSync(file(directory), Buffer.alloc(size - 4096, 7));
      },
      /vigil\.db is damaged/,
    ],
    'a directory': [(directory) => mkdirSync(file(directory)), /vigil\.db cannot be opened/],
  };
  test.each(Object.keys(cases))('%s', (name) => {
    const directory = temporaryDirectory();
    const [prepare, message] = cases[name];
    prepare(directory);
    expect(() => open(directory)).toThrow(StoreFileError);
    expect(() => open(directory)).toThrow(message);
  });

  test('in use', () => {
    const directory = temporaryDirectory();
    const first = open(directory);
    expect(() => open(directory)).toThrow(/in use by another process.*MONITORING_DATA_DIR/s);
    first.close();
    open(directory).close();
  });
});

/** Flips the last bit of every block that is chosen. */
function spoilBlocks(directory: string, isChosen: (data: Uint8Array, n: number) => boolean): void {
  const database = new DatabaseSync(join(directory, 'vigil.db'));
  const rows = database.prepare('SELECT id, data FROM blocks ORDER BY id').all();
  for (const [n, { id, data }] of (rows as { id: number; data: Uint8Array }[]).entries()) {
    if (!isChosen(data, n)) continue;
    data[data.length - 1] ^= 1;
    database.prepare('UPDATE blocks SET data = ? WHERE id = ?').run(data, id);
  }
  database.close();
}

test('a block that the disk spoilt is named when it is asked for, with the mend', async () => {
  const directory = temporaryDirectory();
  const opened = open(directory);
  take(opened, 1);
  opened.close();
  spoilBlocks(directory, () => true);
  const again = open(directory);
  const range = { fromMs: began - 3_600_000, toMs: began + 60_000 };
  const damage = /vigil\.db is damaged: the block of \d{4}-.*Z cannot be read.*backup.*empty store/s;
  await expect(again.store.histograms({ metric: 'vigil.mutation.duration', range })).rejects.toThrow(damage);
  await expect(total(again)).rejects.toThrow(damage);
  again.close();
});

test('an export leaves out what is damaged, says so, and goes on', () => {
  const directory = temporaryDirectory();
  const opened = open(directory);
  take(opened, 1);
  const earlier = { ...pointOf(2), startMs: began - 601_000, timeMs: began - 600_000 };
  opened.receiver.take({ signal: 'metrics', bytes: metricsBody([earlier]), encoding: 'json', gzip: false });
  opened.close();
  // The first is the older minute.
  spoilBlocks(directory, (_data, n) => n === 0);
  const again = open(directory);
  const damaged: string[] = [];
  const range = { fromMs: began - 3_600_000, toMs: began + 60_000 };
  const lines = [...again.exportLines(range, ({ message }) => damaged.push(message))];
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]).resourceMetrics).toHaveLength(1);
  expect(damaged).toEqual([expect.stringMatching(/the block of .* cannot be read/)]);
  again.close();
});

/** An export waits for a checkpoint that is under way. */
function finishCheckpoint(opened: OpenedStore): void {
  for (const _ of opened.exportLines({ fromMs: 0, toMs: 0 }, () => expect.fail()));
}

/** Opens a store whose clock goes on by a minute, or by more, with each of its looks at what is due. */
function openTicking(directory: string, nowMs: number) {
  let clock = nowMs;
  const said: string[] = [];
  const log = {
    ...silent,
    error: (fields: object, message: string) => void said.push(message + Object.values(fields)),
  };
  const metrics = createOwnMetrics();
  const opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log, now: () => clock });
  finishCheckpoint(opened);
  const beginTick = (ms = 60_000) => {
    clock += ms;
    vi.advanceTimersByTime(5000);
  };
  const tick = (ms?: number) => {
    beginTick(ms);
    finishCheckpoint(opened);
  };
  const aside = () => metrics.families().find(({ name }) => name === 'aggregator_blocks_damaged')?.samples[0].value;
  return { opened, said, tick, beginTick, aside };
}

describe('a damaged block that is to be written', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  /** So that no tier is sealed where points come, whatever the time is. */
  const openAnHourBefore = (directory: string) => {
    const { opened, tick } = openTicking(directory, began - 3_600_000);
    tick(3_600_000);
    return opened;
  };
  const range = { fromMs: began - 3_600_000, toMs: began + 60_000 };
  const inRange = async ({ store }: OpenedStore) =>
    (await store.histograms({ metric: 'vigil.mutation.duration', range }))[0]?.histogram.count;

  test('is put aside as it is, and receiving goes on', async () => {
    const directory = temporaryDirectory();
    const first = openAnHourBefore(directory);
    take(first, 1);
    first.close();
    spoilBlocks(directory, (_data, n) => n === 0);
    const { opened, said, tick, aside } = openTicking(directory, began);
    take(opened, 2);
    tick();
    expect(opened.store.state().refusing).toBeUndefined();
    expect(said).toEqual([expect.stringMatching(/^a block of the store is damaged.*vigil\.db.*the block of/)]);
    expect(await inRange(opened)).toBe(1);
    expect(aside()).toBe(1);
    opened.close();
    const database = new DatabaseSync(join(directory, 'vigil.db'));
    const [{ data }] = database.prepare('SELECT data FROM damaged').all() as { data: Uint8Array }[];
    data[data.length - 1] ^= 1;
    expect(() => checkBlock(data)).not.toThrow();
    database.close();
  });

  test('is made anew of finer ones, for ever too', async () => {
    const directory = temporaryDirectory();
    const first = openTicking(directory, began);
    take(first.opened, 1);
    for (let hour = 0; hour < 50; hour++) first.tick(3_600_000);
    expect(await total(first.opened)).toBe(1);
    first.opened.close();
    // All but the minute.
    spoilBlocks(directory, (_data, n) => n > 0);
    const { opened, said, tick, aside } = openTicking(directory, began);
    take(opened, 2);
    tick();
    expect(said).toHaveLength(5);
    expect(aside()).toBe(5);
    expect(await inRange(opened)).toBe(2);
    expect(await total(opened)).toBe(2);
    opened.close();
    const again = open(directory);
    expect(await total(again)).toBe(2);
    again.close();
  });

  test('and only rolled up costs nothing but what it held', async () => {
    const directory = temporaryDirectory();
    const first = openAnHourBefore(directory);
    take(first, 1);
    const earlier = { ...pointOf(2), startMs: began - 61_000, timeMs: began - 60_000 };
    first.receiver.take({ signal: 'metrics', bytes: metricsBody([earlier]), encoding: 'json', gzip: false });
    first.close();
    // The first is the older minute.
    spoilBlocks(directory, (_data, n) => n === 0);
    const { opened, said, tick } = openTicking(directory, began);
    for (let hour = 0; hour < 50; hour++) tick(3_600_000);
    expect(opened.store.state().refusing).toBeUndefined();
    expect(said).toHaveLength(1);
    expect(await inRange(opened)).toBe(1);
    opened.close();
  });
});

test('a store of version 1 opens with what it held, and can then keep clients', async () => {
  const directory = temporaryDirectory();
  const first = open(directory);
  for (let i = 0; i < 3; i++) take(first, i);
  first.close();
  const database = new DatabaseSync(join(directory, 'vigil.db'));
  database.exec(
    'CREATE TABLE packs (id INTEGER PRIMARY KEY, places BLOB NOT NULL, data BLOB NOT NULL); DROP TABLE clients; DROP TABLE damaged; PRAGMA user_version=1',
  );
  database.close();
  const opened = open(directory);
  expect(await total(opened)).toBe(3);
  take(opened, 3);
  opened.close();
  const after = new DatabaseSync(join(directory, 'vigil.db'));
  expect(after.prepare('PRAGMA user_version').get()).toEqual({ user_version: 5 });
  expect(after.prepare('SELECT count(*) AS n FROM clients').get()).toEqual({ n: 0 });
  after.close();
  const again = open(directory);
  expect(await total(again)).toBe(4);
  again.close();
});

/** Sends until the answer is the expected one, a bounded number of times. */
async function postUntil(aggregator: RunningAggregator, status: number, bytes: () => Buffer): Promise<Response> {
  for (let tries = 0; tries < 300; tries++) {
    const answer = await aggregator.post('/v1/metrics', bytes(), { 'Content-Type': 'application/json' });
    if (answer.status === status) return answer;
    if (status === 200) await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error(`no answer was ${status}: ${aggregator.log()}`);
}

test('a full disk: it goes on answering, refuses with 503, says so, also after a restart, and recovers', {
  timeout: 60_000,
}, async () => {
  const disk = smallDisk('3m');
  if (disk === undefined) {
    if (process.env['REQUIRE_REAL'] === '1') throw new Error('a tmpfs cannot be mounted here');
    console.warn('skipped: a small disk needs the right to mount a tmpfs');
    return;
  }
  const { directory } = disk;
  const json = { 'Content-Type': 'application/json' };
  let aggregator = await startAggregator({ directory });
  const total = async () => {
    const path = '/monitoring/graphql/mutations/';
    const { statistics } = await aggregator.json<{ statistics: { total_mutations: number } }>(path);
    return statistics.total_mutations;
  };
  const takesData = async () => (await aggregator.json<{ takes_data: boolean }>('/readyz')).takes_data;
  try {
    let sent = 0;
    let n = 0;
    const next = () => body(n++, 3);
    expect((await aggregator.post('/v1/metrics', next(), json)).status).toBe(200);
    sent++;
    const ballast = join(directory, 'ballast');
    const fill = () => {
      for (;;) appendFileSync(ballast, Buffer.alloc(4096));
    };
    expect(fill).toThrow(/ENOSPC/);
    const refused = await postUntil(aggregator, 503, () => {
      sent++;
      return next();
    });
    sent--;
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await total()).toBe(3 * sent);

    await aggregator.stop('SIGKILL');
    aggregator = await startAggregator({ directory });
    expect(await total()).toBe(3 * sent);
    // Its checkpoint may have found room in the database's log, and let the journal go.
    expect(fill).toThrow(/ENOSPC/);
    await postUntil(aggregator, 503, () => {
      sent++;
      return next();
    });
    sent--;
    expect(await takesData()).toBe(false);
    expect(await (await aggregator.get('/monitoring/metrics/prometheus/')).text()).toMatch(/aggregator_refusing 1\b/);

    truncateSync(ballast, 0);
    await postUntil(aggregator, 200, next);
    expect(await total()).toBe(3 * (sent + 1));
    expect(await takesData()).toBe(true);
    await aggregator.stop('SIGKILL');
    aggregator = await startAggregator({ directory });
    expect(await total()).toBe(3 * (sent + 1));
    await aggregator.stop();
  } finally {
    await aggregator.stop('SIGKILL');
    disk.remove();
  }
});

test('a directory that cannot be written any more: the same, and nothing piles up in it', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const directory = temporaryDirectory();
  // Permissions do not bind root.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) chmodSync(dirname(directory), 0o711);
  if (isRoot) chownSync(directory, 65534, 65534);
  if (isRoot) process.seteuid?.(65534);
  let clock = began;
  const metrics = createOwnMetrics();
  const opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log: silent, now: () => clock });
  const pass = (ms: number) => {
    clock += ms;
    vi.advanceTimersByTime(5000);
  };
  const refusing = () => metrics.families().find(({ name }) => name === 'aggregator_refusing')?.samples[0].value;
  try {
    finishCheckpoint(opened);
    take(opened, 1);
    chmodSync(directory, 0o500);
    take(opened, 2);
    pass(60_000);
    expect(() => take(opened, 3)).toThrow(expect.objectContaining({ kind: 'unavailable', retryAfterSeconds: 5 }));
    expect(opened.store.state().refusing).toMatch(/cannot be written/);
    expect(opened.store.state().refusingSinceMs).toBe(clock);
    expect(refusing()).toBe(1);
    expect(await total(opened)).toBe(2);
    const files = readdirSync(directory).length;
    for (let tick = 0; tick < 20; tick++) pass(5000);
    expect(readdirSync(directory).length).toBe(files);
    chmodSync(directory, 0o700);
    pass(5000);
    expect(opened.store.state().refusing).toBeUndefined();
    expect(refusing()).toBe(0);
    take(opened, 3);
    expect(await total(opened)).toBe(3);
  } finally {
    chmodSync(directory, 0o700);
    opened.close();
    if (isRoot) process.seteuid?.(0);
    vi.useRealTimers();
  }
  const again = open(directory);
  expect(await total(again)).toBe(3);
  again.close();
});

describe('what happens to the files while the store is open', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] }));
  afterEach(() => vi.useRealTimers());

  test.each(['moved away', 'replaced by a copy'])(
    'a data directory that is %s is told within seconds, and used again when it is back',
    async (how) => {
      const directory = join(temporaryDirectory(), 'data');
      const { opened, said, tick } = openTicking(directory, began);
      take(opened, 1);
      renameSync(directory, `${directory}-moved`);
      if (how !== 'moved away') cpSync(`${directory}-moved`, directory, { recursive: true });
      tick(5000);
      expect(opened.store.state().refusing).toBe('the data directory was removed, moved or replaced');
      expect(said).toEqual([
        expect.stringMatching(/removed, moved or replaced.*vigil\.db is gone.*Put.*back.*restart/),
      ]);
      expect(() => take(opened, 2)).toThrow(expect.objectContaining({ kind: 'unavailable' }));
      expect(await total(opened)).toBe(1);
      rmSync(directory, { recursive: true, force: true });
      renameSync(`${directory}-moved`, directory);
      tick(5000);
      expect(opened.store.state().refusing).toBeUndefined();
      take(opened, 2);
      opened.close();
      const again = open(directory);
      expect(await total(again)).toBe(2);
      again.close();
    },
  );

  test.each(['at once', 'within a checkpoint', 'with more than may be open', 'when that is known'])(
    'closing %s leaves a copy that replaced the data directory as it is',
    async (when) => {
      const directory = join(temporaryDirectory(), 'data');
      const { opened, tick, beginTick } = openTicking(directory, began);
      take(opened, 1);
      cpSync(directory, `${directory}-copy`, { recursive: true });
      take(opened, 2);
      if (when === 'within a checkpoint') beginTick();
      renameSync(directory, `${directory}-moved`);
      renameSync(`${directory}-copy`, directory);
      if (when === 'when that is known') tick();
      let taken = 2;
      if (when === 'with more than may be open')
        for (; taken < 100 && opened.store.state().refusing === undefined; taken++) {
          const timeMs = began - taken * 60_000;
          const point = { ...pointOf(taken + 1), startMs: timeMs - 1000, timeMs };
          opened.receiver.take({ signal: 'metrics', bytes: metricsBody([point]), encoding: 'json', gzip: false });
        }
      opened.close();
      for (const [held, count] of [
        [directory, 1],
        [`${directory}-moved`, taken],
      ] as const) {
        const again = open(held);
        expect(await total(again)).toBe(count);
        again.close();
      }
    },
  );

  test.each([0, 1])('a journal that is removed when it holds %d records costs nothing', async (records) => {
    const directory = temporaryDirectory();
    const { opened, tick } = openTicking(directory, began);
    if (records > 0) take(opened, 1);
    rmSync(journalOf(directory));
    tick(5000);
    take(opened, 2);
    const crash = temporaryDirectory();
    cpSync(directory, crash, { recursive: true });
    opened.close();
    const again = open(crash);
    expect(await total(again)).toBe(records + 1);
    again.close();
  });

  test('a clock that was a day ahead does not make the silence after it unseen', () => {
    const { opened, tick } = openTicking(temporaryDirectory(), began);
    const day = 86_400_000;
    tick(day);
    const ahead = { ...pointOf(1), startMs: began + day - 1000, timeMs: began + day };
    opened.receiver.take({ signal: 'metrics', bytes: metricsBody([ahead]), encoding: 'json', gzip: false });
    // Of nanoseconds as a float: some come out a fraction of a microsecond off.
    expect(opened.store.state().newestPointMs).toBeCloseTo(began + day, 2);
    tick(-day);
    expect(opened.store.state()).toMatchObject({ newestPointMs: began, lastArrivalMs: began });
    opened.close();
  });
});
