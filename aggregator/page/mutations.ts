import { html } from 'hono/html';
import type { MutationDetail } from '../reports/mutation.ts';
import type { MutationFacts } from '../reports/mutation-facts.ts';
import type { RecommendationBody } from '../reports/recommendations.ts';
import type { MutationSpan } from '../store/port.ts';
import { bar, endedSteps, isSilent, type Markup, type Series, timeSeries } from './charts.ts';
import { count, milliseconds, moment, NOTHING, percent, ratio } from './format.ts';
import {
  addressOf,
  breakable,
  type Choice,
  type Column,
  card,
  figure,
  figures,
  hiddenFields,
  nothing,
  table,
} from './layout.ts';
import { recommendationList, traceLink } from './recommendations.ts';

/** How the table of mutations can be sorted; names rise, everything else falls. */
export const MUTATION_SORTS = ['count', 'name', 'failed', 'success', 'p95', 'p99'] as const;
export type MutationSort = (typeof MUTATION_SORTS)[number];

/** One row of the table of mutations. Times in milliseconds, undefined where none settled. */
export interface MutationRow {
  readonly name: string;
  readonly total: number;
  readonly failed: number;
  /** 0 to 1. */
  readonly successRatio: number;
  readonly p95: number | undefined;
  readonly p99: number | undefined;
}

export interface MutationsView {
  readonly choice: Choice;
  readonly sort: MutationSort;
  /** Only names that hold this, whatever the case; '' for all. */
  readonly only: string;
  readonly rows: readonly MutationRow[];
  readonly errors: readonly { readonly error_type: string; readonly count: number }[];
  readonly p95: Series;
  readonly throughput: Series;
  readonly targetMs: number;
  /** Unix ms. */
  readonly nowMs: number;
  readonly recommendations: readonly RecommendationBody[];
  readonly traceUrl: string | undefined;
}

/** Rows of which more is not read by anybody. */
export const MAX_ROWS = 500;

/** What the address of the table says beside window and service; what stands at its default is left out. */
export function chosenBeside({ sort, only }: Pick<MutationsView, 'sort' | 'only'>): Record<string, string> {
  return { ...(sort === 'count' ? {} : { sort }), ...(only === '' ? {} : { name: only }) };
}

/** The address of one mutation's page. */
export function mutationAddress(name: string, choice: Choice): string {
  return addressOf(`/mutations/${encodeURIComponent(name)}/`, choice);
}

export function renderMutations(view: MutationsView): Markup {
  const { rows, errors, choice, recommendations, traceUrl, only } = view;
  const wanted = rows.filter(({ name }) => name.toLowerCase().includes(only.toLowerCase()));
  return html`<h1>Mutations</h1>
  <div class="grid">
    ${card('latency', 'Latency', latencyChart(view.p95, view.targetMs), 'half')}
    ${card('throughput', 'Throughput', throughputChart(view.throughput, view.nowMs), 'half')}
    ${card(
      'mutations',
      only === ''
        ? `All mutations (${count(rows.length)})`
        : `Mutations (${count(wanted.length)} of ${count(rows.length)})`,
      rows.length === 0 ? nothing(NONE_RAN) : html`${filterForm(view)}${mutationTable(view, wanted)}`,
      'wide',
    )}
    ${card('errors', 'Errors', errorTable(errors), 'half')}
    ${card('recommendations', 'Recommendations', recommendationList(recommendations, traceUrl, choice), 'half')}
  </div>`;
}

/** The filter stands in the address, with what was chosen before; with a script the rows follow each letter. */
function filterForm({ choice, sort, only }: MutationsView): Markup {
  const { searchParams } = new URL(addressOf('/', choice, chosenBeside({ sort, only: '' })), 'http://localhost');
  return html`<form class="filter" method="get" action="${choice.base}/mutations/">${hiddenFields(searchParams)}
    <label>Only names with <input type="search" name="name" value="${only}" maxlength="256" data-filter="${only}" autocomplete="off"></label>
    <button data-without-script>Show</button>
  </form>`;
}

const NONE_RAN = 'No mutation ran in this window.';

function latencyChart(p95: Series, targetMs: number, p50?: Series): Markup {
  if (isSilent(p95)) return nothing(NONE_RAN);
  return timeSeries({
    id: 'chart-latency',
    title: 'Response time',
    unit: ' ms',
    series: [{ label: 'p95', series: p95 }, ...(p50 === undefined ? [] : [{ label: 'p50', series: p50 }])],
    lines: [{ label: `target ${targetMs} ms`, value: targetMs }],
  });
}

function throughputChart(throughput: Series, nowMs: number): Markup {
  if (isSilent(throughput)) return nothing(NONE_RAN);
  const title = `Mutations each ${throughput.step_seconds / 60 === 1 ? 'minute' : `${throughput.step_seconds / 60} minutes`}`;
  const series = endedSteps(throughput, nowMs);
  return timeSeries({ id: 'chart-throughput', title, unit: '', series: [{ label: 'mutations', series }] });
}

function mutationTable({ sort, choice, only }: MutationsView, rows: readonly MutationRow[]): Markup {
  if (rows.length === 0) return nothing('No name holds that.');
  const column = (heading: string, by: MutationSort): Column => ({
    heading,
    isNumber: by !== 'name',
    sort: {
      href: addressOf('/mutations/', choice, chosenBeside({ sort: by, only })),
      direction: sort === by ? (by === 'name' ? 'ascending' : 'descending') : undefined,
    },
  });
  const columns = [
    column('Mutation', 'name'),
    column('Count', 'count'),
    { ...column('Failed', 'failed'), isDetail: true },
    column('Success', 'success'),
    column('p95', 'p95'),
    { ...column('p99', 'p99'), isDetail: true },
  ];
  const cells = sorted(rows, sort)
    .slice(0, MAX_ROWS)
    .map((row) => [
      html`<a href="${mutationAddress(row.name, choice)}">${breakable(row.name)}</a>`,
      count(row.total),
      count(row.failed),
      ratio(row.successRatio),
      milliseconds(row.p95),
      milliseconds(row.p99),
    ]);
  return table('All mutations', columns, cells);
}

function sorted(rows: readonly MutationRow[], sort: MutationSort): MutationRow[] {
  if (sort === 'name') return rows.toSorted((a, b) => a.name.localeCompare(b.name, 'en'));
  const number = (row: MutationRow): number =>
    ({
      count: row.total,
      failed: row.failed,
      // The worst first is what somebody sorts for.
      success: -row.successRatio,
      p95: row.p95 ?? -1,
      p99: row.p99 ?? -1,
    })[sort];
  return rows.toSorted((a, b) => number(b) - number(a) || a.name.localeCompare(b.name, 'en'));
}

function errorTable(errors: MutationsView['errors']): Markup {
  if (errors.length === 0) return nothing('No mutation failed.');
  const most = Math.max(...errors.map((error) => error.count));
  return table(
    'Errors',
    [{ heading: 'Error type' }, { heading: 'Share' }, { heading: 'Count', isNumber: true }],
    errors.map((error) => [breakable(error.error_type), bar(error.count / most, 'bad'), count(error.count)]),
  );
}

export interface MutationView {
  readonly choice: Choice;
  readonly name: string;
  /** Undefined when it did not run in the window. */
  readonly detail: MutationDetail | undefined;
  readonly targetMs: number;
  /** Unix ms. */
  readonly nowMs: number;
  readonly traceUrl: string | undefined;
}

export function renderMutation({ choice, name, detail, targetMs, nowMs, traceUrl }: MutationView): Markup {
  const back = html`<p class="back"><a href="${addressOf('/mutations/', choice)}">All mutations</a></p>`;
  if (detail === undefined)
    return html`${back}<h1>${name}</h1>${nothing('It did not run in this window. A longer one may show it.')}`;
  return html`${back}<h1>${name}</h1>
  <div class="grid">
    ${card('figures', 'In this window', mutationFigures(detail), 'wide')}
    ${card('latency', 'Latency', latencyChart(detail.p95, targetMs, detail.p50), 'half')}
    ${card('throughput', 'Throughput', throughputChart(detail.throughput, nowMs), 'half')}
    ${card('errors', 'Errors', errorTable(detail.errors.map((error) => ({ error_type: error.errorType, count: error.count }))), 'wide')}
    ${card('slowest', 'Slowest traces', spanTable(detail.slowest, traceUrl), 'half')}
    ${card('failed', 'Failed traces', spanTable(detail.failed, traceUrl), 'half')}
  </div>`;
}

function mutationFigures({ facts, times }: MutationDetail): Markup {
  const inMs = (seconds: number | undefined) => milliseconds(seconds === undefined ? undefined : seconds * 1000);
  const succeeded = facts.success + facts.partial;
  return figures([
    figure('Count', count(facts.total)),
    figure('Success', facts.total === 0 ? NOTHING : percent((100 * succeeded) / facts.total)),
    figure('Failed', count(facts.failure), facts.failure > 0 ? 'bad' : 'none'),
    figure('Partial', count(facts.partial), facts.partial > 0 ? 'warn' : 'none'),
    figure('Aborted', count(facts.aborted)),
    figure('p50', inMs(times.p50)),
    figure('p95', inMs(times.p95)),
    figure('p99', inMs(times.p99)),
    figure('Longest', inMs(times.max)),
  ]);
}

function spanTable(spans: readonly MutationSpan[], traceUrl: string | undefined): Markup {
  if (spans.length === 0)
    return nothing(
      html`No trace was kept. Send spans to <code>/v1/traces</code>, and those of the slowest and of failed runs stand here.`,
    );
  return table(
    'Traces',
    [{ heading: 'Trace' }, { heading: 'Took', isNumber: true }, { heading: 'Outcome' }, { heading: 'Ended' }],
    spans.map((span) => [
      traceLink(span.traceId, traceUrl),
      milliseconds(span.durationMs),
      span.errorType === '' ? span.outcome : `${span.outcome}: ${span.errorType}`,
      html`<time datetime="${new Date(span.endMs).toISOString()}">${moment(span.endMs)}</time>`,
    ]),
    'stacked',
  );
}

/** A row of the table from what the reports know. */
export function mutationRow(facts: MutationFacts, quantileOf: (share: number) => number | undefined): MutationRow {
  const inMs = (seconds: number | undefined) => (seconds === undefined ? undefined : Math.round(seconds * 1e5) / 100);
  return {
    name: facts.name,
    total: facts.total,
    failed: facts.failure,
    successRatio: facts.total === 0 ? 0 : (facts.success + facts.partial) / facts.total,
    p95: inMs(quantileOf(0.95)),
    p99: inMs(quantileOf(0.99)),
  };
}
