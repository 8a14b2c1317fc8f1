/**
 * Alert rules for Grafana's own alerting, for those who have no other: each follows a judgement that the aggregator has
 * made already, so that the page, the JSON answers and the alerts never disagree.
 */
import type { Family } from './families.ts';

/** As provisioning/datasources names it. */
const DATA_SOURCE_UID = 'vigil-prometheus';
/** The line of the recommendation about the threat score, in [0, 1]. */
const THREAT_CRITICAL = 0.75;
/** Senders export every 10 s; after five minutes nobody sends any more. */
const STALE_SECONDS = 300;

export interface AlertRule {
  readonly uid: string;
  readonly title: string;
  readonly severity: 'page' | 'ticket';
  readonly expression: string;
  /** Fires above it. */
  readonly above: number;
  /** How long it must hold, such as `5m`. */
  readonly holdsFor: string;
  /** Whether no answer at all is a reason to alert. */
  readonly firesOnSilence?: true;
  readonly summary: string;
  /** Where to look: a dashboard's uid, and the title of a panel of it. */
  readonly look: readonly [dashboard: string, panel: string];
}

const worst = (metric: Family, matchers: string, by: string): string => `max by (${by}) (${metric}${matchers})`;

export const alertRules: readonly AlertRule[] = [
  {
    uid: 'vigil-budget-burning',
    title: 'Error budget burns fast',
    severity: 'page',
    expression: worst('slo_alert_firing', '{severity="page"}', 'slo'),
    above: 0,
    holdsFor: '0s',
    summary: 'The error budget of {{ $labels.slo }} is being spent so fast that somebody has to look now.',
    look: ['vigil-mutations', 'Objectives'],
  },
  {
    // Spent it stays until what spent it leaves the window, which may be weeks: nobody is woken for that.
    uid: 'vigil-budget-spent',
    title: 'Error budget is spent',
    severity: 'ticket',
    expression: worst('slo_state', '{state="exhausted"}', 'slo'),
    above: 0,
    holdsFor: '5m',
    summary: 'Objective {{ $labels.slo }} is missed: nothing of its error budget is left.',
    look: ['vigil-mutations', 'Objectives'],
  },
  {
    uid: 'vigil-budget-at-risk',
    title: 'Error budget at risk',
    severity: 'ticket',
    expression: worst('slo_alert_firing', '{severity="ticket"}', 'slo'),
    above: 0,
    holdsFor: '5m',
    summary: 'Objective {{ $labels.slo }} will not last its window at this speed.',
    look: ['vigil-mutations', 'Objectives'],
  },
  {
    uid: 'vigil-duplicates-critical',
    title: 'Duplicate rate critical',
    severity: 'ticket',
    expression: worst('celery_idempotency_health_score', '{status="critical"}', 'job'),
    above: 0,
    holdsFor: '5m',
    summary: 'At least 3 % of the idempotency keys of 24 hours met a duplicate.',
    look: ['vigil-idempotency', 'Duplicate rate'],
  },
  {
    uid: 'vigil-threat-critical',
    title: 'Threat score critical',
    severity: 'page',
    expression: worst('security_threat_score', '', 'job'),
    above: THREAT_CRITICAL,
    holdsFor: '1m',
    summary: 'The threat score is above 75 of 100.',
    look: ['vigil-security', 'Threat score'],
  },
  {
    uid: 'vigil-telemetry-stopped',
    title: 'Telemetry stopped',
    severity: 'ticket',
    expression: worst('aggregator_store_age_seconds', '', 'job'),
    above: STALE_SECONDS,
    holdsFor: '5m',
    firesOnSilence: true,
    summary: 'No measurement reached the aggregator for five minutes, or the aggregator is not scraped.',
    look: ['vigil-mutations', 'Age of data'],
  },
];

/** The rules as a provisioning file of Grafana has them. */
export function provisionedAlerts(panelId: (dashboard: string, panel: string) => number): object {
  const rules = alertRules.map((rule) => ({
    uid: rule.uid,
    title: rule.title,
    condition: 'B',
    data: [
      query('A', DATA_SOURCE_UID, { expr: rule.expression, instant: true, range: false }),
      query('B', '__expr__', {
        type: 'threshold',
        expression: 'A',
        conditions: [{ evaluator: { type: 'gt', params: [rule.above] } }],
      }),
    ],
    // What is not scraped has not ended.
    noDataState: rule.firesOnSilence ? 'Alerting' : 'KeepLast',
    execErrState: 'Error',
    for: rule.holdsFor,
    annotations: {
      summary: rule.summary,
      __dashboardUid__: rule.look[0],
      __panelId__: String(panelId(...rule.look)),
    },
    labels: { severity: rule.severity },
    isPaused: false,
  }));
  return { apiVersion: 1, groups: [{ orgId: 1, name: 'vigil', folder: 'Vigil', interval: '1m', rules }] };
}

function query(refId: string, datasourceUid: string, model: object): object {
  return { refId, datasourceUid, relativeTimeRange: { from: 600, to: 0 }, model: { refId, ...model } };
}
