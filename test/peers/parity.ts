/**
 * The aggregator and Prometheus' generated rules, held against each other: one recorded stretch of more than three days
 * goes through the embedded store and the alert service, through `promtool test rules`, and into a real Prometheus. Counts
 * must be those that were made up; budgets equal within a derived bound; alerts and states change at most one evaluation
 * apart, but where a ratio lies on its threshold.
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';
import { alertKey } from '../../aggregator/domain/alert.ts';
import { BURN_ALERT_NAME, burnAlertLabels } from '../../aggregator/domain/alert-labels.ts';
import { builtInObjectives } from '../../aggregator/domain/built-in-objectives.ts';
import { deriveBurnAlerts } from '../../aggregator/domain/burn-alerts.ts';
import { errorBudget } from '../../aggregator/domain/error-budget.ts';
import type { SloState } from '../../aggregator/domain/slo-state.ts';
import type { Rule } from '../../aggregator/prometheus-rules/rules.ts';
import type { Slo } from '../../aggregator/reports/report.ts';
import type { MetricsServer } from './dashboards/servers.ts';
import { alertAssertions, budgetAssertions } from './parity/assertions.ts';
import { budgetBound, onTheLine } from './parity/bounds.ts';
import { type Run, runEngine, type ScrapedSeries } from './parity/engine.ts';
import { type ImportedSlos, importedSlos } from './parity/imported.ts';
import { startBackfilled, type Times } from './parity/prometheus.ts';
import { apart, firingOf, ruleKey, valuesOf } from './parity/rule-engine.ts';
import { linesOf } from './parity/senders.ts';
import { MINUTES, makeStretch, PERIODS } from './parity/stretch.ts';
import { type Truth, truthOf } from './parity/truth.ts';
import { sliceOf, testRules } from './parity/unit-tests.ts';

/** Another one may be given: `npm run peers -- parity 8`. */
const SEED = Number(process.argv[2] ?? 7);
const MINUTE_MS = 60_000;
const HOUR = 60;
/** What is older than its minutes is exact to ten: there the stretch ends. */
const GRAIN_MS = 10 * MINUTE_MS;
const RULES_FILE = resolve(import.meta.dirname, '../../otel-config/prometheus/rules.yaml');

const { groups } = parse(readFileSync(RULES_FILE, 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alertingRules = rules.filter(({ alert }) => alert !== undefined);
/** All but the one that tells that nobody scrapes, which a series of scrapes cannot show. */
const namedAlerts = alertingRules.flatMap(({ alert = '' }) =>
  /^(?:SloBurnRate|VigilAbsent)$/.test(alert) ? [] : [alert],
);
const slos: readonly Slo[] = builtInObjectives;

let passed = 0;
let failed = 0;

function verdict(what: string, problems: readonly string[]): void {
  if (problems.length === 0) passed++;
  else failed++;
  console.log(problems.length === 0 ? `ok   ${what}` : `FAIL ${what}: ${problems.slice(0, 6).join('; ')}`);
}

const hour = (minute: number): string => `h ${(minute / HOUR).toFixed(2)}`;

/** One objective: what it must be, and what rules may differ by. */
interface Judged {
  readonly slo: Slo;
  readonly truth: Truth;
  readonly bound: (minute: number) => number;
}

function judgedOf(slo: Slo, truth: Truth, series: readonly ScrapedSeries[]): Judged {
  const increases = ['vigil:slo_events:increase5m', 'vigil:slo_bad_events:increase5m'];
  const ofSlo = rules.filter(
    ({ record = '', labels }) => increases.includes(record) && labels?.['sloth_slo'] === slo.id,
  );
  const used = series.filter((each) => ofSlo.some(({ expr }) => isUsed(each, expr)));
  return { slo, truth, bound: budgetBound(slo, truth, used) };
}

/** Whether an expression of the rules reads a series. */
function isUsed({ name, labels: { le } }: ScrapedSeries, expression: string): boolean {
  if (le === undefined) return new RegExp(`\\b${name}[[)]`).test(expression);
  return [`${name}{le="${le}"}`, `${name}{le=~"${le}(`].some((selector) => expression.includes(selector));
}

/** The aggregator's counts against what was made up: exact, or off by the events that no bucket places. */
function judgeCounts({ evaluations }: Run, { slo, truth }: Judged): void {
  const problems = evaluations.flatMap(({ standings }, minute) => {
    const standing = standings.get(slo.id);
    const { good, total } = truth.counts(0, minute + 1);
    const mayBeOff = truth.unplaced(0, minute + 1) + 1e-6;
    const isRight = standing !== undefined && standing.total === total && Math.abs(standing.good - good) <= mayBeOff;
    return isRight ? [] : [`${hour(minute)} ${standing?.good} of ${standing?.total}, not ${good} of ${total}`];
  });
  const { total } = truth.counts(0, MINUTES);
  const unplaced = truth.unplaced(0, MINUTES);
  const precision = slo.indicator.part.atMost === undefined ? 'exact' : `but for ${unplaced} in the threshold's cell`;
  verdict(`aggregator: ${slo.id}: ${total} events at ${MINUTES} evaluations, ${precision}`, problems);
}

/** Whether the stretch is what it is meant to be, so that everything that follows can fail. */
function judgeStretch(run: Run, judged: readonly Judged[]): void {
  const fired = new Set(run.evaluations.flatMap(({ firing }) => [...firing]));
  const never = ['"1h"', '"6h"', '"1d"', '"3d"', ...namedAlerts].filter(
    (part) => ![...fired].some((key) => key.includes(part)),
  );
  const success = judged.find(({ slo }) => slo.id === 'mutation-success');
  const burnOf = (from: number, to: number) => {
    const { good, total } = success?.truth.counts(from, to) ?? { good: 0, total: 0 };
    return (total - good) / total / errorBudget(success?.slo.objective ?? 0);
  };
  const { young, silence, absence } = PERIODS;
  const firesAt = (minute: number) =>
    [...run.evaluations[minute].firing].filter((key) => key.includes(BURN_ALERT_NAME));
  const youngOnes = run.evaluations.slice(0, HOUR).flatMap((_, minute) => firesAt(minute));
  verdict(
    `the stretch: ${fired.size} alerts fire, one at least over each window, and each that is not about a budget`,
    [
      ...never.map((part) => `nothing with ${part} fires`),
      ...(burnOf(0, young.toMinute) > 14.4 ? [] : ['the young store has no reason to page']),
    ],
  );
  verdict('a young store pages nobody', youngOnes);
  const frozen = firesAt(absence.toMinute - 1);
  const isFrozen = frozen.length > 0 && frozen.join() === firesAt(silence.fromMinute).join();
  verdict('silence of four hours: what fires goes on', isFrozen ? [] : [`${frozen.join()}`]);
}

/** `vigil import` of the same lines, and the service as its own process on what it made. */
function judgeImport(run: Run, imported: ImportedSlos): void {
  const last = run.evaluations[run.evaluations.length - 1].standings;
  const problems = imported.objectives.flatMap(({ id, events, budget_remaining: remaining }) => {
    const ours = last.get(id);
    const isSame =
      Math.abs(events.good - (ours?.good ?? -1)) < 0.01 &&
      events.total === ours?.total &&
      Math.abs((remaining ?? 9) - (ours?.remaining ?? 0)) < 1e-6;
    return isSame ? [] : [`${id}: ${JSON.stringify(events)} ${remaining}, not ${JSON.stringify(ours)}`];
  });
  verdict(`vigil import: the same events and budgets, over HTTP`, [
    ...problems,
    ...(imported.objectives.length === slos.length ? [] : ['objectives are missing']),
  ]);
}

/** Prometheus' own rule engine: every minute over a part, every five over all of it, and one that is started in an incident. */
async function judgeRuleTests(run: Run, series: readonly ScrapedSeries[], judged: readonly Judged[]): Promise<void> {
  const part = 20 * HOUR;
  const fresh = PERIODS.fastBurn.fromMinute + 15;
  const page = `count(ALERTS{alertname="${BURN_ALERT_NAME}"}) or vector(0)`;
  const everything = (step: number, minutes: number) => [
    ...alertAssertions(alertingRules, run.evaluations.slice(0, minutes), step),
    ...judged.flatMap(({ slo, bound }) => budgetAssertions(slo.id, run.evaluations.slice(0, minutes), bound)),
  ];
  const tests = [
    {
      name: `20 hours, every minute`,
      evaluationMinutes: 1,
      series: sliceOf(series, 0, part),
      assertions: everything(1, part),
    },
    {
      name: 'a Prometheus that is started in an incident pages nobody for an hour',
      evaluationMinutes: 1,
      series: sliceOf(series, fresh, fresh + 80),
      assertions: [20, 40, 58]
        .map((minute) => ({ expr: page, minute, value: 0 }))
        .concat({ expr: page, minute: 64, value: 1 }),
    },
    { name: 'all of it, every five minutes', evaluationMinutes: 5, series, assertions: everything(5, MINUTES) },
  ];
  const isPaging = [...run.evaluations[fresh + 40].firing].some((key) => key.includes(BURN_ALERT_NAME));
  verdict('the aggregator does page in that incident', isPaging ? [] : ['it does not']);
  for (const { test, found } of await Promise.all(
    tests.map(async (test) => ({ test, found: await testRules([RULES_FILE], test) })),
  ))
    verdict(`promtool: ${test.name}: ${test.assertions.length} assertions`, found === '' ? [] : [found.slice(0, 3000)]);
}

/** A real Prometheus: budgets within their bound, alerts and states at most one evaluation apart. */
async function judgeServer(run: Run, series: readonly ScrapedSeries[], judged: readonly Judged[], startMs: number) {
  const recording = rules.filter(({ record }) => record !== undefined);
  const server = await startBackfilled(series, startMs, recording);
  const times = { from: startMs / 1000 + 60, to: startMs / 1000 + MINUTES * 60 };
  try {
    const firing = new Map<string, readonly boolean[]>();
    for (const rule of alertingRules) firing.set(ruleKey(rule), await firingOf(server, rule, times));
    for (const [key, theirs] of firing) judgeAlert(run, judged, key, theirs);
    for (const each of judged) await judgeBudget(server, run, each, times, firing);
  } finally {
    await server.stop();
  }
}

/** Changes at most one evaluation apart, unless the ratio itself lies on the threshold. */
function judgeAlert({ evaluations }: Run, judged: readonly Judged[], key: string, theirs: readonly boolean[]): void {
  const ours = evaluations.map(({ firing }) => firing.has(key));
  const times = ours.filter((fires, i) => fires && ours[i - 1] !== true).length;
  const burns = judged.flatMap(({ slo, truth }) =>
    deriveBurnAlerts(slo).alerts.flatMap((alert) =>
      alertKey({ name: BURN_ALERT_NAME, labels: burnAlertLabels(slo.id, alert) }) === key
        ? [onTheLine(slo, truth, alert)]
        : [],
    ),
  );
  const [open, doubtful] = [apart(ours, theirs), burns.flatMap((isOnLine) => apart(ours, theirs).filter(isOnLine))];
  const told = doubtful.length > 0 ? `, ${doubtful.length} evaluations on its threshold aside` : '';
  const problems = open.filter((minute) => !doubtful.includes(minute));
  verdict(`Prometheus: ${titleOf(key)}: fires ${times} times${told}`, problems.map(hour));
}

function titleOf(key: string): string {
  const [name, ...labels] = JSON.parse(key) as [string, ...[string, string][]];
  const of = new Map(labels);
  return [name, of.get('sloth_slo'), of.get('long_window')].filter((part) => part !== undefined).join(' ');
}

async function judgeBudget(
  server: MetricsServer,
  run: Run,
  { slo, bound }: Judged,
  times: Times,
  firing: ReadonlyMap<string, readonly boolean[]>,
): Promise<void> {
  const name = `slo:period_error_budget_remaining:ratio{sloth_slo="${slo.id}"}`;
  const budgets = await valuesOf(server, name, times);
  let widest = { off: 0, bound: 0, minute: 0 };
  const problems = run.evaluations.flatMap(({ standings }, minute) => {
    const remaining = standings.get(slo.id)?.remaining;
    const allowed = bound(minute);
    if (allowed === Infinity) return [];
    const off = Math.abs(budgets[minute] - (remaining ?? Number.NaN));
    if (minute >= HOUR && off > widest.off) widest = { off, bound: allowed, minute };
    return off <= allowed ? [] : [`${hour(minute)} ${budgets[minute]}, not ${remaining} within ${allowed}`];
  });
  const last = Math.abs(budgets[MINUTES - 1] - (run.evaluations[MINUTES - 1].standings.get(slo.id)?.remaining ?? 0));
  const told = `widest ${widest.off.toFixed(4)} of ${widest.bound.toFixed(4)} at ${hour(widest.minute)}, ${last.toFixed(4)} of ${bound(MINUTES - 1).toFixed(4)} at the end`;
  verdict(`Prometheus: budget of ${slo.id}: ${told}`, problems);
  judgeStates(run, { slo, bound }, budgets, firing);
}

/** The state follows from budget and alerts. Where the budget is within its bound of nothing, either state is right. */
function judgeStates(
  { evaluations }: Run,
  { slo, bound }: Pick<Judged, 'slo' | 'bound'>,
  budgets: Float64Array,
  firing: ReadonlyMap<string, readonly boolean[]>,
): void {
  const ofSlo = alertingRules.filter(({ labels }) => labels?.['sloth_slo'] === slo.id);
  const fires = (severity: string, minute: number) =>
    ofSlo.some((rule) => rule.labels?.['severity'] === severity && firing.get(ruleKey(rule))?.[minute] === true);
  const stateAt = (minute: number): SloState => {
    if (Number.isNaN(budgets[minute])) return 'no_data';
    if (budgets[minute] <= 0) return 'exhausted';
    return fires('page', minute) ? 'burning' : fires('ticket', minute) ? 'at_risk' : 'meeting';
  };
  const ours = evaluations.map(({ standings }) => standings.get(slo.id)?.state ?? 'no_data');
  const theirs = evaluations.map((_, minute) => stateAt(minute));
  const isClear = (minute: number) =>
    Math.abs(evaluations[minute].standings.get(slo.id)?.remaining ?? 0) > bound(minute);
  const problems = apart(ours, theirs).filter(isClear);
  verdict(
    `Prometheus: state of ${slo.id}: ${[...new Set(ours)].join(', ')}`,
    problems.map((minute) => `${hour(minute)} ${theirs[minute]}, not ${ours[minute]}`),
  );
}

try {
  const began = Date.now();
  const startMs = Math.floor(began / GRAIN_MS) * GRAIN_MS - MINUTES * MINUTE_MS;
  const stretch = makeStretch(SEED);
  const lines = [...linesOf(stretch, startMs)];
  const [run, imported] = await Promise.all([runEngine(lines, startMs), importedSlos(lines)]);
  console.log(`${MINUTES} evaluations by the aggregator: ${Math.round((Date.now() - began) / 1000)} s`);
  const series = run.series.filter((each) => rules.some(({ expr }) => isUsed(each, expr)));
  const judged = slos.map((slo) => judgedOf(slo, truthOf(slo, stretch), series));
  for (const each of judged) judgeCounts(run, each);
  judgeStretch(run, judged);
  judgeImport(run, imported);
  await Promise.all([judgeRuleTests(run, series, judged), judgeServer(run, series, judged, startMs)]);
  console.log(`${Math.round((Date.now() - began) / 1000)} s`);
} catch (error) {
  failed++;
  console.log(`FAIL ${error instanceof Error ? error.stack : error}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
