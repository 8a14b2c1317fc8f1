import { html } from 'hono/html';
import { P95_TARGET_SECONDS, SUCCESS_TARGET_RATIO } from '../domain/mutation-rules.ts';
import type { RecommendationBody } from '../reports/recommendations.ts';
import { endedSteps, isSilent, type Markup, type Series, sparkline, type Tone } from './charts.ts';
import { count, decimal, milliseconds, NOTHING, percent } from './format.ts';
import { addressOf, type Choice, card, type Freshness, figure, figures, mark, STALE_SECONDS, table } from './layout.ts';
import { type ObjectiveView, objectiveTable } from './objectives.ts';
import { recommendationList } from './recommendations.ts';
import { componentTable, type ThreatView, threatGauge, threatWord } from './security.ts';
import { duplicateGauge, healthWord, type TasksView } from './tasks.ts';

/** Everything that the first screen shows. */
export interface OverviewView {
  readonly choice: Choice;
  readonly freshness: Freshness;
  readonly objectives: readonly ObjectiveView[];
  readonly mutations: {
    readonly total_mutations: number;
    readonly failed_mutations: number;
    readonly success_rate: number;
    readonly execution_time: { readonly p50: number; readonly p95: number };
  };
  readonly trends: { readonly p95: Series; readonly throughput: Series; readonly success: Series };
  /** Unix ms. */
  readonly nowMs: number;
  /** Where senders find this service. */
  readonly address: string | undefined;
  readonly tasks: TasksView['statistics'];
  readonly threat: ThreatView;
  readonly recommendations: readonly RecommendationBody[];
  readonly traceUrl: string | undefined;
}

/** Recommendations that stand open on the first screen; the others are folded below them. */
const MAX_RECOMMENDATIONS = 5;

/** Tasks on the first screen; all of them stand on their own page. */
const MAX_TASKS = 3;

export function renderOverview(view: OverviewView): Markup {
  const { choice, freshness, objectives } = view;
  if (freshness.ageSeconds === undefined) return renderEmpty(view.address);
  return html`${sentence(view)}
  <div class="grid">
    ${card('objectives', html`<a href="${addressOf('/objectives/', choice)}">Objectives</a>`, objectiveTable(objectives, choice), 'wide')}
    ${card('mutations', html`<a href="${addressOf('/mutations/', choice)}">Mutations</a>`, mutationFigures(view), 'third')}
    ${card('tasks', html`<a href="${addressOf('/tasks/', choice)}">Tasks</a>`, taskSummary(view.tasks), 'third')}
    ${card('threat', html`<a href="${addressOf('/security/', choice)}">Threat</a>`, html`${threatGauge(view.threat)}${threatWord(view.threat)}${componentTable(view.threat)}`, 'third')}
    ${card('recommendations', 'What to do', whatToDo(view), 'wide')}
  </div>`;
}

function whatToDo({ recommendations, traceUrl, choice }: OverviewView): Markup {
  const rest = recommendations.slice(MAX_RECOMMENDATIONS);
  const critical = rest.filter(({ level }) => level === 'critical').length;
  const more = `${count(rest.length)} more${critical === 0 ? '' : `, ${count(critical)} critical`}`;
  return html`${recommendationList(recommendations.slice(0, MAX_RECOMMENDATIONS), traceUrl, choice)}
  ${rest.length === 0 ? '' : html`<details><summary>${more}</summary>${recommendationList(rest, traceUrl, choice)}</details>`}`;
}

/** The state of everything in one sentence: the worst that is known. */
function sentence({ objectives, recommendations, freshness, mutations }: OverviewView): Markup {
  const worst = objectives.find(({ state }) => state === 'exhausted' || state === 'burning');
  const critical = recommendations.filter(({ level }) => level === 'critical').length;
  const warnings = recommendations.filter(({ level }) => level === 'warning').length;
  const [tone, words]: readonly [Tone, string] =
    (freshness.ageSeconds ?? 0) > STALE_SECONDS
      ? ['warn', 'Nothing is known about now: no data arrives.']
      : worst !== undefined
        ? [
            'bad',
            `“${worst.name}” is ${worst.state === 'exhausted' ? 'out of error budget' : 'burning its error budget'}.`,
          ]
        : critical > 0
          ? ['bad', `${critical === 1 ? 'One thing is' : `${critical} things are`} critical.`]
          : warnings > 0
            ? [
                'warn',
                `${warnings === 1 ? 'One thing needs' : `${warnings} things need`} attention; no objective is burning.`,
              ]
            : mutations.total_mutations === 0
              ? ['none', 'All quiet: no mutation ran in this window.']
              : ['good', 'All is well.'];
  return html`<h1 id="state" class="state" data-live>${mark(tone, words)}</h1>`;
}

/** Rate, success and response time, each with its line over the window and with what it is held against. */
function mutationFigures({ mutations, trends, nowMs }: OverviewView): Markup {
  const isEmpty = mutations.total_mutations === 0;
  const targetMs = P95_TARGET_SECONDS * 1000;
  const targetPercent = SUCCESS_TARGET_RATIO * 100;
  const { p95 } = mutations.execution_time;
  const ended = endedSteps(trends.throughput, nowMs);
  // In its first minute a service has nothing but a step that has not ended.
  const throughput = isSilent(ended) ? trends.throughput : ended;
  const success = isEmpty ? NOTHING : percent(mutations.success_rate);
  const p95Shown = isEmpty ? NOTHING : milliseconds(p95);
  return html`<div class="trends">
    ${trend(
      figure('In the window', count(mutations.total_mutations), 'none', rate(throughput)),
      sparkline(throughput, `Throughput over the window, ${rate(throughput)}`),
    )}
    ${trend(
      figure(
        'Success',
        success,
        !isEmpty && mutations.success_rate < targetPercent ? 'bad' : 'none',
        `${count(mutations.failed_mutations)} failed; line ${percent(targetPercent)}`,
      ),
      sparkline(trends.success, `Success over the window, ${success} in all`, targetPercent, true),
    )}
    ${trend(
      figure('p95', p95Shown, !isEmpty && p95 > targetMs ? 'bad' : 'none', `line ${milliseconds(targetMs)}`),
      sparkline(trends.p95, `p95 over the window, ${p95Shown} in all`, targetMs),
    )}
  </div>`;
}

function trend(shown: Markup, line: Markup): Markup {
  return html`<div class="trend"><dl>${shown}</dl>${line}</div>`;
}

/** How many a minute, on average since the first step of the window in which one ran. */
function rate({ step_seconds, points }: Series): string {
  const since = points.slice(
    Math.max(
      0,
      points.findIndex(([, value]) => (value ?? 0) > 0),
    ),
  );
  const sum = since.reduce((all, [, value]) => all + (value ?? 0), 0);
  const perMinute = since.length === 0 ? 0 : sum / ((since.length * step_seconds) / 60);
  return `${perMinute >= 10 ? count(perMinute) : decimal(perMinute)} a minute`;
}

function taskSummary(tasks: TasksView['statistics']): Markup {
  return html`${duplicateGauge(tasks)}${healthWord(tasks)}
  ${figures([
    figure('Keys', count(tasks.total_requests)),
    figure('Prevented', count(tasks.duplicates_prevented)),
    figure('Locks not acquired', count(tasks.redis_metrics.lock_failed)),
  ])}
  ${duplicatesByTask(tasks.top_endpoints.filter((task) => task.duplicate_hits > 0).slice(0, MAX_TASKS))}`;
}

function duplicatesByTask(tasks: TasksView['statistics']['top_endpoints']): Markup | string {
  if (tasks.length === 0) return '';
  return table(
    'Tasks with duplicates',
    [{ heading: 'Task' }, { heading: 'Met a duplicate', isNumber: true }],
    tasks.map((task) => [task.endpoint, count(task.duplicate_hits)]),
  );
}

/** @param address where this service is found; undefined where it is fed by the application that it stands in */
function renderEmpty(address: string | undefined): Markup {
  return html`<h1 id="state" class="state" data-live>${mark('none', 'No data yet.')}</h1>
  ${address === undefined ? renderEmptyEmbedded() : renderHowToSend(address)}`;
}

function renderEmptyEmbedded(): Markup {
  return html`<section class="card wide" id="empty" data-live aria-labelledby="empty-heading">
    <h2 id="empty-heading">Hand the SDK to this aggregator</h2>
    <p>In the file that is given to <code>node --import</code>:</p>
    <pre><code>start(aggregator.sdk);</code></pre>
    <p class="hint">Then the first mutation, task or refusal of this application shows here within seconds. This page fills by itself.</p>
  </section>`;
}

/** Names under which a machine finds nobody but itself. */
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;

function renderHowToSend(address: string): Markup {
  const { hostname, protocol, port } = new URL(address);
  const isLocal = LOOPBACK.test(hostname);
  const found = isLocal ? `${protocol}//…${port === '' ? '' : `:${port}`}` : address;
  return html`<section class="card wide" id="empty" data-live aria-labelledby="empty-heading">
    <h2 id="empty-heading">Send some with one line</h2>
    <p>In the folder of a Node application on this machine, where <code>@vigil/otel-config</code> is installed:</p>
    <pre><code>node --import @vigil/otel-config/register app.js</code></pre>
    <p>On another machine, with the key that may send${isLocal ? html`, and an address at which it reaches this service (with <code>HOST=0.0.0.0</code> it listens on all of this machine’s)` : ''}:</p>
    <pre><code>OTEL_EXPORTER_OTLP_ENDPOINT=${found} OTEL_EXPORTER_OTLP_HEADERS=X-Monitoring-API-Key=… node --import @vigil/otel-config/register app.js</code></pre>
    <p class="hint">Any OpenTelemetry SDK or Collector may send OTLP over HTTP to <code>/v1/metrics</code> and <code>/v1/traces</code>. This page fills by itself.</p>
  </section>`;
}
