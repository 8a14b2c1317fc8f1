import { beforeEach, describe, expect, test } from 'vitest';
import { reportIdempotency } from '../../../aggregator/reports/idempotency.ts';
import { reportIdempotencyBreakdown } from '../../../aggregator/reports/idempotency-breakdown.ts';
import { reportIdempotencyHealth } from '../../../aggregator/reports/idempotency-health.ts';
import { type Asked, windowUntil } from '../../../aggregator/reports/report.ts';
import { mayBeSkipped, promtoolCheckMetrics } from '../../support/promtool.ts';
import { createReadSide, NOW_MS, type ReadSide } from '../../support/read-side.ts';
import { acquisitions, checks, duplicatedKeys, holds, requests } from '../../support/task-points.ts';

const lastDay: Asked = { window: windowUntil(NOW_MS, 'hours', 24) };
const AT_MS = NOW_MS - 60_000;

let side: ReadSide;
beforeEach(() => {
  side = createReadSide();
});

describe('idempotency', () => {
  test('without data every count is 0, health is unknown, and times are null', async () => {
    const { statistics, recommendations } = await reportIdempotency(side.store, lastDay);
    expect(statistics).toEqual({
      window_hours: 24,
      total_requests: 0,
      duplicate_hits: 0,
      duplicate_rate: 0,
      duplicates_prevented: 0,
      duplicates_escaped: 0,
      health_status: 'unknown',
      scope_breakdown: [],
      top_endpoints: [],
      redis_metrics: { duplicate_detected: 0, lock_acquired: 0, lock_failed: 0 },
      check_time: { p50: null, p95: null, p99: null },
    });
    expect(recommendations.map(({ id }) => id)).toEqual(['idempotency-no-data']);
    expect(await reportIdempotencyHealth(side.store, lastDay)).toMatchObject({
      health_status: 'unknown',
      slo_compliance: { actual_duplicate_rate: null, compliant: null },
      total_savings: { efficiency_gain: 0 },
    });
  });

  test('what counts as a request, as prevented, and as neither', async () => {
    side.store.addPoints(
      [
        requests('send_email', 'user', 'executed', 100),
        requests('send_email', 'user', 'prevented', 1),
        requests('send_email', 'user', 'replayed', 2),
        requests('send_email', 'user', 'in_flight', 4),
        requests('send_email', 'user', 'mismatch', 8),
        requests('send_email', 'user', 'escaped', 16),
        requests('send_email', 'user', 'of_tomorrow', 32),
        duplicatedKeys('send_email', 'user', 3),
      ],
      AT_MS,
    );
    const { statistics } = await reportIdempotency(side.store, lastDay);
    expect(statistics).toMatchObject({
      total_requests: 100,
      duplicate_hits: 3,
      duplicate_rate: 3,
      duplicates_prevented: 7,
      duplicates_escaped: 16,
      health_status: 'critical',
      top_endpoints: [{ endpoint: 'send_email', total_requests: 100, duplicate_hits: 3, avg_hit_count: 7.67 }],
    });
  });

  test('endpoints: 20, most duplicates first, then most requests; scopes by requests', async () => {
    side.store.addPoints(
      Array.from({ length: 25 }, (_, i) => requests(`task_${i}`, i % 2 === 0 ? 'global' : 'tenant', 'executed', i + 1)),
      AT_MS,
    );
    side.store.addPoints([duplicatedKeys('task_0', 'global', 1), duplicatedKeys('task_3', 'tenant', 2)], AT_MS);
    const { statistics } = await reportIdempotency(side.store, lastDay);
    expect(statistics.top_endpoints).toHaveLength(20);
    expect(statistics.top_endpoints.slice(0, 4).map(({ endpoint }) => endpoint)).toEqual([
      'task_3',
      'task_0',
      'task_24',
      'task_23',
    ]);
    expect(statistics.scope_breakdown).toEqual([
      { scope: 'global', total_requests: 169, duplicate_hits: 1, total_duplicates: 0 },
      { scope: 'tenant', total_requests: 156, duplicate_hits: 2, total_duplicates: 0 },
    ]);
  });

  test('the window and the service choose what counts', async () => {
    side.store.addPoints([requests('a', 'global', 'executed', 1)], AT_MS);
    side.store.addPoints([{ ...requests('a', 'global', 'executed', 2), service: 'other' }], NOW_MS - 20 * 3_600_000);
    side.store.addPoints([requests('a', 'global', 'executed', 4)], NOW_MS - 25 * 3_600_000);
    const total = async (asked: Asked) => (await reportIdempotency(side.store, asked)).statistics.total_requests;
    expect(await total(lastDay)).toBe(3);
    expect(await total({ ...lastDay, service: 'other' })).toBe(2);
    expect(await total({ window: windowUntil(NOW_MS, 'hours', 48) })).toBe(7);
    expect(await total({ window: windowUntil(NOW_MS, 'hours', 1) })).toBe(1);
  });
});

describe('health and recommendations', () => {
  test.each<[string, number, string, string[]]>([
    ['none', 0, 'healthy', ['info duplicate-rate-excellent']],
    ['below half a percent', 49, 'healthy', ['info duplicate-rate-excellent']],
    ['half a percent', 50, 'healthy', ['info idempotency-healthy']],
    ['just below 1 %, though it rounds to 1', 9_999_600 / 100_000, 'healthy', ['info idempotency-healthy']],
    ['1 %', 100, 'warning', ['warning duplicate-rate']],
    ['just below 3 %', 299, 'warning', ['warning duplicate-rate']],
    ['3 %', 300, 'critical', ['critical duplicate-rate-critical']],
  ])('%s', async (_name, hits, status, said) => {
    const factor = Number.isInteger(hits) ? 1 : 250;
    side.store.addPoints(
      [requests('a', 'global', 'executed', 10_000 * factor), duplicatedKeys('a', 'global', Math.floor(hits * factor))],
      AT_MS,
    );
    const { statistics, recommendations } = await reportIdempotency(side.store, lastDay);
    expect(statistics.health_status).toBe(status);
    expect(recommendations.map(({ id, level }) => `${level} ${id}`)).toEqual(said);
    const health = await reportIdempotencyHealth(side.store, lastDay);
    expect(health.slo_compliance.compliant).toBe(status === 'healthy');
  });

  test('a duplicate that escaped is critical, and comes first', async () => {
    side.store.addPoints(
      [
        requests('a', 'global', 'executed', 100),
        requests('a', 'global', 'escaped', 1),
        duplicatedKeys('a', 'global', 2),
      ],
      AT_MS,
    );
    const { recommendations } = await reportIdempotency(side.store, lastDay);
    expect(recommendations.map(({ level, id }) => `${level} ${id}`)).toEqual([
      'critical duplicate-escaped',
      'warning duplicate-rate',
    ]);
    expect(recommendations[0].evidence).toMatchObject({ value: 1, threshold: 0, unit: 'count', events: 101 });
  });

  test('locks that time out, break or are lost', async () => {
    side.store.addPoints([acquisitions('acquired', 95), acquisitions('timeout', 5), holds('released', 99)], AT_MS);
    side.store.addPoints([holds('expired', 1), acquisitions('held', 1000)], AT_MS);
    const said = async () => (await reportIdempotency(side.store, lastDay)).recommendations.map(({ id }) => id);
    expect(await said()).toEqual(['idempotency-healthy']);
    side.store.addPoints([holds('lost', 1)], AT_MS + 1);
    expect(await said()).toEqual(['lock-faults', 'broken-leases']);
    const { recommendations } = await reportIdempotency(side.store, lastDay);
    expect(recommendations.map(({ evidence }) => evidence.events)).toEqual([100, 101]);
  });
});

test('breakdown: lock performance with its failures by reason', async () => {
  side.store.addPoints(
    [
      acquisitions('acquired', 80, 0.01),
      acquisitions('held', 12, 3),
      acquisitions('timeout', 6, 5),
      acquisitions('error', 2, 5),
      holds('released', 9, 0.5),
      holds('expired', 1, 0.5),
      requests('a', 'user', 'executed', 200),
      duplicatedKeys('a', 'user', 3),
    ],
    AT_MS,
  );
  const body = await reportIdempotencyBreakdown(side.store, lastDay);
  expect(body.lock_performance).toEqual({
    acquire_p95_ms: 10,
    hold_p95_ms: 500,
    success_rate: 80,
    failures_by_reason: { held: 12, timeout: 6, error: 2 },
    expired: 1,
    lost: 0,
  });
  expect(body.redis_metrics).toEqual({ duplicate_detected: 3, lock_acquired: 80, lock_failed: 20 });
  expect(body.top_endpoints[0]).toMatchObject({ endpoint: 'a', duplicate_rate: 1.5 });
  const silent = await reportIdempotencyBreakdown(createReadSide().store, lastDay);
  expect(silent.lock_performance).toMatchObject({ acquire_p95_ms: null, hold_p95_ms: null, success_rate: null });
});

test('both paths answer the same, and the time of checks is told', async () => {
  side.store.addPoints([requests('a', 'global', 'executed', 1), checks([0.002, 0.002, 0.002])], AT_MS);
  for (const rest of ['', 'breakdown/', 'health/']) {
    const bodies = ['celery', 'tasks'].map(async (name) => {
      const body = await (await side.get(`/monitoring/${name}/idempotency/${rest}`)).json();
      return { ...(body as object), correlation_id: undefined };
    });
    expect(await bodies[0]).toEqual(await bodies[1]);
  }
  const { statistics } = await reportIdempotency(side.store, lastDay);
  expect(statistics.check_time).toEqual({ p50: 2, p95: 2, p99: 2 });
});

describe('the families', () => {
  test('counters are totals since the store began; rate and health are those of 24 hours', async () => {
    side.store.addPoints([requests('old', 'global', 'executed', 5)], NOW_MS - 40 * 24 * 3_600_000);
    side.store.addPoints(
      [
        requests('send_email', 'user', 'executed', 100),
        requests('send_email', 'user', 'prevented', 4),
        duplicatedKeys('send_email', 'user', 2),
        acquisitions('acquired', 7),
        acquisitions('held', 3),
        acquisitions('error', 1),
      ],
      AT_MS,
    );
    const text = await (await side.get('/monitoring/celery/idempotency/?format=prometheus')).text();
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples).toEqual([
      'celery_idempotency_duplicate_detected_total 2',
      'celery_idempotency_requests_total{endpoint="old",scope="global"} 5',
      'celery_idempotency_requests_total{endpoint="send_email",scope="user"} 100',
      'celery_idempotency_duplicate_hits_total{endpoint="old",scope="global"} 0',
      'celery_idempotency_duplicate_hits_total{endpoint="send_email",scope="user"} 2',
      'celery_idempotency_duplicates_prevented_total{endpoint="old",scope="global"} 0',
      'celery_idempotency_duplicates_prevented_total{endpoint="send_email",scope="user"} 4',
      'celery_idempotency_duplicate_rate 0.02',
      'celery_idempotency_health_score{status="healthy"} 0',
      'celery_idempotency_health_score{status="warning"} 1',
      'celery_idempotency_health_score{status="critical"} 0',
      'celery_idempotency_health_score{status="unknown"} 0',
      'celery_idempotency_lock_acquired_total 7',
      'celery_idempotency_lock_failed_total 4',
    ]);
  });

  test.skipIf(mayBeSkipped)('promtool finds nothing to say (skipped where promtool is missing)', async () => {
    const scrape = async () => (await side.get('/monitoring/celery/idempotency/?format=prometheus')).text();
    expect(promtoolCheckMetrics(await scrape())).toBe('');
    side.store.addPoints([requests('send "it"', 'user', 'executed', 1), acquisitions('acquired', 1)], AT_MS);
    expect(promtoolCheckMetrics(await scrape())).toBe('');
  });
});
