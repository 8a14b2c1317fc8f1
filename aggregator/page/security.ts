import { html } from 'hono/html';
import type { RecommendationBody } from '../reports/recommendations.ts';
import { bar, gauge, isSilent, type Markup, type Series, type Tone, timeSeries } from './charts.ts';
import { count, decimal, moment, percent, words } from './format.ts';
import { type Choice, card, figure, figures, mark, nothing, table } from './layout.ts';
import { recommendationList } from './recommendations.ts';

/** The threat score and what it is made of, as its endpoint answers. */
export interface ThreatView {
  readonly overall_threat_score: number | null;
  readonly threat_level: string;
  readonly threat_components: readonly {
    readonly component: string;
    readonly points: number;
    readonly evidence: unknown;
  }[];
}

/** What the security endpoints answer, together. */
export interface SecurityView extends ThreatView {
  readonly choice: Choice;
  readonly sqli: {
    readonly total_attempts: number;
    readonly blocked_attempts: number;
    readonly unique_ips: number;
    readonly unique_ips_is_lower_bound: boolean;
    readonly pattern_distribution: readonly { readonly pattern: string; readonly count: number }[];
    readonly top_attackers: readonly {
      readonly ip_address: string;
      readonly violation_count: number;
      readonly reputation: {
        readonly reputation_score: number;
        readonly risk_level: string;
        readonly last_seen: string | null;
        readonly patterns: readonly string[];
      };
    }[];
  };
  /** Over a day at least. */
  readonly attemptsByHour: readonly { readonly timestamp: string; readonly count: number }[];
  readonly graphql: {
    readonly total_requests: number;
    readonly blocked_requests: number;
    readonly csrf_violations: number;
    readonly rate_limit_violations: number;
    readonly origin_violations: number;
    readonly query_analysis_failures: number;
  };
  readonly patterns: readonly {
    readonly pattern_name: string;
    readonly threat_level: string;
    readonly detection_count: number;
    readonly affected_ips_count: number;
    readonly affected_ips: readonly string[];
    readonly last_seen: string | null;
  }[];
  readonly recommendations: readonly RecommendationBody[];
  readonly traceUrl: string | undefined;
}

const LEVEL_TONES: Readonly<Record<string, Tone>> = {
  low: 'good',
  guarded: 'good',
  elevated: 'warn',
  high: 'bad',
  critical: 'bad',
  unknown: 'none',
};

export function levelTone(level: string): Tone {
  return LEVEL_TONES[level.toLowerCase()] ?? 'none';
}

export function threatGauge({ overall_threat_score: score, threat_level }: ThreatView): Markup {
  return gauge({
    value: score,
    max: 100,
    bands: [
      { to: 40, tone: 'good' },
      { to: 60, tone: 'warn' },
      { to: 100, tone: 'bad' },
    ],
    text: score === null ? '–' : decimal(score),
    tone: levelTone(threat_level),
    label: score === null ? 'No threat score yet' : `Threat score ${decimal(score)} of 100, ${threat_level}`,
  });
}

export function threatWord({ threat_level }: ThreatView): Markup {
  return html`<p class="word">${mark(levelTone(threat_level), threat_level)}</p>`;
}

/** What the score is made of; points add up to it. */
export function componentTable({ threat_components }: ThreatView): Markup | string {
  if (threat_components.length === 0) return '';
  return table(
    'Threat components',
    [{ heading: 'Component' }, { heading: '' }, { heading: 'Points', isNumber: true }],
    threat_components.map(({ component, points }) => [words(component), bar(points / 40, 'bad'), decimal(points)]),
  );
}

export function renderSecurity(view: SecurityView): Markup {
  const { choice, sqli, recommendations, traceUrl } = view;
  return html`<h1>Security</h1>
  <div class="grid">
    ${card('threat', 'Threat, last 24 hours', html`${threatGauge(view)}${threatWord(view)}${componentTable(view)}`, 'third')}
    ${card('injection', 'SQL injection', html`${injectionFigures(sqli)}${classTable(sqli.pattern_distribution)}`, 'third')}
    ${card('graphql', 'GraphQL', html`${graphqlFigures(view.graphql)}${refusalTable(view.graphql)}`, 'third')}
    ${card('timeline', 'Attempts by hour', timeline(view.attemptsByHour), 'half')}
    ${card('patterns', 'Threat patterns', patternTable(view.patterns), 'half')}
    ${card('attackers', 'Top attackers by SQL injection', attackerTable(sqli.top_attackers), 'wide')}
    ${card('recommendations', 'Recommendations', recommendationList(recommendations, traceUrl, choice), 'wide')}
  </div>`;
}

function injectionFigures(sqli: SecurityView['sqli']): Markup {
  return figures([
    figure('Attempts', count(sqli.total_attempts), sqli.total_attempts > 0 ? 'warn' : 'none'),
    figure('Blocked', count(sqli.blocked_attempts)),
    figure('Addresses', `${sqli.unique_ips_is_lower_bound ? '≥ ' : ''}${count(sqli.unique_ips)}`),
  ]);
}

function graphqlFigures(graphql: SecurityView['graphql']): Markup {
  return figures([
    figure('Requests', count(graphql.total_requests)),
    figure(
      'Blocked',
      count(graphql.blocked_requests),
      graphql.blocked_requests > 0 ? 'warn' : 'none',
      graphql.total_requests > 0
        ? `${percent((100 * graphql.blocked_requests) / graphql.total_requests)} of the requests`
        : undefined,
    ),
  ]);
}

function refusalTable(graphql: SecurityView['graphql']): Markup {
  const reasons = [
    ['CSRF', graphql.csrf_violations],
    ['Rate limit', graphql.rate_limit_violations],
    ['Foreign origin', graphql.origin_violations],
    ['Query analysis', graphql.query_analysis_failures],
  ] as const;
  const most = Math.max(1, ...reasons.map(([, times]) => times));
  return table(
    'Refused at GraphQL',
    [{ heading: 'Refused for' }, { heading: '' }, { heading: 'Times', isNumber: true }],
    reasons.map(([reason, times]) => [reason, bar(times / most, 'warn'), count(times)]),
  );
}

function timeline(hours: SecurityView['attemptsByHour']): Markup {
  const points = hours.map(({ timestamp, count: times }) => [Date.parse(timestamp) / 1000, times] as const);
  const series: Series = { step_seconds: 3600, points };
  if (isSilent(series)) return nothing(`No attempt in the last ${count(points.length)} hours.`);
  return timeSeries({
    id: 'chart-attempts',
    title: 'SQL-injection attempts',
    unit: '',
    series: [{ label: 'attempts', series }],
    isBars: true,
  });
}

function classTable(classes: SecurityView['sqli']['pattern_distribution']): Markup | string {
  if (classes.length === 0) return '';
  const most = Math.max(...classes.map((each) => each.count));
  return table(
    'Injection classes',
    [{ heading: 'Class' }, { heading: '' }, { heading: 'Attempts', isNumber: true }],
    classes.map((each) => [words(each.pattern), bar(each.count / most, 'bad'), count(each.count)]),
  );
}

function attackerTable(attackers: SecurityView['sqli']['top_attackers']): Markup {
  if (attackers.length === 0) return nothing('Nobody tried SQL injection in this window.');
  const tones: Readonly<Record<string, Tone>> = {
    CLEAN: 'good',
    LOW: 'good',
    MEDIUM: 'warn',
    HIGH: 'bad',
    CRITICAL: 'bad',
  };
  return table(
    'Top attackers',
    [
      { heading: 'Address' },
      { heading: 'Blocks', isNumber: true },
      { heading: 'Reputation of 100', isNumber: true },
      { heading: 'Risk' },
      { heading: 'Patterns' },
      { heading: 'Last seen' },
    ],
    attackers.map(({ ip_address, violation_count, reputation }) => [
      html`<code>${ip_address}</code>`,
      count(violation_count),
      decimal(reputation.reputation_score),
      mark(tones[reputation.risk_level] ?? 'none', reputation.risk_level.toLowerCase()),
      reputation.patterns.map(words).join(', '),
      when(reputation.last_seen),
    ]),
    'stacked',
  );
}

function patternTable(patterns: SecurityView['patterns']): Markup {
  if (patterns.length === 0) return nothing('No pattern of attack was seen.');
  return table(
    'Threat patterns',
    [
      { heading: 'Pattern' },
      { heading: 'Level' },
      { heading: 'Times', isNumber: true },
      { heading: 'Addresses' },
      { heading: 'Last seen' },
    ],
    patterns.map((pattern) => [
      words(pattern.pattern_name),
      mark(levelTone(pattern.threat_level), pattern.threat_level),
      count(pattern.detection_count),
      addresses(pattern),
      when(pattern.last_seen),
    ]),
    'stacked',
  );
}

/** Names of addresses in one row. */
const MAX_NAMED = 3;

function addresses({ affected_ips, affected_ips_count }: SecurityView['patterns'][number]): Markup {
  const named = affected_ips.slice(0, MAX_NAMED);
  const rest = affected_ips_count - named.length;
  return html`${named.map((address) => html`<code class="whole">${address}</code> `)}${rest > 0 ? `and ${count(rest)} more` : ''}`;
}

function when(timestamp: string | null): string {
  return timestamp === null ? '–' : moment(Date.parse(timestamp));
}
