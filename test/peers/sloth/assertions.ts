/** What must hold between Sloth's rules and ours, as expressions that are asked at the end of the stretch. */
import { BURN_ALERT_NAME, windowName } from '../../../aggregator/domain/alert-labels.ts';
import { type BurnAlert, deriveBurnAlerts, MIN_BAD_EVENTS } from '../../../aggregator/domain/burn-alerts.ts';
import { errorBudget } from '../../../aggregator/domain/error-budget.ts';
import type { Slo } from '../../../aggregator/reports/report.ts';
import { MINUTES, PERIODS } from './course.ts';
import { type Queries, queriesOf, SLOTH } from './spec.ts';

/** Minutes between evaluations. */
export const STEP = 5;
/** Ratios are made of the same samples by the same functions: only the order of additions differs. */
const FLOAT_ERROR = 1e-9;
/** Of a sum of increases over five minutes each and one increase over all of it: what is guessed at their ends. */
const EDGE_ERROR = 0.002;

export interface Claim {
  readonly title: string;
  readonly expr: string;
  readonly value: number;
  /** When it is asked; the end where absent. */
  readonly minute?: number;
}

const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'];
const ALL = `[${MINUTES}m:${STEP}m]`;

const ours = (name: string, slo: Slo) => `max by (sloth_slo) (${name}{sloth_id="vigil-${slo.id}"})`;
const theirs = (name: string, slo: Slo) => `max by (sloth_slo) (${name}{sloth_id="${SLOTH.toLowerCase()}-${slo.id}"})`;

/** How many evaluations an expression gives anything at. */
const times = (expr: string) => `(sum(count_over_time((${expr})${ALL})) or vector(0))`;
const never = (title: string, expr: string): Claim => ({ title, expr: times(expr), value: 0 });
const sometimes = (title: string, expr: string, least = 1): Claim => ({
  title,
  expr: `${times(expr)} >= bool ${least}`,
  value: 1,
});

/** Series that both record, and that are made alike: equal wherever ours has a value. */
export function seriesClaims(slo: Slo): Claim[] {
  const names = [
    ...WINDOWS.map((window) => `slo:sli_error:ratio_rate${window}`),
    'slo:objective:ratio',
    'slo:error_budget:ratio',
    'slo:time_period:days',
    'slo:current_burn_rate:ratio',
  ];
  return names.flatMap((name) => {
    const [a, b] = [ours(name, slo), theirs(name, slo)];
    return [
      never(`${slo.id}: ${name}: equal`, `abs(${a} - ${b}) > ${FLOAT_ERROR}`),
      // In silence theirs is 0/0.
      never(`${slo.id}: ${name}: nothing that only Sloth has`, `(${b} >= 0) unless ${a}`),
      sometimes(`${slo.id}: ${name}: compared at nine evaluations of ten`, `${a} - ${b}`, (0.9 * MINUTES) / STEP),
    ];
  });
}

/**
 * The period. Ours is the share of its events that were bad, whatever the traffic. Sloth's is the mean of the ratios of
 * five minutes, so that a quiet minute weighs as much as a busy one: equal while traffic is even, and not after.
 */
export function periodClaims(slo: Slo): Claim[] {
  const { bad, total } = queriesOf(slo);
  const ratio = 'slo:sli_error:ratio_rate30d';
  const [a, b] = [ours(ratio, slo), theirs(ratio, slo)];
  const exact = `${bad('30d', 'increase')} / ${total('30d', 'increase')}`;
  const off = (expr: string, from: string, limit: number) => `abs(${expr} - on () (${from})) > ${limit}`;
  const evenTraffic = `on () (vector(time()) > ${2 * 3600} < ${PERIODS.lowTraffic.from * 3600})`;
  const burn = 'slo:period_burn_rate:ratio';
  const left = 'slo:period_error_budget_remaining:ratio';
  const budget = errorBudget(slo.objective);
  const follows = (of: typeof ours) => [
    never(`${slo.id}: ${burn} follows`, `abs(${of(burn, slo)} - ${of(ratio, slo)} / ${budget}) > ${FLOAT_ERROR}`),
    never(`${slo.id}: ${left} follows`, `abs(${of(left, slo)} - 1 + ${of(ratio, slo)} / ${budget}) > ${FLOAT_ERROR}`),
  ];
  return [
    never(`${slo.id}: period, even traffic: equal`, `(abs(${a} - ${b}) > ${EDGE_ERROR}) and ${evenTraffic}`),
    never(
      `${slo.id}: period: ours is what happened`,
      `(${off(a, exact, EDGE_ERROR)}) and on () (vector(time()) > 7200)`,
    ),
    ...follows(ours),
    ...follows(theirs),
  ];
}

/** Where traffic is uneven, the mean of ratios is not what happened; and where five minutes were empty, there is none. */
export function unevenTrafficClaims(slo: Slo): Claim[] {
  const { bad, total } = queriesOf(slo);
  const ratio = 'slo:sli_error:ratio_rate30d';
  const exact = `${bad('30d', 'increase')} / ${total('30d', 'increase')}`;
  const minute = PERIODS.lowTraffic.to * 60 - STEP;
  const off = (expr: string, how: string) => `(abs(sum(${expr}) - (${exact})) ${how})`;
  return [
    {
      title: `${slo.id}: period after three hours of low traffic: Sloth’s is off by more than a hundredth`,
      expr: off(theirs(ratio, slo), '> bool 0.01'),
      value: 1,
      minute,
    },
    {
      title: `${slo.id}: period after three hours of low traffic: ours is not`,
      expr: off(ours(ratio, slo), `< bool ${EDGE_ERROR}`),
      value: 1,
      minute,
    },
    {
      title: `${slo.id}: period after silence: Sloth’s is no number for 30 days`,
      expr: `sum(${theirs(ratio, slo)} != bool ${theirs(ratio, slo)})`,
      value: 1,
    },
    {
      title: `${slo.id}: period after silence: ours is what happened`,
      expr: off(ours(ratio, slo), `< bool ${EDGE_ERROR}`),
      value: 1,
    },
  ];
}

/** Alerts: ours and Sloth's at the same evaluations, but for the guards that ours has. */
export function alertClaims(slo: Slo): Claim[] {
  const { alerts } = deriveBurnAlerts(slo);
  const queries = queriesOf(slo);
  const claims = alerts.map((alert) => missedClaim(slo, alert, queries));
  for (const severity of ['page', 'ticket']) {
    const a = oursFiring(slo, severity);
    const b = `max by (sloth_slo) (ALERTS{alertname="${SLOTH}", alertstate="firing", sloth_severity="${severity}", sloth_slo="${slo.id}"})`;
    claims.push(
      // Frozen: theirs resolves where nothing happens.
      never(
        `${slo.id}: ${severity}: ours never fires alone`,
        `(${a} unless ${b}) and on () (${happens(alerts, severity, queries)})`,
      ),
      never(`${slo.id}: ${severity}: calm is silent in both`, `(${a} or ${b}) and on () (${calm()})`),
    );
  }
  return claims;
}

/** Sloth's condition with our guards, written once more: there ours must fire. */
function missedClaim(slo: Slo, alert: BurnAlert, { bad, total }: Queries): Claim {
  const [long, short] = [windowName(alert.longSeconds), windowName(alert.shortSeconds)];
  const limit = Number((alert.threshold * errorBudget(slo.objective)).toPrecision(12));
  const over = (window: string) => `(${theirs(`slo:sli_error:ratio_rate${window}`, slo)} > ${limit})`;
  const guarded = [
    over(long),
    over(short),
    `on () (${bad(long, 'increase')} >= ${MIN_BAD_EVENTS})`,
    `on () (${total(long, 'increase')} >= ${MIN_BAD_EVENTS})`,
    `on () (vector(time()) >= ${alert.longSeconds + alert.shortSeconds})`,
  ].join(' and ');
  const firing = `max by (sloth_slo) (ALERTS{alertname="${BURN_ALERT_NAME}", alertstate="firing", long_window="${long}", sloth_slo="${slo.id}"})`;
  return never(
    `${slo.id}: ${alert.severity} over ${long}: ours misses nothing that its guards let through`,
    `(${guarded}) unless ${firing}`,
  );
}

function oursFiring(slo: Slo, severity: string): string {
  return `max by (sloth_slo) (ALERTS{alertname="${BURN_ALERT_NAME}", alertstate="firing", severity="${severity}", sloth_slo="${slo.id}"})`;
}

/** Whether an event lies in every short window of a severity. */
function happens(alerts: readonly BurnAlert[], severity: string, { total }: Queries): string {
  const shortest = Math.min(
    ...alerts.filter((alert) => alert.severity === severity).map((alert) => alert.shortSeconds),
  );
  return `${total(windowName(shortest))} > 0`;
}

function calm(): string {
  return `vector(time()) > ${PERIODS.calm.from * 3600} < ${PERIODS.calm.to * 3600}`;
}

/** That the stretch shows what it is meant to show; without it everything above could be empty. */
export function stretchClaims(success: Slo): Claim[] {
  const fires = (name: string, more: string, from: number, to: number) =>
    `ALERTS{alertname="${name}", alertstate="firing", sloth_slo="${success.id}", ${more}} and on () (vector(time()) > ${from * 3600} < ${to * 3600})`;
  const { young, fastBurn, slowBurn, lowTraffic, silence } = PERIODS;
  const [page, theirPage] = ['severity="page"', 'sloth_severity="page"'];
  return [
    sometimes('an incident: ours pages', fires(BURN_ALERT_NAME, page, fastBurn.from, fastBurn.to), 12),
    sometimes('an incident: Sloth pages', fires(SLOTH, theirPage, fastBurn.from, fastBurn.to), 12),
    sometimes('a slow burn: ours tickets', fires(BURN_ALERT_NAME, 'severity="ticket"', slowBurn.from, slowBurn.to), 12),
    sometimes('a young Prometheus: Sloth pages', fires(SLOTH, theirPage, young.from, young.to)),
    never('a young Prometheus: ours does not', fires(BURN_ALERT_NAME, page, young.from, young.to)),
    sometimes('few events, all bad: Sloth pages', fires(SLOTH, theirPage, lowTraffic.from + 1, lowTraffic.to)),
    never(
      'few events, all bad: ours does not page over an hour',
      fires(BURN_ALERT_NAME, 'long_window="1h"', lowTraffic.from + 1, lowTraffic.to),
    ),
    sometimes('silence in an incident: ours goes on', fires(BURN_ALERT_NAME, page, silence.from + 1, silence.to), 6),
    never('silence in an incident: Sloth resolves', fires(SLOTH, theirPage, silence.from + 1, silence.to)),
  ];
}
