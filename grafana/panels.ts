/** The kinds of panels that the dashboards are made of: each says what it shows, in what unit, and what silence looks like. */

import * as bargauge from '@grafana/grafana-foundation-sdk/bargauge';
import type * as cog from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as gauge from '@grafana/grafana-foundation-sdk/gauge';
import * as heatmap from '@grafana/grafana-foundation-sdk/heatmap';
import * as piechart from '@grafana/grafana-foundation-sdk/piechart';
import * as stat from '@grafana/grafana-foundation-sdk/stat';
import * as timeseries from '@grafana/grafana-foundation-sdk/timeseries';
import type { PanelDraft } from './layout.ts';
import { buckets, DATA_SOURCE, instants, type Query, ranges } from './queries.ts';
import { neutral, type Step, thresholdsOf } from './thresholds.ts';

export interface Look {
  readonly title: string;
  /** What is shown, over what time, and what silence means. */
  readonly description: string;
  /** Grafana's id of the unit. */
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  readonly steps?: readonly Step[];
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  /** Colours of series by their names. */
  readonly colors?: Readonly<Record<string, string>>;
}

/** Silence is told, not drawn as 0. */
const NOTHING = 'No data';

/** What all kinds of panels have in common. */
interface CommonBuilder extends cog.Builder<dashboard.Panel> {
  title(title: string): this;
  description(description: string): this;
  datasource(datasource: common.DataSourceRef): this;
  unit(unit: string): this;
  noValue(text: string): this;
  decimals(decimals: number): this;
  min(min: number): this;
  max(max: number): this;
  thresholds(thresholds: cog.Builder<dashboard.ThresholdsConfig>): this;
  overrideByName(name: string, properties: dashboard.DynamicConfigValue[]): this;
  id(id: number): this;
  gridPos(position: dashboard.GridPos): this;
}

export function draft<Builder extends CommonBuilder>(builder: Builder, look: Look): PanelDraft {
  const { title, description, unit, width, height, steps = neutral, min, max, decimals, colors = {} } = look;
  builder.title(title).description(description).datasource(DATA_SOURCE).unit(unit).noValue(NOTHING);
  builder.thresholds(thresholdsOf(steps));
  if (min !== undefined) builder.min(min);
  if (max !== undefined) builder.max(max);
  if (decimals !== undefined) builder.decimals(decimals);
  for (const [name, fixedColor] of Object.entries(colors))
    builder.overrideByName(name, [{ id: 'color', value: { mode: 'fixed', fixedColor } }]);
  return { width, height, builder };
}

const last = () => new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false);

const tableLegend = (...calcs: readonly string[]) =>
  new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.Table)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true)
    .calcs([...calcs]);

/** One number at the end of the range. */
export function numberPanel(look: Look, query: Query): PanelDraft {
  const builder = new stat.PanelBuilder()
    .targets(instants([query]))
    .reduceOptions(last())
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.Value);
  return draft(builder, look);
}

/** The last value, with its course behind it. */
export function coursePanel(look: Look, query: Query): PanelDraft {
  const builder = new stat.PanelBuilder()
    .targets(ranges([query]))
    .reduceOptions(last())
    .graphMode(common.BigValueGraphMode.Area)
    .colorMode(common.BigValueColorMode.Value);
  return draft(builder, look);
}

/** The name of the one series that there is, in the colour that belongs to it. */
export function namePanel(look: Look, query: Query): PanelDraft {
  const builder = new stat.PanelBuilder()
    .targets(instants([query]))
    .reduceOptions(last())
    .textMode(common.BigValueTextMode.Name)
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.Background);
  return draft(builder, look);
}

/** The last value as a word: one for each stretch between the steps. */
export function wordPanel(look: Look, words: readonly string[], query: Query): PanelDraft {
  const { steps = neutral } = look;
  const options = (index: number) => ({
    // Ends are inclusive in Grafana; the earlier mapping that fits wins, so the higher stretch comes first.
    from: steps[index].from ?? 0,
    to: look.max ?? Number.MAX_SAFE_INTEGER,
    result: { text: words[index], color: steps[index].color, index },
  });
  const mappings = words.map((_, index) => ({ type: 'range', options: options(index) }) as dashboard.ValueMapping);
  const builder = new stat.PanelBuilder()
    .targets(instants([query]))
    .reduceOptions(last())
    .mappings(mappings.toReversed())
    .graphMode(common.BigValueGraphMode.None)
    .colorMode(common.BigValueColorMode.Background);
  return draft(builder, look);
}

export function gaugePanel(look: Look, query: Query): PanelDraft {
  const builder = new gauge.PanelBuilder()
    .targets(instants([query]))
    .reduceOptions(last())
    .showThresholdLabels(true);
  return draft(builder, look);
}

export interface SeriesStyle {
  readonly as?: 'line' | 'bars';
  readonly isStacked?: boolean;
  /** Whether the steps are drawn as lines. */
  readonly showSteps?: boolean;
}

export function seriesPanel(look: Look, queries: readonly Query[], style: SeriesStyle = {}): PanelDraft {
  const { as = 'line', isStacked = false, showSteps = false } = style;
  const stacking = new common.StackingConfigBuilder()
    .group('A')
    .mode(isStacked ? common.StackingMode.Normal : common.StackingMode.None);
  const builder = new timeseries.PanelBuilder()
    .targets(ranges(queries))
    .legend(tableLegend('lastNotNull', 'mean', 'max'))
    .tooltip(
      new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi).sort(common.SortOrder.Descending),
    )
    .drawStyle(as === 'bars' ? common.GraphDrawStyle.Bars : common.GraphDrawStyle.Line)
    .fillOpacity(as === 'bars' ? 80 : isStacked ? 30 : 8)
    .lineWidth(as === 'bars' ? 0 : 1)
    .showPoints(common.VisibilityMode.Never)
    .stacking(stacking)
    .thresholdsStyle(
      new common.GraphThresholdsStyleConfigBuilder().mode(
        showSteps ? common.GraphThresholdsStyleMode.Dashed : common.GraphThresholdsStyleMode.Off,
      ),
    );
  if (look.min === undefined) builder.axisSoftMin(0);
  return draft(builder, look);
}

export function heatmapPanel(look: Look, query: Query): PanelDraft {
  const color = new heatmap.HeatmapColorOptionsBuilder()
    .mode(heatmap.HeatmapColorMode.Scheme)
    .scheme('Oranges')
    .scale(heatmap.HeatmapColorScale.Exponential)
    .exponent(0.5)
    .steps(64);
  const builder = new heatmap.PanelBuilder()
    .targets(buckets(query))
    .calculate(false)
    .yAxis(new heatmap.YAxisConfigBuilder().unit(look.unit).axisPlacement(common.AxisPlacement.Left))
    .cellGap(1)
    .color(color)
    .showLegend();
  return draft(builder, look);
}

export function piePanel(look: Look, query: Query): PanelDraft {
  const legend = new piechart.PieChartLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.Table)
    .placement(common.LegendPlacement.Right)
    .showLegend(true)
    .values([piechart.PieChartLegendValues.Value, piechart.PieChartLegendValues.Percent]);
  const builder = new piechart.PanelBuilder()
    .targets(instants([query]))
    .pieType(piechart.PieChartType.Donut)
    .reduceOptions(last())
    .legend(legend);
  return draft(builder, look);
}

/** A bar for each series, the longest first. */
export function barsPanel(look: Look, query: Query): PanelDraft {
  const builder = new bargauge.PanelBuilder()
    .targets(instants([query]))
    .reduceOptions(last())
    .orientation(common.VizOrientation.Horizontal)
    .displayMode(common.BarGaugeDisplayMode.Basic)
    .valueMode(common.BarGaugeValueMode.Text)
    .showUnfilled(false);
  return draft(builder, look);
}
