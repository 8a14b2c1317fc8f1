/** Tasks and attacks over the real door of the running service: the worked examples, crashes, addresses, personal data. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { attributes, type MetricName, metrics } from '@vigil/semconv';
import { expect, test } from 'vitest';
import { endpoints } from '../../aggregator/http/endpoints.ts';
import { type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { encodeOtlp } from '../support/otlp.ts';
import { metricsBody, type PointDescription } from '../support/otlp-json.ts';
import { blocks, clientBlocks } from '../support/security-points.ts';
import { duplicatedKeys, requests } from '../support/task-points.ts';

type Point = Parameters<typeof withTimes>[0];
const json = { 'Content-Type': 'application/json' };
let instances = 0;

function withTimes(
  point: Omit<PointDescription, 'instance' | 'cumulative' | 'startMs' | 'timeMs'>,
  cumulative = false,
): PointDescription {
  const timeMs = Date.now();
  return { instance: `worker-${instances++}`, cumulative, startMs: timeMs - 1, timeMs, ...point };
}

async function send(aggregator: RunningAggregator, points: readonly PointDescription[]): Promise<void> {
  const answer = await aggregator.post('/v1/metrics', metricsBody(points), json);
  expect([answer.status, await answer.json()]).toEqual([200, {}]);
}

const later = (point: PointDescription, values: readonly number[]): PointDescription => ({
  ...point,
  startMs: point.cumulative ? point.startMs : point.timeMs,
  timeMs: point.timeMs + 1,
  values,
});

test('the example of tasks; late, doubled and reset senders; and all of it after a crash', async () => {
  let aggregator = await startAggregator();
  const { directory } = aggregator;
  const example = [
    requests('auto_close_jobs', 'global', 'executed', 6000),
    duplicatedKeys('auto_close_jobs', 'global', 30),
    requests('auto_close_jobs', 'global', 'prevented', 80),
    requests('send_email', 'user', 'executed', 3000),
    duplicatedKeys('send_email', 'user', 12),
    requests('send_email', 'user', 'replayed', 30),
    requests('generate_report', 'device', 'executed', 1000),
    duplicatedKeys('generate_report', 'device', 3),
    requests('generate_report', 'device', 'in_flight', 10),
  ];
  const points = example.map((point, i) => withTimes(point, i % 2 === 0));
  await send(aggregator, points);
  await send(aggregator, points);
  const expected = {
    total_requests: 10_000,
    duplicate_hits: 45,
    duplicate_rate: 0.45,
    duplicates_prevented: 120,
    health_status: 'healthy',
    scope_breakdown: [
      { scope: 'global', total_requests: 6000, duplicate_hits: 30, total_duplicates: 80 },
      { scope: 'user', total_requests: 3000, duplicate_hits: 12, total_duplicates: 30 },
      { scope: 'device', total_requests: 1000, duplicate_hits: 3, total_duplicates: 10 },
    ],
  };
  const statistics = async () =>
    (await aggregator.json<{ statistics: object }>('/monitoring/celery/idempotency/')).statistics;
  expect(await statistics()).toMatchObject(expected);
  await aggregator.stop('SIGKILL');
  aggregator = await startAggregator({ directory });
  expect(await statistics()).toMatchObject(expected);
  const health = await aggregator.json('/monitoring/tasks/idempotency/health/');
  expect(health).toMatchObject({
    slo_compliance: { target_duplicate_rate: 1, actual_duplicate_rate: 0.45, compliant: true },
    total_savings: { duplicates_prevented: 120, total_requests: 10_000, efficiency_gain: 1.19 },
  });
  const reborn = { ...points[0], startMs: points[0].timeMs + 1, timeMs: points[0].timeMs + 2, values: [1, 1] };
  await send(aggregator, [...points, later(points[1], [1]), reborn]);
  expect(await statistics()).toMatchObject({ total_requests: 10_002, duplicate_hits: 46, duplicates_prevented: 120 });
  await aggregator.stop();
});

test('the example of attacks; attackers are there after a crash and after an orderly stop', async () => {
  let aggregator = await startAggregator();
  const { directory } = aggregator;
  const attacks: Point[] = Array.from({ length: 10 }, (_, i) => clientBlocks(`203.0.113.${i}`, 'sqli', 5));
  const points = [...attacks, blocks('sqli', 50), blocks('csrf', 10), blocks('rate_limit', 30)].map((p) =>
    withTimes(p),
  );
  interface Sqli {
    readonly unique_ips: number;
    readonly total_attempts: number;
    readonly top_attackers: readonly object[];
  }
  const sqli = () => aggregator.json<Sqli>('/monitoring/security/sqli/');
  await send(aggregator, points);
  await send(aggregator, points);
  const { top_attackers: before, ...told } = await sqli();
  expect(told).toMatchObject({ unique_ips: 10, total_attempts: 50 });
  expect(before).toHaveLength(10);
  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await aggregator.stop(signal);
    aggregator = await startAggregator({ directory });
    await send(aggregator, points);
    const { top_attackers, unique_ips } = await sqli();
    expect(unique_ips).toBe(10);
    const counts = (attackers: readonly object[]) =>
      attackers.map((one) => [
        (one as { ip_address: string }).ip_address,
        (one as { violation_count: number }).violation_count,
      ]);
    expect(counts(top_attackers)).toEqual(counts(before));
  }
  const score = await aggregator.json<{ overall_threat_score: number; threat_components: { points: number }[] }>(
    '/monitoring/security/',
  );
  const sum = score.threat_components.reduce((total, { points: more }) => total + more, 0);
  expect(sum).toBeCloseTo(score.overall_threat_score, 9);
  await aggregator.stop();
});

/** All that lies in the data directory, but for the keys. */
function filesOf(directory: string): string {
  const names = readdirSync(directory).filter((name) => !name.endsWith('-key'));
  expect(names.some((name) => name.endsWith('.log'))).toBe(true);
  return names.map((name) => readFileSync(join(directory, name), 'latin1')).join('\n');
}

test.each([
  ['network', /"ip_address":"203\.0\.113\.0\/24"/],
  ['pseudonym', /"ip_address":"client-[a-p]{16}"/],
])('with %s no address gets as far as the disk', async (mode, expected) => {
  const aggregator = await startAggregator({ env: { MONITORING_CLIENT_ADDRESSES: mode } });
  const point = withTimes(clientBlocks('203.0.113.77', 'sqli', 5));
  await send(aggregator, [point]);
  const protobuf = encodeOtlp(
    'ExportMetricsServiceRequest',
    JSON.parse(metricsBody([later(point, [1])]).toString()) as object,
  );
  await aggregator.post('/v1/metrics', protobuf, { 'Content-Type': 'application/x-protobuf' });
  const answer = await (await aggregator.get('/monitoring/security/sqli/')).text();
  expect(answer).toMatch(expected);
  expect(answer).toContain('"violation_count":6');
  const open = filesOf(aggregator.directory);
  await aggregator.stop();
  for (const text of [answer, open, filesOf(aggregator.directory), aggregator.log()])
    expect(text).not.toContain('203.0.113.77');
});

/** Values that must never stay, and the part of each that would tell. */
const PERSONAL: readonly (readonly [value: string, telling: string])[] = [
  ['jane.roe@example.com', 'jane.roe'],
  ['mail to j.doe+shop@mail.example.org now', 'j.doe'],
  ['+1 (415) 555-0132', '555-0132'],
  ['+49 30 901820', '901820'],
  ['(020) 7946 0018', '7946'],
  ['415-555-0199', '555-0199'],
  ['4111 1111 1111 1111', '1111 1111'],
  ['5500005555555559', '55555555'],
  ['078-05-1120', '05-1120'],
  ['eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl', 'eyJhbGci'],
  ['Bearer 9f8e7d6c5b4a39281706', '9f8e7d6c'],
  ['DE89 3704 0044 0532 0130 00', '0532 0130'],
  ['GB29NWBK60161331926819', '60161331'],
  ['sid=s3cr3tC00kie9Zx8Yw7Vu6Ts5', 's3cr3tC00'],
  ['password=Tr0ub4dor9x3kQ7zW', 'Tr0ub4dor'],
  ['Password: hunter2', 'hunter2'],
  ['pwd=swordfish', 'swordfish'],
];
const ORDINARY = ['TaskTourUpdate', 'PERMISSION_DENIED', 'auto_close_jobs'];

/** A point of the metric with the value in one of its attributes, a sound one in the others. */
function pointWith(metric: MetricName, key: string, value: string): PointDescription {
  const sound = (name: string) => attributes[name as keyof typeof attributes]?.values?.[0] ?? 'ordinary';
  const values = metrics[metric].kind === 'counter' ? [1, 1, 1] : [0.1, 0.2, 0.7];
  const shape = metrics[metric].kind === 'counter' ? 'sum' : 'explicit';
  const own = Object.fromEntries(metrics[metric].attributes.map((name) => [name, sound(name)]));
  return withTimes({ metric, attributes: { ...own, [key]: value }, values, shape });
}

test('no personal data in any answer, file or line of the log; ordinary names pass unharmed', async () => {
  const aggregator = await startAggregator({ env: { MONITORING_LOG_LEVEL: 'debug' } });
  const names = Object.keys(metrics) as MetricName[];
  const points = PERSONAL.flatMap(([value]) =>
    names.flatMap((metric) => [...metrics[metric].attributes, 'app.note'].map((key) => pointWith(metric, key, value))),
  );
  await send(aggregator, [
    ...points,
    ...PERSONAL.map(([value]) => ({ ...pointWith(names[0], 'app.x', 'x'), service: value })),
  ]);
  await send(aggregator, [
    pointWith('vigil.mutation.duration', 'vigil.mutation.name', ORDINARY[0]),
    { ...pointWith('vigil.mutation.duration', 'error.type', ORDINARY[1]) },
    pointWith('vigil.task.requests', 'vigil.task.name', ORDINARY[2]),
  ]);
  const paths = endpoints.filter(({ path }) => !path.includes('{')).map(({ path }) => path);
  const answers = await Promise.all(
    [...paths, ...paths.map((path) => `${path}?format=prometheus`), '/monitoring/metrics/prometheus/'].map(
      async (path) => (await aggregator.get(path)).text(),
    ),
  );
  const open = filesOf(aggregator.directory);
  await aggregator.stop();
  const everything = [...answers, open, filesOf(aggregator.directory), aggregator.log()].join('\n');
  for (const [, telling] of PERSONAL) expect(everything).not.toContain(telling);
  for (const name of ORDINARY) expect(everything).toContain(name);
  expect(answers.join('\n')).toContain('[email]');
});
