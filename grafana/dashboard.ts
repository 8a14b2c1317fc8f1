/** What all dashboards share: variables, links, annotations, and how sections become a dashboard. */
import * as sdk from '@grafana/grafana-foundation-sdk/dashboard';
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';
import { place, type Section } from './layout.ts';
import { series, worst } from './promql.ts';
import { DATA_SOURCE } from './queries.ts';

export const TAG = 'vigil';
/** Where the aggregator's page is, unless somebody says otherwise: the text variable, or MONITORING_PUBLIC_URL at import. */
export const DEFAULT_PAGE = 'http://127.0.0.1:8000';
/** Always there, whatever was measured so far. */
const PRESENT_ALWAYS = 'slo_objective_ratio';

export interface DashboardPlan {
  /** Never changed: links and bookmarks go by it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The range of time that is shown at first, such as `now-1h`. */
  readonly from: string;
  readonly sections: readonly Section[];
}

export function buildDashboard({ uid, title, description, from, sections }: DashboardPlan): sdk.Dashboard {
  const builder = new sdk.DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .readonly()
    .timezone('browser')
    .time({ from, to: 'now' })
    .refresh('30s')
    .tooltip(sdk.DashboardCursorSync.Crosshair)
    .variables(variables())
    .annotations(annotations())
    .links(links());
  for (const { id, position, panel, heading = '' } of place(sections)) {
    if (panel === undefined) builder.withRow(new sdk.RowBuilder(heading).id(id).gridPos(position));
    else {
      panel.builder.id(id);
      panel.builder.gridPos(position);
      builder.withPanel(panel.builder);
    }
  }
  return builder.build();
}

const ALL = { selected: true, text: 'All', value: '$__all' };

function variables() {
  return [
    new sdk.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    labelVariable('job', 'Job', '', '.+'),
    labelVariable('instance', 'Instance', 'job=~"$job"', '.+'),
    // A target that stands for all services has no such label, and "All" must show it.
    labelVariable('service', 'Service', 'job=~"$job",instance=~"$instance"', '.*'),
    new sdk.TextBoxVariableBuilder('page')
      .label('Vigil’s page')
      .description('Address of the aggregator, for the link to its page.')
      .defaultValue(DEFAULT_PAGE)
      .current({ selected: true, text: DEFAULT_PAGE, value: DEFAULT_PAGE }),
  ];
}

function labelVariable(name: string, label: string, matchers: string, allValue: string): sdk.QueryVariableBuilder {
  const chosen = matchers === '' ? PRESENT_ALWAYS : `${PRESENT_ALWAYS}{${matchers}}`;
  const query = `label_values(${chosen}, ${name})`;
  return new sdk.QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ query, refId: `variable-${name}` })
    .definition(query)
    .refresh(sdk.VariableRefresh.OnTimeRangeChanged)
    .sort(sdk.VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(allValue)
    .current(ALL);
}

function annotation(name: string, iconColor: string, expression: string, titleFormat: string) {
  return new sdk.AnnotationQueryBuilder()
    .name(name)
    .datasource(DATA_SOURCE)
    .enable(true)
    .iconColor(iconColor)
    .expr(expression)
    .titleFormat(titleFormat)
    .step('60s')
    .target(new prometheus.DataqueryBuilder().refId('Anno').expr(expression).range());
}

/** The alerts of otel-config/prometheus/rules.yaml. */
const OURS = 'alertname=~"SloBurnRate|High(MutationFailureRate|DuplicateRate|ThreatScore)|Vigil.+"';

function annotations() {
  const states = worst(series('slo_state', 'state=~"burning|exhausted"'), 'slo', 'state');
  return [
    annotation('Alerts of Prometheus', 'red', `ALERTS{alertstate="firing",${OURS}}`, '{{alertname}} {{sloth_slo}}'),
    annotation('Objectives in danger', 'orange', `${states} == 1`, '{{slo}} {{state}}'),
  ];
}

function links() {
  return [
    new sdk.DashboardLinkBuilder('Vigil’s dashboards')
      .type(sdk.DashboardLinkType.Dashboards)
      .tags([TAG])
      .asDropdown(false)
      .includeVars(true)
      .keepTime(true),
    new sdk.DashboardLinkBuilder('Vigil’s page')
      .type(sdk.DashboardLinkType.Link)
      .url('$page/')
      .icon('external link')
      .tooltip('What the aggregator says in words: state, reasons, recommendations')
      .targetBlank(true),
  ];
}
