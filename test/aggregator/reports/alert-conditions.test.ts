import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Alert, type AlertCondition, alertKey, isInhibited } from '../../../aggregator/domain/alert.ts';
import { readAlertConditions } from '../../../aggregator/reports/alert-conditions.ts';
import { BUILT_IN_POLICY } from '../../../aggregator/reports/slo-status.ts';
import { type Store, StoreUnavailable } from '../../../aggregator/store/port.ts';
import { createKnownStore, type KnownStore } from '../../support/known-store.ts';
import { createReadSide, NOW_MS } from '../../support/read-side.ts';

const MINUTE_MS = 60_000;
const folder = resolve(import.meta.dirname, '../../../otel-config');
const read = (file: string) => parse(readFileSync(`${folder}/${file}`, 'utf8'));

/** Two quiet hours, and nine failures of ten in the last minutes. */
function fail(store: KnownStore): void {
  store.add({ name: 'Earlier', seconds: 0.1, atMs: NOW_MS - 120 * MINUTE_MS });
  store.add({ name: 'CreateJob', seconds: 0.1, atMs: NOW_MS, outcome: 'failure', errorType: 'X' }, 90);
  store.add({ name: 'CreateJob', seconds: 0.1, atMs: NOW_MS }, 10);
}

const readAll = async (store: Store): Promise<readonly AlertCondition[]> =>
  (await readAlertConditions(store, BUILT_IN_POLICY, NOW_MS)).flatMap((reading) => {
    if ('error' in reading) throw reading.error;
    return reading.conditions;
  });

const firing = async (store: Store) => (await readAll(store)).filter(({ state }) => state === 'firing');

test('what may alert has the names, labels and waiting times of the Prometheus rules', async () => {
  type Rule = { alert?: string; labels: Record<string, string>; for?: string };
  const { groups } = read('prometheus/rules.yaml') as { groups: { rules: Rule[] }[] };
  const rules = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined);
  const conditions = await readAll(createKnownStore(NOW_MS));
  const described = (name: string, labels: Record<string, string>, wait: string) =>
    `${alertKey({ name, labels })} ${wait}`;
  const ofRules = rules
    // That this service is away it cannot tell itself.
    .filter(({ alert }) => alert !== 'VigilAbsent')
    .map((rule) => described(rule.alert ?? '', rule.labels, rule.for ?? '0m'));
  const ours = conditions.map(({ name, labels, forSeconds }) => described(name, labels, `${forSeconds / 60}m`));
  expect(ours.sort()).toEqual(ofRules.sort());
});

test('webhooks are spared what the routes of Alertmanager inhibit', async () => {
  const { inhibit_rules: rules } = read('alertmanager/alertmanager.yaml') as {
    inhibit_rules: { source_matchers: string[]; target_matchers: string[]; equal?: string[] }[];
  };
  const conditions = await readAll(createKnownStore(NOW_MS));
  const alerts = conditions.map(({ name, labels, text }, i): Alert => {
    return { id: String(i), name, labels, text, phase: 'firing', sinceMs: 0 };
  });
  const fits = ({ name, labels }: Alert, matchers: readonly string[]) =>
    matchers.every((matcher) => {
      const [, label, operator, value] = /^(\w+)(=~?)"(.*)"$/.exec(matcher) ?? [];
      const found = label === 'alertname' ? name : (labels[label] ?? '');
      return operator === '=' ? found === value : new RegExp(`^(?:${value})$`).test(found);
    });
  const wanted = (alert: Alert, all: readonly Alert[]) =>
    rules.some(
      ({ source_matchers, target_matchers, equal = [] }) =>
        fits(alert, target_matchers) &&
        all.some(
          (other) => fits(other, source_matchers) && equal.every((name) => other.labels[name] === alert.labels[name]),
        ),
    );
  for (const alert of alerts)
    for (const other of alerts) expect(isInhibited(alert, [other])).toBe(wanted(alert, [other]));
});

test('an empty store alerts nobody, and says that it knows nothing', async () => {
  const conditions = await readAll(createKnownStore(NOW_MS));
  expect(new Set(conditions.map(({ state }) => state))).toEqual(new Set(['no_data']));
});

test('a budget that burns is said in words that a person understands', async () => {
  const store = createKnownStore(NOW_MS);
  fail(store);
  const found = await firing(store);
  expect(found.map(({ name, labels }) => [name, labels['sloth_slo'], labels['long_window']])).toEqual([
    ['SloBurnRate', 'mutation-success', '1h'],
    ['HighMutationFailureRate', undefined, undefined],
  ]);
  expect(found[0].text.description).toMatch(
    /^The 30-day budget is spent \d+ times over; CreateJob alone spent it \d+ times\./,
  );
  expect(found[1].text.description).toBe('90 % of the mutations of five minutes failed, CreateJob most often.');
});

test('a young store, few events, or duplicates below the line alert nobody', async () => {
  const young = createKnownStore(NOW_MS);
  young.add({ name: 'A', seconds: 0.1, atMs: NOW_MS, outcome: 'failure' }, 15);
  expect(await firing(young)).toEqual([]);
});

test('duplicates, and telemetry that stopped', async () => {
  const store = createKnownStore(NOW_MS);
  const where = { 'vigil.task.name': 'send', 'vigil.idempotency.scope': 'order' };
  const sum = (metric: 'vigil.task.requests' | 'vigil.task.duplicated_keys', n: number, more = {}) => {
    return { metric, attributes: { ...where, ...more }, shape: 'sum' as const, values: new Array<number>(n).fill(1) };
  };
  const points = [sum('vigil.task.requests', 100, { 'vigil.idempotency.outcome': 'executed' })];
  store.addPoints([...points, sum('vigil.task.duplicated_keys', 4)], NOW_MS - 10 * MINUTE_MS);
  const found = await firing(store);
  expect(found.map(({ name, text }) => [name, text.description])).toEqual([
    ['HighDuplicateRate', '4 % of the keys admitted in an hour met a duplicate.'],
    ['VigilTelemetryStopped', 'The newest data point is 10 minutes old. Objectives stay as they were meanwhile.'],
  ]);
});

test('answers and the page say what was sent, and only for all services together', async () => {
  const conditions: Alert[] = [];
  const active = () => conditions as (Alert & { phase: 'firing' })[];
  const { get, store } = createReadSide({ alerts: active });
  fail(store);
  const [burn] = await firing(store);
  conditions.push({ ...burn, id: '1', phase: 'firing', sinceMs: NOW_MS - MINUTE_MS, firedMs: NOW_MS - MINUTE_MS });
  type Slo = { id: string; alerts: { state: string; since: string | null }[] };
  type Answer = { objectives: Slo[]; alerts: { name: string; objective: string; state: string }[] };
  const ask = async (path: string) => (await (await get(path)).json()) as Answer;
  const since = new Date(NOW_MS - MINUTE_MS).toISOString();
  for (const path of ['/monitoring/slo/', '/monitoring/overview/']) {
    const ofAll = (await ask(path)).objectives.flatMap(({ id, alerts }) => alerts.map((alert) => ({ id, ...alert })));
    expect(ofAll.filter((alert) => alert.since !== null)).toMatchObject([
      { id: 'mutation-success', state: 'firing', since },
    ]);
    expect(ofAll.filter(({ state }) => state === 'firing')).toHaveLength(1);
    const ofOne = (await ask(`${path}?service=shop`)).objectives.flatMap(({ alerts }) => alerts);
    expect(ofOne.every((alert) => alert.since === null)).toBe(true);
  }
  const { alerts } = await ask('/monitoring/overview/');
  expect(alerts).toMatchObject([{ name: 'SloBurnRate', objective: 'mutation-success', state: 'firing', since }]);
  expect(await (await get('/objectives/')).text()).toContain(burn.text.summary);
});

test.each([
  ['page', 'burning', 'slo-burning-mutation-success'],
  ['ticket', 'at_risk', 'slo-at-risk-mutation-success'],
] as const)('a %s that silence holds makes its objective %s in every answer', async (severity, state, advice) => {
  const sent: (Alert & { phase: 'firing' })[] = [];
  const { get, store } = createReadSide({ alerts: () => sent });
  const lastMs = NOW_MS - 9 * 24 * 60 * MINUTE_MS;
  store.add({ name: 'CreateJob', seconds: 0.1, atMs: lastMs - 24 * 60 * MINUTE_MS }, 5000);
  store.add({ name: 'CreateJob', seconds: 0.1, atMs: lastMs, outcome: 'failure', errorType: 'X' }, 50);
  type Objectives = { objectives: { id: string; state: string; alerts: { state: string; frozen: boolean }[] }[] };
  const look = async () => {
    const ask = async <Body>(path: string) => (await (await get(path)).json()) as Body;
    const read = ({ objectives }: Objectives) => objectives.find(({ id }) => id === 'mutation-success')!;
    const overview = await ask<Objectives & { recommendations: { id: string }[] }>('/monitoring/overview/');
    const families = await (await get('/monitoring/slo/?format=prometheus')).text();
    const page = await (await get('/objectives/mutation-success/')).text();
    return {
      states: [
        read(await ask('/monitoring/slo/')).state,
        read(overview).state,
        (await ask<{ state: string }>('/monitoring/slo/mutation-success/')).state,
        read(await ask('/monitoring/slo/?service=shop')).state,
        /slo_state\{slo="mutation-success",state="(\w+)"\} 1/.exec(families)?.[1],
        /<dt>State<\/dt><dd>.*?<\/span> ([\w ]+)<\/span>/.exec(page)?.[1].replace(' ', '_'),
      ],
      held: read(overview).alerts.filter(({ state, frozen }) => state === 'firing' && frozen).length,
      advised: overview.recommendations.some(({ id }) => id === advice),
    };
  };
  const meeting = new Array<string>(6).fill('meeting');
  expect(await look()).toEqual({ states: meeting, held: 0, advised: false });
  const all = await readAll(store);
  const [burn] = all.filter(({ labels }) => labels['sloth_slo'] === 'mutation-success' && labels.severity === severity);
  // What was sent decides nothing about what is sent next.
  expect(burn.state).toBe('no_data');
  sent.push({ ...burn, id: '1', phase: 'firing', sinceMs: lastMs, firedMs: lastMs });
  const states = meeting.with(3, 'no_data').map((each) => (each === 'meeting' ? state : 'meeting'));
  expect(await look()).toEqual({ states, held: 1, advised: true });
});

test('what the store cannot answer for names its alerts, and the others are judged all the same', async () => {
  const store = createKnownStore(NOW_MS);
  fail(store);
  const refuses = () => Promise.reject(new StoreUnavailable('too many clients', 5));
  const readings = await readAlertConditions({ ...store, clients: refuses }, BUILT_IN_POLICY, NOW_MS);
  const unread = readings.filter((reading) => 'error' in reading);
  expect(unread).toMatchObject([{ group: 'security', name: 'HighThreatScore', error: { name: 'StoreUnavailable' } }]);
  const others = readings.flatMap((reading) => ('error' in reading ? [] : reading.conditions));
  expect(others).toEqual((await readAll(store)).filter(({ name }) => name !== 'HighThreatScore'));
});

test('a store that cannot be asked says nothing about silence', async () => {
  const store = createKnownStore(NOW_MS);
  fail(store);
  const old = { ...store.state(), newestPointMs: NOW_MS - 60 * MINUTE_MS };
  const silence = async (isUnknown: boolean) => {
    const asked = { ...store, state: () => ({ ...old, isUnknown }) };
    const readings = await readAlertConditions(asked, BUILT_IN_POLICY, NOW_MS);
    return readings.find(({ group }) => group === 'telemetry');
  };
  expect(await silence(false)).toMatchObject({ conditions: [{ state: 'firing' }] });
  expect(await silence(true)).toMatchObject({ error: { name: 'StoreUnavailable' } });
});

test('a group names the alerts that it would judge, so that they can stay as they are', async () => {
  for (const reading of await readAlertConditions(createKnownStore(NOW_MS), BUILT_IN_POLICY, NOW_MS)) {
    const judged = 'error' in reading ? [] : reading.conditions;
    expect(reading.alerts.map(alertKey)).toEqual(judged.map(alertKey));
    expect(judged).not.toEqual([]);
  }
});
