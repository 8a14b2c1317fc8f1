/** Prometheus rules from objectives: recording rules under Sloth's series names, and alerts over two windows. */
import { DURATION_BUCKET_EDGES_SECONDS, type MetricName } from '@vigil/semconv';
import { stringify } from 'yaml';
import { BURN_ALERT_NAME, burnAlertLabels, sloIdentity, windowName } from '../domain/alert-labels.ts';
import { type BurnAlert, deriveBurnAlerts, MIN_BAD_EVENTS } from '../domain/burn-alerts.ts';
import { errorBudget } from '../domain/error-budget.ts';
import type { EventSelection, Objective } from '../domain/objective.ts';
import { namedAlerts } from './named-alerts.ts';

/** A rule as Prometheus reads it. */
export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An objective is on events that the Prometheus families of this service do not tell apart. */
export class NoSuchFamily extends Error {
  override readonly name = 'NoSuchFamily';
}

/** Windows that an error ratio is recorded over, in seconds. */
const WINDOWS = [300, 1800, 3600, 7200, 21_600, 86_400, 259_200];
const SETTLED = ['failure', 'partial', 'success'];

/** The file, with a line on where it comes from. @throws NoSuchFamily */
export function rulesFile(objectives: readonly Objective<MetricName>[]): string {
  const groups = [
    ...objectives.flatMap((slo) => [
      { name: `vigil-slo-sli-${slo.id}`, interval: '1m', rules: recordings(slo) },
      { name: `vigil-slo-alerts-${slo.id}`, interval: '1m', rules: burnAlerts(slo) },
    ]),
    { name: 'vigil-alerts', interval: '1m', rules: namedAlerts },
  ];
  return `# Generated from the objectives by \`npm run generate\`.\n${stringify({ groups }, { lineWidth: 0 })}`;
}

/** Both counters of an objective, as selectors. */
interface Counters {
  readonly total: string;
  readonly part: string;
  readonly partIs: 'good' | 'bad';
}

function countersOf({ id, indicator }: Objective<MetricName>): Counters {
  const of = (selection: EventSelection<MetricName>): string => {
    const selector = selectorOf(selection);
    if (selector === undefined)
      throw new NoSuchFamily(`${id}: no Prometheus family counts these events of ${selection.metric}.`);
    return selector;
  };
  return { total: of(indicator.total), part: of(indicator.part), partIs: indicator.partIs };
}

function selectorOf({ metric, where, atMost }: EventSelection<MetricName>): string | undefined {
  const outcomes = (where['vigil.mutation.outcome'] ?? where['vigil.idempotency.outcome'] ?? []).toSorted().join(' ');
  if (Object.keys(where).length > (outcomes === '' ? 0 : 1)) return undefined;
  if (metric === 'vigil.task.requests' && outcomes === 'executed') return 'celery_idempotency_requests_total';
  if (metric === 'vigil.task.duplicated_keys') return 'celery_idempotency_duplicate_hits_total';
  if (metric !== 'vigil.mutation.duration') return undefined;
  if (atMost !== undefined) return outcomes === SETTLED.join(' ') ? bucketOf(atMost) : undefined;
  const families: Readonly<Record<string, string>> = {
    '': 'graphql_mutation_total',
    failure: 'graphql_mutation_failure_total',
    'partial success': 'graphql_mutation_success_total',
    [SETTLED.join(' ')]: 'graphql_server_mutation_duration_seconds_count',
  };
  return families[outcomes];
}

/** Prometheus 3 writes a whole edge as 1.0. */
function bucketOf(edge: number): string | undefined {
  if (!DURATION_BUCKET_EDGES_SECONDS.includes(edge)) return undefined;
  const le = Number.isInteger(edge) ? `le=~"${edge}(\\\\.0)?"` : `le="${edge}"`;
  return `graphql_server_mutation_duration_seconds_bucket{${le}}`;
}

/** Bad events over a window by a function of counters; 0 where none was ever counted. */
function badOf({ total, part, partIs }: Counters, apply: 'rate' | 'increase', window: string): string {
  const sum = (selector: string) => `sum(${apply}(${selector}[${window}]))`;
  return partIs === 'bad' ? `(${sum(part)} or vector(0))` : `(${sum(total)} - (${sum(part)} or vector(0)))`;
}

function recordings(slo: Objective<MetricName>): Rule[] {
  const counters = countersOf(slo);
  const identity = sloIdentity(slo.id);
  const series = (name: string) => `${name}{sloth_id="${identity.sloth_id}"}`;
  const record = (name: string, expr: string, labels: Readonly<Record<string, string>> = {}): Rule => ({
    record: name,
    expr,
    labels: { ...identity, ...labels },
  });
  const period = `${slo.windowDays}d`;
  const ratios = WINDOWS.map(windowName).map((window) => {
    // Without events there is no sample: silence is not health.
    const total = `(sum(rate(${counters.total}[${window}])) > 0)`;
    const expr = `clamp_max(${badOf(counters, 'rate', window)} / ${total}, 1)`;
    return record(`slo:sli_error:ratio_rate${window}`, expr, { sloth_window: window });
  });
  return [
    ...ratios,
    // The period is weighted by events: a busy hour counts for more than a quiet one.
    record('vigil:slo_events:increase5m', `sum(increase(${counters.total}[5m]))`),
    record('vigil:slo_bad_events:increase5m', badOf(counters, 'increase', '5m')),
    record(
      `slo:sli_error:ratio_rate${period}`,
      `clamp_max(sum_over_time(${series('vigil:slo_bad_events:increase5m')}[${period}]) / (sum_over_time(${series('vigil:slo_events:increase5m')}[${period}]) > 0), 1)`,
      { sloth_window: period },
    ),
    record('slo:objective:ratio', `vector(${slo.objective})`),
    record('slo:error_budget:ratio', `vector(${errorBudget(slo.objective)})`),
    record('slo:time_period:days', `vector(${slo.windowDays})`),
    record(
      'slo:current_burn_rate:ratio',
      `sum without (sloth_window) (${series('slo:sli_error:ratio_rate5m')}) / ${errorBudget(slo.objective)}`,
    ),
    record(
      'slo:period_burn_rate:ratio',
      `sum without (sloth_window) (${series(`slo:sli_error:ratio_rate${period}`)}) / ${errorBudget(slo.objective)}`,
    ),
    record('slo:period_error_budget_remaining:ratio', `1 - ${series('slo:period_burn_rate:ratio')}`),
    record('sloth_slo_info', 'vector(1)', { sloth_objective: String(slo.objective * 100), sloth_spec: 'openslo/v1' }),
  ];
}

function burnAlerts(slo: Objective<MetricName>): Rule[] {
  return deriveBurnAlerts(slo).alerts.map((alert) => burnAlert(slo, alert));
}

function burnAlert(slo: Objective<MetricName>, alert: BurnAlert): Rule {
  const [long, short] = [windowName(alert.longSeconds), windowName(alert.shortSeconds)];
  return {
    alert: BURN_ALERT_NAME,
    expr: burnExpression(slo, alert, long, short),
    labels: burnAlertLabels(slo.id, alert),
    annotations: {
      summary: `${slo.name}: the error budget burns more than ${Number(alert.threshold.toPrecision(6))} times too fast`,
      description: `Over ${long} and over ${short}. At that speed ${Math.round(alert.budgetShare * 100)} % of the ${slo.windowDays}-day budget is gone within ${long}. ${slo.description}`,
    },
  };
}

function burnExpression(slo: Objective<MetricName>, alert: BurnAlert, long: string, short: string): string {
  const counters = countersOf(slo);
  const identity = `sloth_id="${sloIdentity(slo.id).sloth_id}"`;
  const limit = Number((alert.threshold * errorBudget(slo.objective)).toPrecision(12));
  const over = (window: string) => `slo:sli_error:ratio_rate${window}{${identity}} > ${limit}`;
  const by = 'max by (sloth_id, sloth_service, sloth_slo)';
  const conditions = [
    `${by} (${over(long)})`,
    `and on (sloth_id) (${over(short)})`,
    // Low traffic: a handful of bad events is no incident. Half an event makes up for extrapolation.
    `and on () (${badOf(counters, 'increase', long)} >= ${MIN_BAD_EVENTS - 0.5})`,
    // Of few events few are bad, though their part may exceed them: duplicates of older keys.
    ...(counters.partIs === 'bad'
      ? [`and on () (sum(increase(${counters.total}[${long}])) >= ${MIN_BAD_EVENTS - 0.5})`]
      : []),
    // A young Prometheus: a window that data does not reach back over is not judged.
    `and on () (count(present_over_time(${counters.total}[${short}] offset ${long})) > 0)`,
  ];
  const frozen = [
    `${by} (ALERTS{alertname="${BURN_ALERT_NAME}", alertstate="firing", long_window="${long}", ${identity}})`,
    // In silence nothing resolves.
    `unless on () (sum(rate(${counters.total}[${short}])) > 0)`,
  ];
  return `(\n  ${conditions.join('\n  ')}\n)\nor\n(\n  ${frozen.join('\n  ')}\n)\n`;
}
