/** Security Overview: how serious it is, what is tried, and by whom. */
import type { DashboardPlan } from '../dashboard.ts';
import { barsPanel, gaugePanel, numberPanel, seriesPanel, wordPanel } from '../panels.ts';
import { inRange, least, perSecond, series, sum, worst } from '../promql.ts';
import { tablePanel } from '../tables.ts';
import { reputationSteps, threatLevelNames, threatSteps } from '../thresholds.ts';

const sqli = 'security_sqli_attempts_total';
const csrf = 'security_graphql_csrf_violations_total';
const rateLimit = 'security_graphql_rate_limit_violations_total';
const origin = 'security_graphql_origin_violations_total';
const score = `100 * ${worst(series('security_threat_score'))}`;
const perMinute = (metric: typeof sqli | typeof csrf | typeof rateLimit | typeof origin) =>
  `60 * ${sum(perSecond(metric))}`;
const graphqlEvents = [
  { expression: perMinute(csrf), legend: 'CSRF' },
  { expression: perMinute(rateLimit), legend: 'rate limit' },
  { expression: perMinute(origin), legend: 'origin' },
];
const colors = { 'SQL injection': 'red', CSRF: 'orange', 'rate limit': 'yellow', origin: 'purple' };
const small = { width: 3, height: 6, unit: 'short', decimals: 0 };

const now = {
  title: 'At a glance',
  panels: [
    gaugePanel(
      {
        width: 5,
        height: 6,
        title: 'Threat score',
        unit: 'none',
        min: 0,
        max: 100,
        decimals: 0,
        steps: threatSteps,
        description: '0 to 100, of the last 24 hours, recent events weighing more. With several services the worst.',
      },
      { expression: score, legend: 'threat' },
    ),
    wordPanel(
      {
        width: 4,
        height: 6,
        title: 'Threat level',
        unit: 'none',
        min: 0,
        max: 100,
        steps: threatSteps,
        description: 'low below 20, guarded below 40, elevated below 60, high below 75, then critical.',
      },
      threatLevelNames,
      { expression: score, legend: 'level' },
    ),
    numberPanel(
      { ...small, title: 'SQL injection', description: 'Attempts within the range of time shown.' },
      { expression: sum(inRange(sqli)), legend: 'attempts' },
    ),
    numberPanel(
      {
        ...small,
        title: 'CSRF',
        description: 'Requests refused as forged across sites, within the range of time shown.',
      },
      { expression: sum(inRange(csrf)), legend: 'violations' },
    ),
    numberPanel(
      { ...small, title: 'Rate limit', description: 'Requests refused as too many, within the range of time shown.' },
      { expression: sum(inRange(rateLimit)), legend: 'violations' },
    ),
    numberPanel(
      {
        ...small,
        title: 'Origin',
        description: 'Requests refused for where they came from, within the range of time shown.',
      },
      { expression: sum(inRange(origin)), legend: 'violations' },
    ),
    numberPanel(
      {
        ...small,
        title: 'Attackers listed',
        description:
          'Clients on the list of top attackers, 20 at most; none where the aggregator does not show addresses.',
      },
      {
        expression: `count(${worst(series('security_top_attacker_violations'), 'client_address')})`,
        legend: 'clients',
      },
    ),
  ],
};

const timeline = {
  title: 'Attack timeline',
  panels: [
    seriesPanel(
      {
        width: 16,
        height: 9,
        title: 'Attack timeline',
        unit: 'opm',
        min: 0,
        colors,
        description: 'Attacks and refusals a minute, stacked, by kind.',
      },
      [{ expression: perMinute(sqli), legend: 'SQL injection' }, ...graphqlEvents],
      { as: 'bars', isStacked: true },
    ),
    seriesPanel(
      {
        width: 8,
        height: 9,
        title: 'Threat score over time',
        unit: 'none',
        min: 0,
        max: 100,
        steps: threatSteps,
        description: '0 to 100; the lines are those between the levels.',
      },
      [{ expression: score, legend: 'threat' }],
      { showSteps: true },
    ),
  ],
};

const attackers = {
  title: 'Attackers and patterns',
  panels: [
    tablePanel(
      {
        width: 12,
        height: 10,
        title: 'Top attackers',
        unit: 'short',
        description:
          'Clients with most violations as the aggregator knows them, whatever range of time is shown. Reputation: 0 worst to 100 clean.',
      },
      [{ label: 'client_address', name: 'Address' }],
      [
        {
          name: 'Violations',
          unit: 'short',
          decimals: 0,
          expression: worst(series('security_top_attacker_violations'), 'client_address'),
        },
        {
          name: 'Reputation',
          unit: 'none',
          decimals: 0,
          steps: reputationSteps,
          expression: least(series('security_top_attacker_reputation'), 'client_address'),
        },
      ],
    ),
    barsPanel(
      {
        width: 12,
        height: 10,
        title: 'SQL injection by pattern',
        unit: 'short',
        min: 0,
        decimals: 0,
        description: 'Attempts within the range of time shown, by class of injection.',
      },
      { expression: `sort_desc(${sum(inRange(sqli), 'pattern')})`, legend: '{{pattern}}' },
    ),
  ],
};

const events = {
  title: 'Over time',
  panels: [
    seriesPanel(
      {
        width: 12,
        height: 9,
        title: 'GraphQL events',
        unit: 'opm',
        min: 0,
        colors,
        description: 'Refused GraphQL requests a minute, stacked, by reason.',
      },
      graphqlEvents,
      { isStacked: true },
    ),
    seriesPanel(
      {
        width: 12,
        height: 9,
        title: 'SQL injection by pattern over time',
        unit: 'opm',
        min: 0,
        description: 'Attempts a minute, stacked, by class of injection.',
      },
      [{ expression: `60 * ${sum(perSecond(sqli), 'pattern')}`, legend: '{{pattern}}' }],
      { isStacked: true },
    ),
  ],
};

export const securityPlan: DashboardPlan = {
  uid: 'vigil-security',
  title: 'Security Overview',
  description: 'Threat score, attacks and refusals over time, and who is behind them.',
  from: 'now-24h',
  sections: [now, timeline, attackers, events],
};
