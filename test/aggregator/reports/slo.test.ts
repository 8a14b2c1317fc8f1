import { DURATION_BUCKET_EDGES_SECONDS } from '@vigil/semconv';
import { describe, expect, test } from 'vitest';
import { builtInObjectives } from '../../../aggregator/domain/built-in-objectives.ts';
import { remembering } from '../../../aggregator/reports/remembering-store.ts';
import { type Asked, type Policy, windowUntil } from '../../../aggregator/reports/report.ts';
import { objectiveSchema, reportSlo, reportSlos } from '../../../aggregator/reports/slo.ts';
import { BURN_WINDOWS, readSloStatuses } from '../../../aggregator/reports/slo-status.ts';
import { createKnownStore, type KnownStore } from '../../support/known-store.ts';

const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const policyOf = (changes: Partial<Policy> = {}): Policy => ({
  objectives: builtInObjectives,
  maintenance: [],
  ...changes,
});

function askedAt(nowMs: number, changes: Partial<Asked> = {}): Asked {
  return { window: windowUntil(nowMs, 'minutes', 1), ...changes };
}

async function objectiveOf(store: KnownStore, id: string, changes: Partial<Asked> = {}, nowMs = NOW_MS) {
  const { objectives } = await reportSlos(store, askedAt(nowMs, changes));
  return objectives.find((objective) => objective.id === id)!;
}

/** Good and bad mutations at one moment. */
function mutate(store: KnownStore, atMs: number, good: number, bad: number, name = 'CreateJob'): void {
  if (good > 0) store.add({ name, seconds: 0.1, atMs }, good);
  if (bad > 0) store.add({ name, seconds: 0.1, atMs, outcome: 'failure' }, bad);
}

test('nothing happened: no_data everywhere, never 100 %', async () => {
  const { objectives } = await reportSlos(createKnownStore(NOW_MS), askedAt(NOW_MS));
  expect(objectives).toHaveLength(builtInObjectives.length);
  for (const objective of objectives) {
    expect(objective).toMatchObject({
      state: 'no_data',
      attained: null,
      budget_remaining: null,
      time_to_exhaustion_seconds: null,
      coverage: 0,
      events: { good: 0, total: 0 },
      spent_by: [],
    });
    expect(Object.values(objective.burn_rates).every((burn) => burn === null)).toBe(true);
    expect(Object.keys(objective.burn_rates)).toEqual(['5m', '30m', '1h', '2h', '6h', '1d', '3d', '30d']);
    expect(objective.alerts.map(({ state }) => state)).toEqual(['no_data', 'no_data', 'no_data', 'no_data']);
  }
});

test('what one page is made from is judged once, and nothing else shares the judgement', async () => {
  const store = createKnownStore(NOW_MS);
  mutate(store, NOW_MS - HOUR, 10, 1);
  const scope = { untilMs: NOW_MS + 30_000, policy: policyOf() };
  const shared = remembering(store);
  const first = await readSloStatuses(shared, { ...scope });
  expect(await readSloStatuses(shared, { ...scope })).toBe(first);
  const others = [
    await readSloStatuses(store, scope),
    await readSloStatuses(remembering(store), scope),
    await readSloStatuses(shared, { ...scope, service: 'billing' }),
    await readSloStatuses(shared, { ...scope, policy: policyOf() }),
    await readSloStatuses(shared, { ...scope, untilMs: scope.untilMs + MINUTE }),
    await readSloStatuses(shared, { ...scope, alerts: () => [] }),
  ];
  for (const other of others) expect(other).not.toBe(first);
  expect(others[0]).toEqual(first);
  expect(others[2]).not.toEqual(first);
});

test('the numbers of an objective', async () => {
  const store = createKnownStore(NOW_MS);
  mutate(store, NOW_MS - 20 * DAY, 900, 0);
  mutate(store, NOW_MS - 2 * DAY, 70, 10, 'CreateJob');
  mutate(store, NOW_MS - 10 * MINUTE, 10, 10, 'DeleteJob');
  const objective = await objectiveOf(store, 'mutation-success');
  expect(objective).toMatchObject({
    objective: 0.95,
    window_days: 30,
    events: { good: 980, total: 1000 },
    attained: 0.98,
    budget_remaining: 0.6,
    interpolated: false,
    spent_by: [
      { name: 'CreateJob', share: 0.5 },
      { name: 'DeleteJob', share: 0.5 },
    ],
    maintenance: [],
  });
  expect(objective.burn_rates).toMatchObject({ '5m': null, '30m': 10, '1h': 10, '1d': 10, '3d': 4, '30d': 0.4 });
  expect(objective.time_to_exhaustion_seconds).toBe((0.6 * 30 * 86_400) / 10);
  expect(objective.coverage).toBeCloseTo(20 / 30, 3);
  expect(
    objective.alerts.map(({ threshold, long_window, short_window }) => [threshold, long_window, short_window]),
  ).toEqual([
    [14.4, '1h', '5m'],
    [6, '6h', '30m'],
    [3, '1d', '2h'],
    [1, '3d', '6h'],
  ]);
});

test('latency is judged at its threshold; aborted mutations say nothing', async () => {
  const store = createKnownStore(NOW_MS);
  for (const [seconds, times] of [
    [0.5, 60],
    [0.501, 10],
    [1, 10],
    [1.2, 20],
  ])
    store.add({ name: 'A', seconds, atMs: NOW_MS }, times);
  store.add({ name: 'A', seconds: 90, atMs: NOW_MS, outcome: 'aborted' }, 50);
  expect((await objectiveOf(store, 'mutation-latency-p95')).events).toEqual({ good: 60, total: 100 });
  expect((await objectiveOf(store, 'mutation-latency-p99')).events).toEqual({ good: 80, total: 100 });
  expect((await objectiveOf(store, 'mutation-success')).events).toEqual({ good: 150, total: 150 });
});

test('a threshold inside a cell is interpolated, and the answer says so', async () => {
  const [first] = builtInObjectives;
  const part = { ...first.indicator.part, atMost: 0.6 };
  const slo = { ...first, indicator: { ...first.indicator, part } };
  const store = createKnownStore(NOW_MS);
  for (const seconds of [0.55, 0.7]) store.add({ name: 'A', seconds, atMs: NOW_MS }, 50);
  const objective = await objectiveOf(store, slo.id, { policy: policyOf({ objectives: [slo] }) });
  expect(objective.interpolated).toBe(true);
  expect(objective.events.good).toBeGreaterThan(0);
  expect(objective.events.good).toBeLessThan(100);
  expect(DURATION_BUCKET_EDGES_SECONDS).not.toContain(0.6);
});

test('duplicates of keys: more than keys admitted leave no good event, and never fewer than none', async () => {
  const store = createKnownStore(NOW_MS);
  const tasks = (executed: number, duplicated: number, atMs: number): void => {
    const scope = { 'vigil.task.name': 'send-mail', 'vigil.idempotency.scope': 'user' };
    const ones = (n: number) => new Array<number>(n).fill(1);
    const requests = { ...scope, 'vigil.idempotency.outcome': 'executed' };
    store.addPoints(
      [
        { metric: 'vigil.task.requests', attributes: requests, values: ones(executed), shape: 'sum' },
        { metric: 'vigil.task.duplicated_keys', attributes: scope, values: ones(duplicated), shape: 'sum' },
      ],
      atMs,
    );
  };
  tasks(1000, 2, NOW_MS - 2 * HOUR);
  expect(await objectiveOf(store, 'task-duplicates')).toMatchObject({
    events: { good: 998, total: 1000 },
    budget_remaining: 0.8,
    spent_by: [{ name: 'send-mail', share: 1 }],
  });
  tasks(10, 40, NOW_MS);
  const { events, burn_rates } = await objectiveOf(store, 'task-duplicates');
  expect(events).toEqual({ good: 968, total: 1010 });
  expect(burn_rates['5m']).toBe(100);
});

describe('an incident', () => {
  /** Ten mutations a minute for 40 days, and failures of a share of them since `sinceMs`. */
  const incident = (sinceMs: number, untilMs: number, share: number): KnownStore => {
    const store = createKnownStore(NOW_MS);
    mutate(store, NOW_MS - 40 * DAY, 1000, 0);
    for (let atMs = NOW_MS - 6 * HOUR; atMs <= untilMs; atMs += 5 * MINUTE) {
      const bad = atMs >= sinceMs ? Math.round(50 * share) : 0;
      mutate(store, atMs, 50 - bad, bad);
    }
    return store;
  };
  const firing = (objective: { alerts: readonly { state: string; severity: string; long_window: string }[] }) =>
    objective.alerts
      .filter(({ state }) => state === 'firing')
      .map(({ severity, long_window }) => `${severity} ${long_window}`);

  test('everything failing for an hour pages; the budget lasts for the time that it says', async () => {
    const store = incident(NOW_MS - HOUR, NOW_MS, 1);
    mutate(store, NOW_MS - 20 * DAY, 100_000, 0);
    const objective = await objectiveOf(store, 'mutation-success');
    expect(objective.state).toBe('burning');
    expect(firing(objective)).toContain('page 1h');
    expect(objective.summary).toMatch(
      /^At this speed the 30-day budget lasts 1\.\d days; CreateJob spent 1\d % of it\.$/,
    );
  });

  test('it ends with the short window', async () => {
    const store = incident(NOW_MS - HOUR, NOW_MS - 10 * MINUTE, 1);
    mutate(store, NOW_MS - MINUTE, 200, 0);
    expect(firing(await objectiveOf(store, 'mutation-success'))).not.toContain('page 1h');
  });

  test('silence freezes: what fired goes on firing, whatever leaves the windows meanwhile', async () => {
    const store = incident(NOW_MS - HOUR, NOW_MS, 1);
    const later = (ms: number) => objectiveOf(store, 'mutation-success', {}, NOW_MS + ms);
    const before = firing(await later(0));
    expect(before).toContain('page 1h');
    for (const ms of [7 * MINUTE, 2 * HOUR, 2 * DAY]) {
      const objective = await later(ms);
      expect(firing(objective), `after ${ms / HOUR} h`).toEqual(expect.arrayContaining(['page 1h']));
      expect(objective.alerts[0].frozen).toBe(true);
    }
    expect((await later(0)).alerts[0].frozen).toBe(false);
    const gone = await later(31 * DAY);
    expect([gone.state, firing(gone)]).toEqual(['no_data', []]);
  });

  test('what was quiet stays quiet in silence', async () => {
    const store = incident(NOW_MS, NOW_MS, 0.2);
    for (const ms of [0, 10 * MINUTE, 2 * HOUR])
      expect(firing(await objectiveOf(store, 'mutation-success', {}, NOW_MS + ms))).toEqual([]);
  });

  test('a young store pages nobody before its data reaches back over the window', async () => {
    const store = createKnownStore(NOW_MS);
    for (let i = 0; i < 60; i++) mutate(store, NOW_MS - i * MINUTE, 0, 50);
    const young = await objectiveOf(store, 'mutation-success');
    expect(firing(young)).toEqual([]);
    expect(young.alerts[0].state).toBe('no_data');
    expect(young.state).toBe('exhausted');
    mutate(store, NOW_MS - 60 * MINUTE, 0, 50);
    expect(firing(await objectiveOf(store, 'mutation-success'))).toEqual(['page 1h']);
  });

  test('few bad events alert nobody', async () => {
    const store = createKnownStore(NOW_MS);
    mutate(store, NOW_MS - 40 * DAY, 1000, 0);
    mutate(store, NOW_MS - MINUTE, 0, 19);
    expect(firing(await objectiveOf(store, 'mutation-success'))).toEqual([]);
    mutate(store, NOW_MS - MINUTE, 0, 1);
    expect(firing(await objectiveOf(store, 'mutation-success'))).toEqual(
      expect.arrayContaining(['page 1h', 'page 6h']),
    );
  });
});

describe('maintenance', () => {
  test('what happened in it does not count, and the answer names it', async () => {
    const store = createKnownStore(NOW_MS);
    mutate(store, NOW_MS - DAY, 100, 0);
    mutate(store, NOW_MS - 2 * HOUR, 0, 100);
    const fromMs = NOW_MS - 2 * HOUR - 5 * MINUTE;
    const period = { fromMs, toMs: fromMs + 30 * MINUTE, reason: 'moving the database' };
    const elsewhere = { ...period, objectives: ['task-duplicates'] };
    const during = (maintenance: Policy['maintenance']) =>
      objectiveOf(store, 'mutation-success', { policy: policyOf({ maintenance }) });
    expect((await during([elsewhere])).events).toEqual({ good: 100, total: 200 });
    const objective = await during([period]);
    expect(objective).toMatchObject({ events: { good: 100, total: 100 }, state: 'meeting', spent_by: [] });
    expect(objective.burn_rates['6h']).toBe(null);
    expect(objective.maintenance).toEqual([
      { from: new Date(fromMs).toISOString(), to: new Date(period.toMs).toISOString(), reason: 'moving the database' },
    ]);
  });

  test('a young store stays young through it', async () => {
    const store = createKnownStore(NOW_MS);
    mutate(store, NOW_MS - 50 * MINUTE, 50, 50);
    mutate(store, NOW_MS, 0, 100);
    const period = { fromMs: NOW_MS - 55 * MINUTE, toMs: NOW_MS - 45 * MINUTE, reason: 'x' };
    const { alerts } = await objectiveOf(store, 'mutation-success', { policy: policyOf({ maintenance: [period] }) });
    expect(alerts[0].state).toBe('no_data');
  });
});

test('worst budget first, those without data last', async () => {
  const store = createKnownStore(NOW_MS);
  store.add({ name: 'A', seconds: 0.7, atMs: NOW_MS }, 100);
  const { objectives } = await reportSlos(store, askedAt(NOW_MS));
  expect(objectives.map(({ id, state }) => [id, state])).toEqual([
    ['mutation-latency-p95', 'exhausted'],
    ['mutation-latency-p99', 'meeting'],
    ['mutation-success', 'meeting'],
    ['task-duplicates', 'no_data'],
  ]);
});

test('one service alone', async () => {
  const store = createKnownStore(NOW_MS);
  store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS, service: 'shop' }, 30);
  store.add({ name: 'A', seconds: 0.1, atMs: NOW_MS, service: 'bank', outcome: 'failure' }, 30);
  const budget = async (service?: string) =>
    (await objectiveOf(store, 'mutation-success', { service })).budget_remaining;
  expect([await budget('shop'), await budget('bank'), await budget()]).toEqual([1, -19, -9]);
});

describe('the series of one objective', () => {
  test('the budget burns down from the first event to what it is now; burn rates stand at their hours', async () => {
    const store = createKnownStore(NOW_MS);
    mutate(store, NOW_MS - 25 * DAY, 1000, 0);
    mutate(store, NOW_MS - 10 * DAY, 0, 20);
    mutate(store, NOW_MS, 80, 10);
    const { series, budget_remaining } = await reportSlo(store, askedAt(NOW_MS, { id: 'mutation-success' }));
    expect(series.budget_remaining.points.length).toBeLessThanOrEqual(200);
    const before = series.budget_remaining.points.filter(([, value]) => value === null);
    const { step_seconds, points } = series.budget_remaining;
    expect((NOW_MS - 25 * DAY) / 1000 - (before.at(-1)?.[0] ?? 0)).toBeLessThanOrEqual(2 * step_seconds);
    expect(before).toEqual(points.slice(0, before.length));
    const values = points.slice(before.length).map(([, value]) => value);
    expect(values[0]).toBe(1);
    expect(values.at(-1)).toBe(budget_remaining);
    expect(values).toEqual(values.toSorted((a, b) => b! - a!));
    const burns = series.burn_rate_1h.points.map(([, value]) => value);
    expect(burns.at(-1)).toBeCloseTo(10 / 90 / 0.05, 4);
    expect(burns.filter((burn) => burn !== null).length).toBeLessThanOrEqual(3);
    expect(series.burn_rate_1h.points.map(([time]) => time)).toEqual(
      series.budget_remaining.points.map(([time]) => time),
    );
  });

  test('an objective that is not there is none', async () => {
    await expect(reportSlo(createKnownStore(NOW_MS), askedAt(NOW_MS, { id: 'nothing' }))).rejects.toThrow(
      'no objective',
    );
  });
});

test('what is shown fits its schema, and names every window of the contract', async () => {
  const store = createKnownStore(NOW_MS);
  mutate(store, NOW_MS - HOUR, 50, 3);
  const objective = await objectiveOf(store, 'mutation-success');
  expect(objectiveSchema.strict().parse(objective)).toEqual(objective);
  expect(Object.keys(objective.burn_rates)).toEqual(Object.keys(BURN_WINDOWS));
});
