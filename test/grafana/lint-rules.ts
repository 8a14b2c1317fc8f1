/**
 * The rules of Grafana's dashboard linter (github.com/grafana/dashboard-linter, docs/index.md and its rule set), as far
 * as they concern Prometheus; its two rules about Loki's language have nothing to look at here.
 */
import { contentOf, type Dashboard, type Panel, type Variable } from '../support/dashboards.ts';
import { selectorsOf, syntaxError, withIntervals } from '../support/promql.ts';

export interface Complaint {
  readonly rule: string;
  readonly dashboard: string;
  readonly panel?: string;
  readonly what: string;
}

type Rule = (dashboard: Dashboard) => readonly Omit<Complaint, 'rule' | 'dashboard'>[];

const UNITS = new Set(['none', 'short', 'percentunit', 'percent', 's', 'ops', 'opm', 'reqps']);
const DATA_SOURCE = /^\$\{?datasource\}?$/;
const WITH_UNITS = new Set(['stat', 'table', 'timeseries', 'gauge', 'bargauge', 'piechart', 'heatmap']);

const variable = ({ templating }: Dashboard, name: string): Variable | undefined =>
  templating.list.find((each) => each.name === name);
const queryOf = ({ query }: Variable): string => (typeof query === 'string' ? query : query.query);

const eachPanel =
  (judge: (panel: Panel) => readonly string[]): Rule =>
  (dashboard) =>
    contentOf(dashboard).flatMap((panel) => judge(panel).map((what) => ({ panel: panel.title, what })));

const eachTarget = (judge: (expression: string) => readonly string[]): Rule =>
  eachPanel(({ targets = [] }) => targets.flatMap(({ expr }) => judge(withIntervals(expr))));

/** A variable over the values of a label, as the linter wants it. */
const labelVariable =
  (name: string, label: string): Rule =>
  (dashboard) => {
    const found = variable(dashboard, name);
    if (found === undefined) return [{ what: `there is no variable ${name}` }];
    const wrong: string[] = [];
    if (found.type !== 'query') wrong.push('is no query');
    if (!DATA_SOURCE.test(found.datasource?.uid ?? '')) wrong.push('does not ask the chosen data source');
    if (found.label !== label) wrong.push(`is not labelled ${label}`);
    if (!found.multi) wrong.push('takes one value only');
    if (found.allValue !== '.+') wrong.push('has another value for all than .+');
    return wrong.map((what) => ({ what: `variable ${name} ${what}` }));
  };

const matcher = (label: string): Rule =>
  eachTarget((expression) =>
    selectorsOf(expression)
      .filter(({ text }) => !text.includes(`${label}=~"$${label}"`))
      .map(({ text }) => `${text} is not chosen by ${label}`),
  );

export const rules: Readonly<Record<string, Rule>> = {
  'template-datasource-rule': (dashboard) => {
    const found = dashboard.templating.list.filter(({ type }) => type === 'datasource');
    const isRight = found.length === 1 && found[0].name === 'datasource' && found[0].label === 'Data source';
    return isRight && found[0].query === 'prometheus' ? [] : [{ what: 'there is no variable for the data source' }];
  },
  'template-job-rule': labelVariable('job', 'Job'),
  'template-instance-rule': labelVariable('instance', 'Instance'),
  'template-label-promql-rule': ({ templating }) =>
    templating.list
      .filter(({ type }) => type === 'query')
      .flatMap((each) => {
        const [, name, argument] = /^([a-z_]+)\((.+), *[a-z_]+\)$/.exec(queryOf(each)) ?? [];
        const isRight = name === 'label_values' && syntaxError(argument) === undefined;
        return isRight ? [] : [{ what: `variable ${each.name} asks ${queryOf(each)}` }];
      }),
  'template-on-time-change-reload': ({ templating }) =>
    templating.list
      .filter(({ type, refresh }) => type === 'query' && refresh !== 2)
      .map(({ name }) => ({ what: `variable ${name} is not refreshed with the range of time` })),
  'panel-datasource-rule': eachPanel(({ datasource, targets = [] }) =>
    [datasource, ...targets.map((target) => target.datasource)]
      .filter((source) => !DATA_SOURCE.test(source?.uid ?? ''))
      .map(() => 'does not ask the chosen data source'),
  ),
  'panel-title-description-rule': eachPanel(({ title, description = '' }) =>
    title.trim() === '' || description.trim() === '' ? ['has no title or no description'] : [],
  ),
  'panel-units-rule': eachPanel(({ type, fieldConfig }) => {
    const units = (fieldConfig?.overrides ?? []).flatMap(({ properties }) =>
      properties.filter(({ id }) => id === 'unit').map(({ value }) => String(value)),
    );
    const wrong = [fieldConfig?.defaults.unit ?? '', ...units].filter((unit) => !UNITS.has(unit));
    return WITH_UNITS.has(type) ? wrong.map((unit) => `has no unit, or a wrong one: ${unit}`) : [`is a ${type}`];
  }),
  'panel-no-targets-rule': eachPanel(({ targets = [] }) => (targets.length === 0 ? ['asks nothing'] : [])),
  'target-promql-rule': eachTarget((expression) => {
    const error = syntaxError(expression);
    return error === undefined ? [] : [error];
  }),
  'target-rate-interval-rule': eachPanel(({ targets = [] }) =>
    targets.flatMap(({ expr }) =>
      [...expr.matchAll(/\b(?:rate|irate)\([^[]*\[([^\]]+)\]/g)]
        .filter(([, range]) => range !== '$__rate_interval')
        .map(([call]) => `${call} has a range of its own`),
    ),
  ),
  'target-job-rule': matcher('job'),
  'target-instance-rule': matcher('instance'),
  'target-counter-agg-rule': eachTarget((expression) =>
    selectorsOf(expression)
      .filter(({ name, calledBy = '' }) => name.endsWith('_total') && !['rate', 'irate', 'increase'].includes(calledBy))
      .map(({ text }) => `${text} is a counter and stands in no rate`),
  ),
  'uneditable-dashboard': ({ editable }) =>
    editable ? [{ what: 'can be edited, and loses it at the next import' }] : [],
};

export function lint(dashboard: Dashboard): readonly Complaint[] {
  return Object.entries(rules).flatMap(([rule, judge]) =>
    judge(dashboard).map((complaint) => ({ rule, dashboard: dashboard.title, ...complaint })),
  );
}
