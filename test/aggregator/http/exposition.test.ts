import { DURATION_BUCKET_EDGES_SECONDS } from '@vigil/semconv';
import { describe, expect, test } from 'vitest';
import { renderFamilies } from '../../../aggregator/http/exposition.ts';
import { OPENMETRICS_TEXT, PROMETHEUS_TEXT } from '../../../aggregator/http/negotiation.ts';
import { createOwnMetrics } from '../../../aggregator/metrics.ts';
import { mayBeSkipped, promtoolCheckMetrics } from '../../support/promtool.ts';
import { createReadSide, NOW_MS, type ReadSide } from '../../support/read-side.ts';

const METRICS = '/monitoring/metrics/prometheus/';
const OPENMETRICS = { Accept: 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1' };
const HOUR_MS = 3_600_000;
const trace = (digit: string) => digit.repeat(32);

function fill({ store }: ReadSide): void {
  store.add({ name: 'OldMutation', seconds: 2, atMs: NOW_MS - 40 * 24 * HOUR_MS });
  store.add({ name: 'LoginUser', seconds: 0.2, atMs: NOW_MS - 1000 });
  store.add({ name: 'LoginUser', seconds: 0.5, atMs: NOW_MS - 1000, outcome: 'partial' });
  store.add({ name: 'LoginUser', seconds: 0.7, atMs: NOW_MS - 2000, traceId: trace('a') });
  store.add({
    name: 'LoginUser',
    seconds: 0.6,
    atMs: NOW_MS - 1000,
    outcome: 'failure',
    errorType: 'DENIED',
    traceId: trace('b'),
  });
  store.add({ name: 'LoginUser', seconds: 90, atMs: NOW_MS - 1000, outcome: 'aborted' });
}

const taskAndSecurityFamilies = [
  'celery_idempotency_duplicate_detected_total',
  'celery_idempotency_requests_total',
  'celery_idempotency_duplicate_hits_total',
  'celery_idempotency_duplicates_prevented_total',
  'celery_idempotency_duplicate_rate',
  'celery_idempotency_health_score',
  'celery_idempotency_lock_acquired_total',
  'celery_idempotency_lock_failed_total',
  'security_sqli_attempts_total',
  'security_graphql_csrf_violations_total',
  'security_graphql_rate_limit_violations_total',
  'security_graphql_origin_violations_total',
  'security_threat_score',
  'security_top_attacker_violations',
  'security_top_attacker_reputation',
];

async function scrape(side: ReadSide, headers: Record<string, string> = {}, path = METRICS): Promise<string[]> {
  const answer = await side.get(path, headers);
  expect(answer.status).toBe(200);
  return (await answer.text()).split('\n');
}

const samplesOf = (lines: readonly string[], name: string) =>
  lines.filter((line) => new RegExp(`^${name}[{ ]`).test(line));

const familiesOf = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);

describe('the mutation families', () => {
  test('counters are totals since the store began, failures there with 0', async () => {
    const side = createReadSide();
    fill(side);
    const lines = await scrape(side);
    expect(samplesOf(lines, 'graphql_mutation_total')).toEqual([
      'graphql_mutation_total{mutation="LoginUser"} 5',
      'graphql_mutation_total{mutation="OldMutation"} 1',
    ]);
    expect(samplesOf(lines, 'graphql_mutation_success_total')).toEqual([
      'graphql_mutation_success_total{mutation="LoginUser"} 3',
      'graphql_mutation_success_total{mutation="OldMutation"} 1',
    ]);
    expect(samplesOf(lines, 'graphql_mutation_failure_total')).toEqual([
      'graphql_mutation_failure_total{mutation="LoginUser"} 1',
      'graphql_mutation_failure_total{mutation="OldMutation"} 0',
    ]);
    expect(samplesOf(lines, 'graphql_mutation_errors_total')).toEqual([
      'graphql_mutation_errors_total{mutation="LoginUser",error_type="DENIED"} 1',
    ]);
  });

  test('the summary: quantiles of the last hour, NaN where there was nothing, sum and count of all', async () => {
    const side = createReadSide();
    fill(side);
    side.store.add({ name: 'Constant', seconds: 0.25, atMs: NOW_MS });
    const name = 'graphql_mutation_duration_seconds';
    const lines = await scrape(side);
    expect(samplesOf(lines, name).filter((line) => !line.includes('LoginUser'))).toEqual([
      ...['0.50', '0.95', '0.99'].map((q) => `${name}{mutation="Constant",quantile="${q}"} 0.25`),
      ...['0.50', '0.95', '0.99'].map((q) => `${name}{mutation="OldMutation",quantile="${q}"} NaN`),
    ]);
    expect(samplesOf(lines, `${name}_sum`)).toContain(`${name}_sum{mutation="LoginUser"} 2`);
    expect(samplesOf(lines, `${name}_count`)).toContain(`${name}_count{mutation="LoginUser"} 4`);
  });

  test('the histogram has every edge of the registry and adds up', async () => {
    const side = createReadSide();
    fill(side);
    const name = 'graphql_server_mutation_duration_seconds_bucket';
    const buckets = samplesOf(await scrape(side), name).filter((line) => line.includes('LoginUser'));
    const counts = new Map(buckets.map((line) => [/le="([^"]+)"/.exec(line)![1], Number(line.split(' ').at(-1))]));
    expect([...counts.keys()]).toEqual([...DURATION_BUCKET_EDGES_SECONDS.map(String), '+Inf']);
    expect([counts.get('0.1'), counts.get('0.25'), counts.get('0.5'), counts.get('0.75')]).toEqual([0, 1, 2, 4]);
    expect(counts.get('+Inf')).toBe(4);
  });

  test('a bucket never falls, though a cell that it cuts is shared out and the extremes move', async () => {
    const side = createReadSide();
    const edges = [0, 0.4, 0.6, 2, Infinity];
    let counts = [0, 100, 0, 0];
    let extremes = { min: 0.45, max: 0.45 };
    side.store.lifetimeHistograms = async () => {
      const count = counts.reduce((sum, n) => sum + n, 0);
      return [{ key: ['A', 'success'], histogram: { count, sum: count, ...extremes, edges, counts } }];
    };
    const buckets = async () => {
      const lines = samplesOf(await scrape(side), 'graphql_server_mutation_duration_seconds_bucket');
      return lines.map((line) => Number(line.split(' ').at(-1)));
    };
    const before = await buckets();
    [counts, extremes] = [[0, 101, 0, 0], { min: 0.45, max: 0.58 }];
    const between = await buckets();
    [counts, extremes] = [[1, 101, 1, 1], { min: 0.01, max: 30 }];
    const after = await buckets();
    expect(between.every((value, i) => value >= before[i])).toBe(true);
    expect(after.every((value, i) => value >= between[i])).toBe(true);
    expect(after.every((value, i) => i === 0 || value >= after[i - 1])).toBe(true);
  });

  test('a service alone', async () => {
    const side = createReadSide();
    fill(side);
    side.store.add({ name: 'LoginUser', seconds: 1, atMs: NOW_MS, service: 'other' });
    const lines = await scrape(side, {}, `${METRICS}?service=other`);
    expect(samplesOf(lines, 'graphql_mutation_total')).toEqual(['graphql_mutation_total{mutation="LoginUser"} 1']);
    expect((await side.get(`${METRICS}?window=5`)).status).toBe(400);
  });

  test('each endpoint shows its own part', async () => {
    const side = createReadSide();
    fill(side);
    const part = async (path: string) =>
      familiesOf(await scrape(side, {}, `/monitoring/graphql/${path}?format=prometheus`));
    const counts = ['graphql_mutation_total', 'graphql_mutation_success_total', 'graphql_mutation_failure_total'];
    const errors = ['graphql_mutation_errors_total'];
    const durations = ['graphql_mutation_duration_seconds', 'graphql_server_mutation_duration_seconds'];
    expect(await part('mutations/')).toEqual([...counts, ...errors, ...durations]);
    expect(await part('mutations/breakdown/')).toEqual([...counts, ...errors]);
    expect(await part('mutations/performance/')).toEqual(durations);
    expect(familiesOf(await scrape(side))).toEqual([
      ...counts,
      ...errors,
      ...durations,
      ...taskAndSecurityFamilies,
      ...[
        'slo_objective_ratio',
        'slo_attained_ratio',
        'slo_error_budget_remaining_ratio',
        'slo_burn_rate',
        'slo_state',
        'slo_alert_firing',
      ],
      'aggregator_store_age_seconds',
      'aggregator_http_answers_total',
      'aggregator_streams_open',
      'aggregator_stream_snapshots_total',
    ]);
  });
});

describe('the two dialects', () => {
  test('the content type is exactly what Prometheus expects', async () => {
    const side = createReadSide();
    const type = async (accept?: string) =>
      (await side.get(METRICS, accept === undefined ? {} : { Accept: accept })).headers.get('content-type');
    expect(await type()).toBe(PROMETHEUS_TEXT);
    expect(await type('*/*')).toBe(PROMETHEUS_TEXT);
    expect(await type('text/plain')).toBe(PROMETHEUS_TEXT);
    expect(await type('text/html,application/xhtml+xml,*/*;q=0.8')).toBe(PROMETHEUS_TEXT);
    expect(await type('application/openmetrics-text')).toBe(OPENMETRICS_TEXT);
    expect(await type(OPENMETRICS.Accept)).toBe(OPENMETRICS_TEXT);
    expect(await type('application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5')).toBe(
      PROMETHEUS_TEXT,
    );
    expect(await type('application/openmetrics-text;q=0.2,text/plain;version=0.0.4;q=0.5')).toBe(PROMETHEUS_TEXT);
  });

  test('exemplars stand in OpenMetrics only, each in the bucket of its value', async () => {
    const side = createReadSide();
    fill(side);
    const lines = await scrape(side, OPENMETRICS);
    expect(lines.at(-2)).toBe('# EOF');
    expect(familiesOf(lines)).toContain('graphql_mutation_failure');
    const bucket = 'graphql_server_mutation_duration_seconds_bucket{mutation="LoginUser"';
    const [exemplar] = lines.filter((line) => line.startsWith(`${bucket},le="0.75"}`));
    const at = (NOW_MS / 1000 - 2).toFixed(3);
    expect(exemplar).toMatch(
      new RegExp(` 4 # \\{trace_id="${trace('a')}",span_id="[0-9a-f]{16}"\\} 0\\.(7|69999)\\d* ${at}$`),
    );
    expect(lines).toContain(`${bucket},le="1.0"} 4`);
    const failure = lines.find((line) => line.startsWith('graphql_mutation_failure_total{mutation="LoginUser"}'));
    expect(failure).toContain(`1 # {trace_id="${trace('b')}"`);
    expect((await scrape(side)).join('\n')).not.toContain('trace_id');
  });

  test('what a sender named is escaped', () => {
    const samples = [{ labels: [['mutation', 'a"b\\c\nd']] as const, value: 1 }];
    const family = { name: 'x_total', type: 'counter', help: 'Back\\slash\nline "quoted".', samples } as const;
    expect(renderFamilies([family], 'prometheus')).toBe(
      '# HELP x_total Back\\\\slash\\nline "quoted".\n# TYPE x_total counter\nx_total{mutation="a\\"b\\\\c\\nd"} 1\n',
    );
    expect(renderFamilies([family], 'openmetrics')).toContain('# HELP x Back\\\\slash\\nline \\"quoted\\".\n');
  });
});

describe('the scrape', () => {
  test('the service tells its own health and how old its data is', async () => {
    const ownMetrics = createOwnMetrics();
    ownMetrics.gauge('aggregator_series', 'Series in the store.', () => 3);
    const side = createReadSide({ ownMetrics });
    expect(samplesOf(await scrape(side), 'aggregator_store_age_seconds')).toEqual([]);
    side.store.add({ name: 'A', seconds: 1, atMs: NOW_MS - 12_000 });
    const lines = await scrape(side);
    expect(lines).toContain('aggregator_series 3');
    expect(lines).toContain('aggregator_store_age_seconds 12');
    expect(lines).toContain('aggregator_http_answers_total{status="200"} 1');
  });

  test('it can be switched off', async () => {
    const side = createReadSide({ prometheusMetricsEnabled: false });
    const answer = await side.get(METRICS);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    expect((await side.get('/monitoring/graphql/mutations/?format=prometheus')).status).toBe(200);
  });

  test('a scrape may be served from the cache, each dialect for itself', async () => {
    const side = createReadSide({ cacheTtlSeconds: 5 });
    const status = async (headers = {}) => (await side.get(METRICS, headers)).headers.get('x-cache-status');
    expect([await status(), await status(OPENMETRICS), await status()]).toEqual(['MISS', 'MISS', 'HIT']);
  });

  test.skipIf(mayBeSkipped)('promtool finds nothing to say (skipped where promtool is missing)', async () => {
    const side = createReadSide();
    side.store.add({ name: 'With "quotes" \\ and\nlines', seconds: 1, atMs: NOW_MS, outcome: 'failure' });
    expect(promtoolCheckMetrics((await scrape(side)).join('\n'))).toBe('');
    fill(side);
    expect(promtoolCheckMetrics((await scrape(side)).join('\n'))).toBe('');
    // It does find what is wrong.
    expect(promtoolCheckMetrics('# TYPE wrong_total gauge\nwrong_total 1\n')).not.toBe('');
  });
});
