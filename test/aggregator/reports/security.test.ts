import { beforeEach, describe, expect, test } from 'vitest';
import { type Asked, windowUntil } from '../../../aggregator/reports/report.ts';
import { reportSecurity } from '../../../aggregator/reports/security.ts';
import { reportSecurityGraphql } from '../../../aggregator/reports/security-graphql.ts';
import { reportSecuritySqli } from '../../../aggregator/reports/security-sqli.ts';
import { reportSecurityThreats } from '../../../aggregator/reports/security-threats.ts';
import { mayBeSkipped, promtoolCheckMetrics } from '../../support/promtool.ts';
import { createReadSide, NOW_MS, type ReadSide } from '../../support/read-side.ts';
import { blocks, clientBlocks, graphqlRequests } from '../../support/security-points.ts';

const HOUR_MS = 3_600_000;
const AT_MS = NOW_MS - 60_000;
const lastDay: Asked = { window: windowUntil(NOW_MS, 'hours', 24) };
const addressOf = (i: number) => `203.0.113.${i}`;

let side: ReadSide;
beforeEach(() => {
  side = createReadSide();
});

/** 50 attempts from 10 addresses, 50,000 requests of which 50 were blocked, 10 CSRF, 30 rate limit, spread over the day. */
function fillExample(): void {
  for (let i = 0; i < 50; i++) {
    const at = NOW_MS - Math.round((i / 50) * 23.9 * HOUR_MS) - 1000;
    const pattern = ['union', 'boolean_blind', 'time_blind', 'error_based', 'stacked_queries'][i % 5];
    side.store.addPoints(
      [
        blocks('sqli', 1, { pattern }),
        clientBlocks(addressOf(i % 10), 'sqli', 1, pattern),
        graphqlRequests('ok', 999),
        graphqlRequests('blocked', 1),
        ...(i % 5 === 0 ? [blocks('csrf', 1)] : []),
        ...(i % 5 < 3 ? [blocks('rate_limit', 1)] : []),
      ],
      at,
    );
  }
}

describe('security', () => {
  test('before any data arrived the score is null and the level unknown; quiet is 0', async () => {
    const before = await reportSecurity(side.store, lastDay);
    expect(before).toMatchObject({
      overall_threat_score: null,
      threat_level: 'unknown',
      threat_components: [],
      sqli_summary: { total_attempts: 0, unique_ips: 0, most_common_pattern: 'none' },
    });
    expect(before.recommendations.map(({ id }) => id)).toEqual(['security-no-data']);
    expect((await reportSecurityGraphql(side.store, lastDay)).threat_score).toBeNull();
    side.store.addPoints([graphqlRequests('ok', 5)], AT_MS);
    const quiet = await reportSecurity(side.store, lastDay);
    expect(quiet).toMatchObject({ overall_threat_score: 0, threat_level: 'low' });
    expect(quiet.recommendations.map(({ id }) => id)).toEqual(['security-healthy']);
    expect((await reportSecurityGraphql(side.store, lastDay)).threat_score).toBe(0);
  });

  test('the example: a score of 20 to 35 whose components add up, whatever the window', async () => {
    fillExample();
    const body = await reportSecurity(side.store, lastDay);
    const score = body.overall_threat_score as number;
    expect(score).toBeGreaterThanOrEqual(20);
    expect(score).toBeLessThanOrEqual(35);
    expect(body.threat_level).toBe('guarded');
    expect(body.threat_components.reduce((sum, { points }) => sum + points, 0)).toBeCloseTo(score, 9);
    expect(body.sqli_summary).toEqual({ total_attempts: 50, unique_ips: 10, most_common_pattern: 'boolean_blind' });
    expect(body.graphql_summary).toEqual({
      total_requests: 50_000,
      blocked_requests: 50,
      csrf_violations: 10,
      rate_limit_violations: 30,
    });
    expect(body.recommendations.map(({ id }) => id)).toEqual(['sqli-attempts']);
    const short = await reportSecurity(side.store, { window: windowUntil(NOW_MS, 'hours', 1) });
    expect(short.overall_threat_score).toBe(score);
    expect(short.sqli_summary.total_attempts).toBeLessThan(5);
  });

  test('what is detected and let through is told', async () => {
    side.store.addPoints([blocks('sqli', 2, { action: 'detected' }), blocks('rate_limit', 101)], AT_MS);
    const { recommendations } = await reportSecurity(side.store, lastDay);
    expect(recommendations.map(({ id }) => id)).toEqual(['rate-limit-violations', 'detected-not-blocked']);
    expect(recommendations.map(({ evidence }) => evidence.events)).toEqual([101, 2]);
  });

  test('what nothing could have refused is no attack that was let through', async () => {
    side.store.addPoints(
      [blocks('origin', 12, { action: 'detected' }), blocks('rate_limit', 3, { action: 'detected' })],
      AT_MS,
    );
    const { recommendations } = await reportSecurity(side.store, lastDay);
    expect(recommendations.map(({ id }) => id)).toEqual(['security-healthy']);
  });

  test('where a pattern is seen it is not said that nothing stands out', async () => {
    side.store.addPoints([clientBlocks(addressOf(1), 'authentication', 20, 'credentials')], AT_MS);
    const { overall_threat_score, recommendations } = await reportSecurity(side.store, lastDay);
    expect(overall_threat_score).toBe(0);
    expect(recommendations).toEqual([
      expect.objectContaining({
        id: 'pattern-brute-force',
        level: 'warning',
        message: 'One client failed to log in 20 times; 20 are more than a forgotten password.',
        action: expect.stringMatching(/each account/),
      }),
    ]);
  });
});

describe('SQL injection', () => {
  test('an hour each, the classes, the attackers and their reputation', async () => {
    side.store.addPoints([blocks('sqli', 4, { pattern: 'union' }), clientBlocks(addressOf(1), 'sqli', 4)], AT_MS);
    side.store.addPoints(
      [
        blocks('sqli', 1, { pattern: 'comment', action: 'detected', surface: 'http' }),
        clientBlocks(addressOf(2), 'sqli', 1, 'comment'),
        clientBlocks(addressOf(1), 'csrf', 2, 'token'),
      ],
      NOW_MS - 5 * HOUR_MS,
    );
    const body = await reportSecuritySqli(side.store, lastDay);
    expect(body).toMatchObject({
      total_attempts: 5,
      blocked_attempts: 4,
      unique_ips: 2,
      unique_ips_is_lower_bound: false,
      pattern_distribution: [
        { pattern: 'union', count: 4 },
        { pattern: 'comment', count: 1 },
      ],
    });
    expect(body.violations_by_hour).toHaveLength(24);
    expect(body.violations_by_hour.reduce((sum, { count }) => sum + count, 0)).toBe(5);
    expect(body.violations_by_hour.at(-1)?.count).toBe(4);
    const times = body.violations_by_hour.map(({ timestamp }) => Date.parse(timestamp));
    expect(times.every((time, i) => i === 0 || time - times[i - 1] === HOUR_MS)).toBe(true);
    const [worst, other] = body.top_attackers;
    expect(worst).toMatchObject({ ip_address: addressOf(1), violation_count: 4 });
    expect(worst.reputation).toMatchObject({ risk_level: 'CRITICAL', patterns: ['token', 'union'] });
    // 4 unions weigh 25, two CSRF of five hours ago 3.4; a second kind makes it a quarter more.
    expect(worst.reputation.reputation_score).toBeCloseTo(100 * 2 ** ((-(25 + 6 * 2 ** (-5 / 6)) * 1.25) / 15), 0);
    expect(Date.parse(worst.reputation.last_seen) - Date.parse(worst.reputation.first_seen)).toBeGreaterThan(
      4 * HOUR_MS,
    );
    expect(other.reputation.risk_level).toBe('CLEAN');
    expect(other.reputation.reputation_score).toBeLessThan(100);
  });

  test('attempts of the minute that a window is widened by stand in its first hour', async () => {
    side.store.addPoints([blocks('sqli', 3)], NOW_MS - 24 * HOUR_MS - 10_000);
    const body = await reportSecuritySqli(side.store, lastDay);
    expect(body.total_attempts).toBe(3);
    expect(body.violations_by_hour[0].count).toBe(3);
  });

  test('clients that are not told apart make the number a lower bound, and are no attacker', async () => {
    side.store.addPoints([clientBlocks('_other', 'sqli', 100), clientBlocks('bob', 'sqli', 1)], AT_MS);
    side.store.addPoints([clientBlocks(addressOf(1), 'sqli', 1)], AT_MS);
    const body = await reportSecuritySqli(side.store, lastDay);
    expect(body).toMatchObject({ unique_ips: 1, unique_ips_is_lower_bound: true });
    expect(JSON.stringify(body)).not.toMatch(/bob|_other/);
  });

  test('of a flood of clients the worst stay, and are counted exactly', async () => {
    const heavy = Array.from({ length: 5 }, (_, i) => clientBlocks(`198.51.100.${i}`, 'sqli', 50 + i));
    const light = Array.from({ length: 5000 }, (_, i) => clientBlocks(`10.0.${i >> 8}.${i & 255}`, 'sqli', 1));
    side.store.addPoints([...light.slice(0, 2500), ...heavy, ...light.slice(2500)], AT_MS);
    const body = await reportSecuritySqli(side.store, lastDay);
    expect(body.top_attackers.slice(0, 5).map(({ violation_count }) => violation_count)).toEqual([54, 53, 52, 51, 50]);
    expect(body.unique_ips_is_lower_bound).toBe(true);
    expect(body.unique_ips).toBeGreaterThanOrEqual(1000);
    expect(body.unique_ips).toBeLessThanOrEqual(2000);
  });
});

test('GraphQL: only what went there', async () => {
  side.store.addPoints(
    [
      blocks('csrf', 1),
      blocks('rate_limit', 2),
      blocks('origin', 3),
      blocks('query_analysis', 4, { pattern: 'depth' }),
      blocks('csrf', 100, { surface: 'http' }),
      graphqlRequests('ok', 90),
      graphqlRequests('blocked', 10),
    ],
    AT_MS,
  );
  const body = await reportSecurityGraphql(side.store, lastDay);
  expect(body).toEqual({
    total_requests: 100,
    blocked_requests: 10,
    csrf_violations: 1,
    rate_limit_violations: 2,
    origin_violations: 3,
    query_analysis_failures: 4,
    threat_score: expect.any(Number),
  });
  expect(body.threat_score).toBeGreaterThan(0);
  expect(body.threat_score).toBeLessThan(1);
});

describe('threat patterns', () => {
  const named = async () =>
    (await reportSecurityThreats(side.store, lastDay)).patterns.map(({ pattern_name }) => pattern_name);

  test('nothing without clients', async () => {
    expect(await reportSecurityThreats(side.store, lastDay)).toEqual({ detected_patterns: 0, patterns: [] });
  });

  test.each([
    ['brute_force', () => [clientBlocks(addressOf(1), 'authentication', 20, 'credentials')]],
    [
      'credential_stuffing',
      () => Array.from({ length: 10 }, (_, i) => clientBlocks(addressOf(i), 'authentication', 5, 'credentials')),
    ],
    [
      'enumeration',
      () => ['depth', 'cost', 'aliases'].map((pattern) => clientBlocks(addressOf(1), 'query_analysis', 1, pattern)),
    ],
    ['denial_of_service', () => [clientBlocks(addressOf(1), 'rate_limit', 300, 'requests')]],
    [
      'injection_campaign',
      () => ['union', 'comment', 'time_blind'].map((pattern) => clientBlocks(addressOf(1), 'sqli', 1, pattern)),
    ],
    ['attack_wave', () => [clientBlocks(addressOf(1), 'sqli', 10), clientBlocks(addressOf(1), 'csrf', 5, 'token')]],
  ])('%s is told from its bound on, and not below', async (name, points) => {
    const all = points();
    side.store.addPoints(
      all
        .map((point, i) => (i === 0 ? { ...point, values: point.values.slice(1) } : point))
        .filter(({ values }) => values.length > 0),
      AT_MS,
    );
    expect(await named()).toEqual([]);
    side.store.addPoints([{ ...all[0], values: [1] }], AT_MS + 1);
    const { detected_patterns, patterns } = await reportSecurityThreats(side.store, lastDay);
    expect([detected_patterns, patterns[0].pattern_name]).toEqual([1, name]);
    expect(patterns[0]).toMatchObject({
      affected_users_count: null,
      affected_ips_count: name === 'credential_stuffing' ? 10 : 1,
      affected_ips: expect.arrayContaining([addressOf(1)]),
      detection_count: all.reduce((sum, { values }) => sum + values.length, 0),
      evidence: expect.stringMatching(/\d.*\.$/),
    });
  });

  test('the same requests spread over minutes are no wave', async () => {
    for (let i = 0; i < 15; i++) side.store.addPoints([clientBlocks(addressOf(1), 'sqli', 1)], AT_MS - i * 60_000);
    expect(await named()).toEqual([]);
  });
});

describe('the families', () => {
  const scrape = async (from = side) => (await from.get('/monitoring/security/?format=prometheus')).text();

  test('totals, the score, and the attackers', async () => {
    side.store.addPoints([blocks('sqli', 7)], NOW_MS - 40 * 24 * HOUR_MS);
    side.store.addPoints(
      [
        blocks('sqli', 3),
        blocks('csrf', 2),
        blocks('csrf', 9, { surface: 'http' }),
        clientBlocks(addressOf(1), 'sqli', 3),
      ],
      AT_MS,
    );
    const lines = (await scrape()).split('\n');
    expect(lines).toContain('security_sqli_attempts_total{pattern="union"} 10');
    expect(lines).toContain('security_sqli_attempts_total{pattern="comment"} 0');
    expect(lines).toContain('security_graphql_csrf_violations_total 2');
    expect(lines).toContain(`security_top_attacker_violations{client_address="${addressOf(1)}"} 3`);
    const { overall_threat_score } = await reportSecurity(side.store, lastDay);
    const gauge = lines.find((line) => line.startsWith('security_threat_score '))?.split(' ')[1];
    expect(100 * Number(gauge)).toBeCloseTo(overall_threat_score as number, 1);
  });

  test('addresses can be kept out', async () => {
    const closed = createReadSide({ exposeAttackers: false });
    closed.store.addPoints([clientBlocks(addressOf(1), 'sqli', 3)], AT_MS);
    expect(await scrape(closed)).not.toMatch(/203\.0\.113|top_attacker/);
  });

  test.skipIf(mayBeSkipped)('promtool finds nothing to say (skipped where promtool is missing)', async () => {
    expect(promtoolCheckMetrics(await scrape())).toBe('');
    fillExample();
    expect(promtoolCheckMetrics(await scrape())).toBe('');
  });
});
