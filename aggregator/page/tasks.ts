import { html } from 'hono/html';
import { DUPLICATE_CRITICAL_RATIO, DUPLICATE_WARNING_RATIO } from '../domain/duplicates.ts';
import type { RecommendationBody } from '../reports/recommendations.ts';
import { bar, gauge, type Markup, type Tone } from './charts.ts';
import { count, decimal, milliseconds, percent } from './format.ts';
import { breakable, type Choice, card, figure, figures, mark, nothing, table } from './layout.ts';
import { recommendationList } from './recommendations.ts';

/** What the idempotency endpoints answer, together. */
export interface TasksView {
  readonly choice: Choice;
  readonly statistics: {
    readonly total_requests: number;
    readonly duplicate_hits: number;
    readonly duplicate_rate: number;
    readonly duplicates_prevented: number;
    readonly health_status: 'healthy' | 'warning' | 'critical' | 'unknown';
    readonly scope_breakdown: readonly {
      readonly scope: string;
      readonly total_requests: number;
      readonly duplicate_hits: number;
      readonly total_duplicates: number;
    }[];
    readonly top_endpoints: readonly {
      readonly endpoint: string;
      readonly total_requests: number;
      readonly duplicate_hits: number;
      readonly avg_hit_count: number;
    }[];
    readonly redis_metrics: { readonly lock_acquired: number; readonly lock_failed: number };
    readonly check_time: { readonly p50: number | null; readonly p95: number | null; readonly p99: number | null };
  };
  readonly lockPerformance: {
    readonly acquire_p95_ms: number | null;
    readonly hold_p95_ms: number | null;
    readonly success_rate: number | null;
    readonly failures_by_reason: Readonly<Record<string, number>>;
  };
  readonly efficiencyGain: number;
  readonly recommendations: readonly RecommendationBody[];
  readonly traceUrl: string | undefined;
}

const HEALTH_TONES: Readonly<Record<TasksView['statistics']['health_status'], Tone>> = {
  healthy: 'good',
  warning: 'warn',
  critical: 'bad',
  unknown: 'none',
};

/** Percent; beyond it the hand stays at the end. */
const GAUGE_END = 5;
const WARNING = DUPLICATE_WARNING_RATIO * 100;
const CRITICAL = DUPLICATE_CRITICAL_RATIO * 100;

/** How many keys met a duplicate, against the lines where that is a warning and where it is critical. */
export function duplicateGauge({ duplicate_rate, health_status, total_requests }: TasksView['statistics']): Markup {
  const value = total_requests === 0 ? null : duplicate_rate;
  return gauge({
    value,
    max: GAUGE_END,
    bands: [
      { to: WARNING, tone: 'good' },
      { to: CRITICAL, tone: 'warn' },
      { to: GAUGE_END, tone: 'bad' },
    ],
    unit: ' %',
    text: value === null ? '–' : percent(value),
    tone: HEALTH_TONES[health_status],
    label: value === null ? 'No duplicate rate: no keys' : `Duplicate rate ${percent(value)}, ${health_status}`,
  });
}

export function healthWord({ health_status }: TasksView['statistics']): Markup {
  return html`<p class="word">${mark(HEALTH_TONES[health_status], health_status)}</p>`;
}

export function renderTasks(view: TasksView): Markup {
  const { statistics, choice, recommendations, traceUrl } = view;
  return html`<h1>Tasks</h1>
  <div class="grid">
    ${card('duplicates', 'Duplicate rate', html`${duplicateGauge(statistics)}${healthWord(statistics)}<p class="hint">Share of the idempotency keys that met a duplicate: below ${percent(WARNING)} is healthy, from ${percent(CRITICAL)} on critical.</p>`, 'third')}
    ${card('keys', 'Idempotency keys', keyFigures(view), 'third')}
    ${card('locks', 'Locks', html`${lockFigures(view)}${reasonTable(view.lockPerformance.failures_by_reason)}`, 'third')}
    ${card('tasks', 'Tasks, most duplicates first', taskTable(statistics.top_endpoints), 'half')}
    ${card('scopes', 'Scopes', scopeTable(statistics.scope_breakdown), 'half')}
    ${card('recommendations', 'Recommendations', recommendationList(recommendations, traceUrl, choice), 'wide')}
  </div>`;
}

function keyFigures({ statistics, efficiencyGain }: TasksView): Markup {
  const prevented = statistics.duplicates_prevented;
  return figures([
    figure('Keys admitted', count(statistics.total_requests)),
    figure('Met a duplicate', count(statistics.duplicate_hits)),
    figure(
      'Executions prevented',
      count(prevented),
      'none',
      prevented === 0 ? undefined : `${percent(efficiencyGain)} of all`,
    ),
    figure('Check takes, p95', milliseconds(statistics.check_time.p95)),
  ]);
}

function lockFigures({ lockPerformance, statistics: { redis_metrics } }: TasksView): Markup {
  return figures([
    figure('Acquired', count(redis_metrics.lock_acquired)),
    figure(
      'Not acquired',
      count(redis_metrics.lock_failed),
      'none',
      lockPerformance.success_rate === null ? undefined : `${percent(lockPerformance.success_rate)} succeed`,
    ),
    figure('Wait, p95', milliseconds(lockPerformance.acquire_p95_ms)),
    figure('Held, p95', milliseconds(lockPerformance.hold_p95_ms)),
  ]);
}

function taskTable(tasks: TasksView['statistics']['top_endpoints']): Markup {
  if (tasks.length === 0) return nothing('No task ran under a key in this window.');
  const most = Math.max(1, ...tasks.map((task) => task.duplicate_hits));
  return table(
    'Tasks',
    [
      { heading: 'Task' },
      { heading: '' },
      { heading: 'Met a duplicate', isNumber: true },
      { heading: 'Duplicates each', isNumber: true },
      { heading: 'Keys', isNumber: true },
    ],
    tasks.map((task) => [
      breakable(task.endpoint),
      bar(task.duplicate_hits / most, 'warn'),
      count(task.duplicate_hits),
      decimal(task.avg_hit_count),
      count(task.total_requests),
    ]),
    'stacked',
  );
}

function scopeTable(scopes: TasksView['statistics']['scope_breakdown']): Markup {
  if (scopes.length === 0) return nothing('No key in this window.');
  const most = Math.max(1, ...scopes.map((scope) => scope.total_requests));
  return table(
    'Scopes',
    [
      { heading: 'Scope' },
      { heading: '' },
      { heading: 'Keys', isNumber: true },
      { heading: 'Met a duplicate', isNumber: true },
      { heading: 'Prevented', isNumber: true },
    ],
    scopes.map((scope) => [
      scope.scope,
      bar(scope.total_requests / most, 'good'),
      count(scope.total_requests),
      count(scope.duplicate_hits),
      count(scope.total_duplicates),
    ]),
    'stacked',
  );
}

function reasonTable(reasons: Readonly<Record<string, number>>): Markup | string {
  const rows = Object.entries(reasons).filter(([, times]) => times > 0);
  if (rows.length === 0) return '';
  const most = Math.max(...rows.map(([, times]) => times));
  return table(
    'Lock failures',
    [{ heading: 'Not acquired' }, { heading: '' }, { heading: 'Times', isNumber: true }],
    rows.map(([reason, times]) => [reason, bar(times / most, 'bad'), count(times)]),
  );
}
