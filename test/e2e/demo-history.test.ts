/** The made-up past of the demo, imported, is what the endpoints tell: to the event, and in words. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type HistoryTally, makeHistory, VERSION, VERSION_BEFORE } from '../demo/history.ts';
import { type RunningAggregator, startAggregator, temporaryDirectory } from '../support/aggregator.ts';

/** All incidents lie in the last four days; the rest is more of the same. */
const DAYS = 4;
const CLI = resolve(import.meta.dirname, '../../aggregator/cli.ts');

let aggregator: RunningAggregator;
let tally: HistoryTally;
beforeAll(async () => {
  const directory = temporaryDirectory();
  const history = makeHistory(Date.now(), { days: DAYS });
  const file = join(directory, 'history.jsonl');
  writeFileSync(file, [...history.lines()].join('\n'));
  tally = history.tally;
  const env = { ...process.env, MONITORING_DATA_DIR: directory };
  const { stdout, stderr } = spawnSync(process.execPath, [CLI, 'import', file], { env, encoding: 'utf8' });
  expect([stderr, stdout]).toEqual([
    '',
    `points: taken ${tally.points}, duplicate 0, baseline 0, ignored 0, empty 0\n`,
  ]);
  aggregator = await startAggregator({ directory });
});
afterAll(() => aggregator.stop());

interface Answers {
  readonly statistics: Readonly<Record<string, unknown>>;
  readonly recommendations: readonly {
    readonly id: string;
    readonly message: string;
    readonly level: string;
    readonly evidence: { readonly trace_ids: readonly string[] };
  }[];
  readonly objectives: readonly { readonly id: string; readonly events: { good: number; total: number } }[];
  readonly total_attempts: number;
  readonly overall_threat_score: number;
  readonly sqli_summary: Readonly<Record<string, unknown>>;
}
const ask = (path: string) => aggregator.json<Answers>(path);

test('every event is counted where it belongs', async () => {
  const { statistics } = await ask(`/monitoring/graphql/mutations/?window=${(DAYS + 1) * 1440}`);
  const total = Object.values(tally.mutations).reduce((sum, n) => sum + n, 0);
  expect(statistics).toMatchObject({
    total_mutations: total,
    failed_mutations: tally.failures,
    mutation_breakdown: tally.mutations,
  });
  const { objectives } = await ask('/monitoring/slo/');
  const events = Object.fromEntries(objectives.map(({ id, events: { good, total: all } }) => [id, [good, all]]));
  expect(events).toMatchObject({
    'mutation-success': [total - tally.failures, total],
    'mutation-latency-p95': [total - tally.slow, total],
    'task-duplicates': [tally.keys - tally.duplicatedKeys, tally.keys],
  });
});

test('the slow release is named, with its version, its p95 and traces', async () => {
  const { recommendations } = await ask('/monitoring/recommendations/');
  const slower = recommendations.find(({ id }) => id === 'version-p95-demo-CreateJob');
  expect(slower?.level).toBe('warning');
  expect(slower?.evidence.trace_ids).toHaveLength(5);
  for (const id of slower?.evidence.trace_ids ?? []) expect(id).toMatch(/^a[0-9a-f]{31}$/);
  expect(slower?.message).toMatch(new RegExp(`Since ${VERSION} of demo, CreateJob.*under ${VERSION_BEFORE}`));
});

test('the storm of duplicates has spent the budget of the tasks', async () => {
  expect(tally.escaped).toBeGreaterThan(5);
  expect(tally.lostLocks).toBeGreaterThan(100);
  const { statistics } = await ask(`/monitoring/celery/idempotency/?window=${DAYS * 24}`);
  expect(statistics).toMatchObject({ duplicate_hits: tally.duplicatedKeys });
  const { recommendations } = await ask(`/monitoring/celery/idempotency/?window=${DAYS * 24}`);
  expect(recommendations.map(({ level }) => level)).toContain('critical');
});

test('the campaign of injections raises the threat score', async () => {
  const security = await ask('/monitoring/security/');
  expect(security.sqli_summary).toMatchObject({ total_attempts: tally.injections, unique_ips: 4 });
  expect(security.overall_threat_score).toBeGreaterThan(40);
});

test('the same moment makes the same history, another seed another', () => {
  const now = Date.now();
  const digest = (seed: number) => [...makeHistory(now, { days: 1, seed }).lines()].join('');
  expect(digest(1)).toBe(digest(1));
  expect(digest(2)).not.toBe(digest(1));
});
