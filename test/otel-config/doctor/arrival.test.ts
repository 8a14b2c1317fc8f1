/** What a real aggregator says of what arrives, in the states in which it has something to say. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SHARED_IDENTITY_EXPORTS } from '../../../aggregator/domain/identity-rules.ts';
import { KEY, type RunningAggregator, startAggregator } from '../../support/aggregator.ts';
import { metricsBody, type PointDescription } from '../../support/otlp-json.ts';
import { smallDisk } from '../../support/small-disk.ts';
import { app as applicationFile, runApp } from '../run-app.ts';
import { holdClaims, toldAs } from './claims.ts';
import { makeApplication, runQuickly, sendingTo } from './fixture.ts';

holdClaims(import.meta.filename);

const HOUR_MS = 3_600_000;
const { folder, put } = makeApplication();

/** One mutation, counted since an hour ago. */
function mutation(n: number, of: Partial<PointDescription> = {}): PointDescription {
  return {
    metric: 'vigil.mutation.duration',
    service: 'shop',
    instance: 'one',
    attributes: { 'vigil.mutation.name': `doIt${n}`, 'vigil.mutation.outcome': 'success' },
    cumulative: true,
    startMs: Date.now() - HOUR_MS,
    timeMs: Date.now(),
    values: [0.1],
    shape: { scale: 3 },
    ...of,
  };
}

async function send(to: RunningAggregator, points: readonly PointDescription[]): Promise<number> {
  return (await to.post('/v1/metrics', metricsBody(points), { 'Content-Type': 'application/json' })).status;
}

const look = (aggregator: RunningAggregator, options: { node?: string[]; service?: string } = {}) => {
  const service = options.service ?? 'shop';
  return runQuickly(folder, { ...options, env: { ...sendingTo(aggregator.url, KEY), OTEL_SERVICE_NAME: service } });
};

let aggregator: RunningAggregator;
beforeAll(async () => {
  aggregator = await startAggregator();
});
afterAll(() => aggregator.stop());

test('whether the service is known: before and after it has sent, and long after', async () => {
  expect((await look(aggregator)).find('warning arrival.service').message).toContain('never heard of the service shop');
  const before = await aggregator.json<{ freshness: { last_arrival_at: string | null } }>('/monitoring/overview/');
  expect(before.freshness.last_arrival_at, 'the doctor has sent nothing that counts').toBeNull();
  const env = { ...sendingTo(aggregator.url, KEY), OTEL_SERVICE_NAME: 'shop' };
  expect((await runApp(applicationFile('record.ts'), { env })).code).toBe(0);
  const { find, code } = await look(aggregator);
  expect(find('ok arrival.service').message).toMatch(/the last of shop came \d+ s ago\.$/);
  find('ok key.reading');
  expect(code).toBe(0);
  const others = (await look(aggregator, { service: 'another' })).find('warning arrival.service');
  expect(others.evidence['services']).toMatch(/^shop \(\d+ s ago\)$/);
  put('clock.cjs', `const now = Date.now; Date.now = () => now() + ${HOUR_MS};`);
  const late = (await look(aggregator, { node: ['--require', join(folder, 'clock.cjs')] })).find(
    'warning arrival.service',
  );
  expect(late.message).toMatch(/nothing of shop has arrived for 6\d min\.$/);
});

test('more names than it keeps apart', async () => {
  // Of a metric 2,000 series are kept.
  expect(
    await send(
      aggregator,
      Array.from({ length: 2100 }, (_, n) => mutation(n)),
    ),
  ).toBe(200);
  const told = (await look(aggregator)).find('warning aggregator.series-overflowed');
  expect(told.mend).toContain('an attribute with too many values');
});

test('points that it may not take', async () => {
  expect(await send(aggregator, [mutation(0, { timeMs: Date.now() - 25 * HOUR_MS })])).toBe(200);
  (await look(aggregator)).find('warning aggregator.points-rejected');
});

test('blocks that were damaged', async () => {
  const first = await startAggregator();
  await first.stop();
  const database = new DatabaseSync(join(first.directory, 'vigil.db'));
  database.exec("INSERT INTO damaged VALUES (1, x'00')");
  database.close();
  const again = await startAggregator({ directory: first.directory });
  expect(await send(again, [mutation(0, { cumulative: false })])).toBe(200);
  (await look(again)).find('warning aggregator.blocks-damaged');
  await again.stop();
});

test('two processes that say nothing of themselves', async () => {
  const began = Date.now() - HOUR_MS;
  for (let n = 0; n <= SHARED_IDENTITY_EXPORTS; n++)
    for (const process of [0, 1]) {
      const of = { instance: '', service: 'twins', startMs: began + process * 1000 };
      await send(aggregator, [mutation(0, { ...of, timeMs: began + 10_000 * (n + 1) + process * 1000 })]);
    }
  const { report } = await look(aggregator);
  const one = report.findings.find(({ id }) => id === 'aggregator.shared-identity-twins');
  expect(toldAs(one === undefined ? [] : [one])).toEqual(['warning aggregator.shared-identity-twins']);
  expect(one?.mend).toContain('service.instance.id');
});

test('a disk that is full', async () => {
  const disk = smallDisk('3m');
  if (disk === undefined) {
    if (process.env['REQUIRE_REAL'] === '1') throw new Error('a tmpfs cannot be mounted here');
    console.warn('skipped: a small disk needs the right to mount a tmpfs');
    return;
  }
  const full = await startAggregator({ directory: disk.directory });
  expect(() => writeFileSync(join(disk.directory, 'ballast'), Buffer.alloc(4 * 1024 * 1024))).toThrow(/ENOSPC/);
  let n = 0;
  while ((await send(full, [mutation(n % 100)])) !== 503) expect(n++).toBeLessThan(1000);
  const { find, report } = await look(full);
  expect(find('error aggregator.takes_data').mend).toContain('disk');
  // Once is enough.
  expect(report.findings.map(({ id }) => id)).not.toContain('aggregator.telemetry-refused');
  expect(find('warning destination.answer').evidence).toMatchObject({ status: 503 });
  await full.stop('SIGKILL');
  disk.remove();
});
