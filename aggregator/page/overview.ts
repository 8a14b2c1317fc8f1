import { html } from 'hono/html';
import type { RecommendationBody } from '../reports/recommendations.ts';
import { type Markup, type Series, sparkline, type Tone } from './charts.ts';
import { count, milliseconds, NOTHING, percent } from './format.ts';
import { addressOf, type Choice, card, type Freshness, figure, figures, mark, STALE_SECONDS, table } from './layout.ts';
import { type ObjectiveView, objectiveTable } from './objectives.ts';
import { recommendationList } from './recommendations.ts';
import { componentTable, type ThreatView, threatGauge } from './security.ts';
import { duplicateGauge, type TasksView } from './tasks.ts';

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
  readonly p95: Series;
  readonly throughput: Series;
  readonly tasks: TasksView['statistics'];
  readonly threat: ThreatView;
  readonly recommendations: readonly RecommendationBody[];
  readonly traceUrl: string | undefined;
}

/** Recommendations on the first screen; all of them stand on their areas' pages. */
const MAX_RECOMMENDATIONS = 5;

/** Tasks on the first screen; all of them stand on their own page. */
const MAX_TASKS = 3;

/** The one line that sends data, for who has none yet. */
export const ONE_LINE = 'OTEL_EXPORTER_OTLP_ENDPOINT=… node --import @vigil/otel-config/register app.js';

export function renderOverview(view: OverviewView): Markup {
  const { choice, freshness, objectives, recommendations, traceUrl } = view;
  if (freshness.ageSeconds === undefined) return renderEmpty();
  return html`${sentence(view)}
  <div class="grid">
    ${card('objectives', html`<a href="${addressOf('/objectives/', choice)}">Objectives</a>`, objectiveTable(objectives, choice), 'wide')}
    ${card('mutations', html`<a href="${addressOf('/mutations/', choice)}">Mutations</a>`, mutationFigures(view), 'third')}
    ${card('tasks', html`<a href="${addressOf('/tasks/', choice)}">Tasks</a>`, taskSummary(view.tasks), 'third')}
    ${card('threat', html`<a href="${addressOf('/security/', choice)}">Threat</a>`, html`${threatGauge(view.threat)}<p class="word">${view.threat.threat_level}</p>${componentTable(view.threat)}`, 'third')}
    ${card('recommendations', 'What to do', recommendationList(recommendations.slice(0, MAX_RECOMMENDATIONS), traceUrl, choice), 'wide')}
  </div>`;
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

function mutationFigures({ mutations, p95, throughput }: OverviewView): Markup {
  const isEmpty = mutations.total_mutations === 0;
  return html`${figures([
    figure('In the window', count(mutations.total_mutations)),
    figure('Success', isEmpty ? NOTHING : percent(mutations.success_rate)),
    figure('p95', isEmpty ? NOTHING : milliseconds(mutations.execution_time.p95)),
    figure('Failed', count(mutations.failed_mutations)),
  ])}
  <div class="trends">
    <p class="trend"><span>Throughput</span>${sparkline(throughput, 'Throughput over the window')}</p>
    <p class="trend"><span>p95</span>${sparkline(p95, 'p95 over the window')}</p>
  </div>`;
}

function taskSummary(tasks: TasksView['statistics']): Markup {
  return html`${duplicateGauge(tasks)}<p class="word">${tasks.health_status}</p>
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

function renderEmpty(): Markup {
  return html`<h1 id="state" class="state" data-live>${mark('none', 'No data yet.')}</h1>
  <section class="card wide" id="empty" data-live aria-labelledby="empty-heading">
    <h2 id="empty-heading">Here is the one line to send some</h2>
    <pre><code>${ONE_LINE}</code></pre>
    <p>In the folder of a Node application. Any OpenTelemetry SDK or Collector may send OTLP over HTTP to <code>/v1/metrics</code> and <code>/v1/traces</code> of this address, with the key in <code>X-Monitoring-API-Key</code>. This page fills by itself.</p>
  </section>`;
}
