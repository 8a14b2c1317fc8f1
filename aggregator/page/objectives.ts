import { html } from 'hono/html';
import { bar, type Markup, type Series, type Tone, timeSeries } from './charts.ts';
import { count, decimal, duration, moment, NOTHING, ratio } from './format.ts';
import { addressOf, breakable, type Choice, card, figure, figures, mark, nothing, table } from './layout.ts';

/** One objective, as its endpoint answers. */
export interface ObjectiveView {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** How it stands, in a sentence. */
  readonly summary: string;
  readonly state: 'meeting' | 'at_risk' | 'burning' | 'exhausted' | 'no_data';
  readonly objective: number;
  readonly attained: number | null;
  readonly window_days: number;
  readonly events: { readonly good: number; readonly total: number };
  readonly budget_remaining: number | null;
  readonly burn_rates: Readonly<Record<string, number | null>>;
  readonly time_to_exhaustion_seconds: number | null;
  readonly coverage: number;
  readonly alerts: readonly {
    readonly severity: string;
    readonly long_window: string;
    readonly short_window: string;
    readonly threshold: number;
    readonly state: 'firing' | 'inactive' | 'no_data';
    readonly frozen: boolean;
  }[];
  readonly spent_by: readonly { readonly name: string; readonly share: number }[];
}

/** Too few events, or a window that data does not cover yet. */
const NOT_ENOUGH_DATA = 'not enough data';

const STATES: Readonly<Record<ObjectiveView['state'], { readonly tone: Tone; readonly words: string }>> = {
  meeting: { tone: 'good', words: 'meeting' },
  at_risk: { tone: 'warn', words: 'at risk' },
  burning: { tone: 'bad', words: 'burning' },
  exhausted: { tone: 'bad', words: 'exhausted' },
  no_data: { tone: 'none', words: NOT_ENOUGH_DATA },
};

export function stateMark(state: ObjectiveView['state']): Markup {
  return mark(STATES[state].tone, STATES[state].words);
}

export function stateTone(state: ObjectiveView['state']): Tone {
  return STATES[state].tone;
}

export function objectiveAddress(id: string, choice: Choice): string {
  return addressOf(`/objectives/${encodeURIComponent(id)}/`, choice);
}

/** Rows of objectives, as they come: worst budget first. */
export function objectiveTable(objectives: readonly ObjectiveView[], choice: Choice): Markup {
  if (objectives.length === 0) return nothing('There are no objectives.');
  return table(
    'Objectives',
    [
      { heading: 'Objective' },
      { heading: 'State', isDetail: true },
      { heading: 'Attained', isNumber: true },
      { heading: 'Aim', isNumber: true, isDetail: true },
      { heading: 'Budget left', isNumber: true },
      { heading: 'Burn 1 h', isNumber: true, isDetail: true },
      { heading: 'Lasts', isNumber: true, isDetail: true },
    ],
    objectives.map((each) => [
      html`<a href="${objectiveAddress(each.id, choice)}">${each.name}</a><span class="narrow">${stateMark(each.state)}</span>`,
      stateMark(each.state),
      ratio(each.attained),
      ratio(each.objective),
      budget(each),
      decimal(each.burn_rates['1h']),
      lasts(each),
    ]),
  );
}

function budget({ budget_remaining, state }: ObjectiveView): Markup | string {
  if (budget_remaining === null) return NOTHING;
  return html`<span class="budget">${bar(budget_remaining, stateTone(state))}<span>${share(budget_remaining)}</span></span>`;
}

/** A budget that is overspent many times over needs no digits after the point. */
function share(budget: number): string {
  return Math.abs(budget) >= 1 ? `${count(budget * 100)} %` : ratio(budget);
}

/** How long the budget lasts at the speed of the last hour. */
function lasts({ time_to_exhaustion_seconds: seconds, state }: ObjectiveView): string {
  if (state === 'exhausted') return 'used up';
  return seconds === null ? NOTHING : duration(seconds);
}

/** An alert that is not over, as the overview's endpoint answers. */
export interface ActiveAlertView {
  readonly severity: string;
  readonly state: string;
  readonly since: string;
  readonly summary: string;
  readonly description: string;
  /** Path of a page of ours. */
  readonly link: string;
}

/** @param active alerts of all services together, whatever is chosen */
export function renderObjectives(
  objectives: readonly ObjectiveView[],
  active: readonly ActiveAlertView[],
  choice: Choice,
): Markup {
  return html`<h1>Objectives</h1>
  <p class="lead">Over their own windows, whatever window is chosen above. The error budget is what an objective lets fail; a burn rate of 1 spends it exactly within the window.</p>
  <div class="grid">
    ${card('active-alerts', 'Alerts', activeAlertTable(active, choice), 'wide')}
    ${card('objectives', 'All objectives, worst budget first', objectiveTable(objectives, choice), 'wide')}
    ${objectives.flatMap((each) => (each.alerts.some(isFiring) ? [card(`alerts-${each.id}`, each.name, alertTable(each), 'half')] : []))}
  </div>`;
}

function activeAlertTable(active: readonly ActiveAlertView[], choice: Choice): Markup {
  if (active.length === 0) return nothing('No alert fires.');
  return table(
    'Alerts that are not over',
    [{ heading: 'Alert' }, { heading: 'Severity' }, { heading: 'State' }, { heading: 'Since' }],
    active.map(({ summary, description, link, severity, state, since }) => [
      html`<a href="${addressOf(link, choice)}">${summary}</a><br>${description}`,
      severity,
      mark(state === 'firing' ? 'bad' : 'warn', state),
      moment(Date.parse(since)),
    ]),
    'stacked',
  );
}

function isFiring(alert: ObjectiveView['alerts'][number]): boolean {
  return alert.state === 'firing';
}

export interface ObjectiveDetail extends ObjectiveView {
  readonly series: { readonly budget_remaining: Series; readonly burn_rate_1h: Series };
}

export function renderObjective(objective: ObjectiveDetail | undefined, choice: Choice): Markup {
  const back = html`<p class="back"><a href="${addressOf('/objectives/', choice)}">All objectives</a></p>`;
  if (objective === undefined) return html`${back}<h1>Objective</h1>${nothing('There is no objective of that name.')}`;
  return html`${back}<h1>${objective.name}</h1><p class="lead">${objective.description} ${objective.summary}</p>
  <div class="grid">
    ${card('figures', 'Now', objectiveFigures(objective), 'wide')}
    ${card('budget', 'Error budget', budgetChart(objective.series.budget_remaining), 'half')}
    ${card('burn', 'Burn rate over 1 hour', seriesChart('chart-burn', 'Burn rate', objective.series.burn_rate_1h, 1, '', { label: 'spends it exactly', value: 1 }), 'half')}
    ${card('rates', 'Burn rates', burnTable(objective), 'third')}
    ${card('alerts', 'Alerts', alertTable(objective), 'third')}
    ${card('spent', 'Who spent it', spenderTable(objective), 'third')}
  </div>`;
}

function budgetChart(series: Series): Markup {
  const chart = seriesChart('chart-budget', 'Budget left, in percent', series, 100, ' %', {
    label: 'used up',
    value: 0,
  });
  const isMeasuredWholly = series.points[0]?.[1] !== null;
  return isMeasuredWholly ? chart : html`${chart}<p class="hint">Nothing was measured where no line is drawn.</p>`;
}

function objectiveFigures(objective: ObjectiveView): Markup {
  const { state, attained, budget_remaining, events, coverage, window_days } = objective;
  return figures([
    figure('State', stateMark(state), stateTone(state)),
    figure('Attained', ratio(attained), stateTone(state), `aim ${ratio(objective.objective)}`),
    figure('Budget left', ratio(budget_remaining), stateTone(state)),
    figure('Lasts', lasts(objective)),
    figure('Good', count(events.good), 'none', `of ${count(events.total)}`),
    figure('Covered', ratio(coverage), 'none', `of ${window_days} days`),
  ]);
}

function seriesChart(
  id: string,
  title: string,
  { step_seconds, points }: Series,
  factor: number,
  unit: string,
  line: { readonly label: string; readonly value: number },
): Markup {
  const scaled = points.map(
    ([at, value]) => [at, value === null ? null : Math.round(value * factor * 100) / 100] as const,
  );
  return timeSeries({
    id,
    title,
    unit,
    series: [{ label: title, series: { step_seconds, points: scaled } }],
    lines: [line],
  });
}

function burnTable({ burn_rates }: ObjectiveView): Markup {
  const rows = Object.entries(burn_rates).map(([window, rate]) => [window, decimal(rate)]);
  return table('Burn rates', [{ heading: 'Window' }, { heading: 'Burn rate', isNumber: true }], rows);
}

function alertTable({ alerts }: ObjectiveView): Markup {
  if (alerts.length === 0) return nothing('No alert can fire for this objective.');
  return table(
    'Alerts',
    [{ heading: 'Alert' }, { heading: 'Windows' }, { heading: 'Above', isNumber: true }, { heading: 'State' }],
    alerts.map((alert) => [
      alert.severity,
      html`<span class="whole">${alert.long_window} and ${alert.short_window}</span>`,
      decimal(alert.threshold),
      alertMark(alert),
    ]),
  );
}

function alertMark(alert: ObjectiveView['alerts'][number]): Markup {
  if (!isFiring(alert)) return mark('none', alert.state === 'no_data' ? NOT_ENOUGH_DATA : 'inactive');
  return mark('bad', alert.frozen ? 'firing, frozen by silence' : 'firing');
}

function spenderTable({ spent_by }: ObjectiveView): Markup {
  if (spent_by.length === 0) return nothing('Nothing was spent.');
  return table(
    'Who spent the budget',
    [{ heading: 'Name' }, { heading: '' }, { heading: 'Share', isNumber: true }],
    spent_by.map(({ name, share }) => [breakable(name), bar(share, 'bad'), ratio(share)]),
  );
}
