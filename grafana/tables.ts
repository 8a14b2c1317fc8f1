/** Tables: a row for each value of a label, a column for each query. */
import * as common from '@grafana/grafana-foundation-sdk/common';
import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import * as table from '@grafana/grafana-foundation-sdk/table';
import type { PanelDraft } from './layout.ts';
import { draft, type Look } from './panels.ts';
import { rows, valueColumn } from './queries.ts';
import type { Step } from './thresholds.ts';

export interface Column {
  readonly name: string;
  readonly expression: string;
  /** Grafana's id of the unit. */
  readonly unit: string;
  readonly decimals?: number;
  /** Colours the text of its cells. */
  readonly steps?: readonly Step[];
}

/** A label that rows are told apart by, and the head of its column. */
export interface KeyColumn {
  readonly label: string;
  readonly name: string;
}

/** @param columns the first one orders the rows, the highest first unless `leastFirst` */
export function tablePanel(
  look: Look,
  keys: readonly KeyColumn[],
  columns: readonly Column[],
  leastFirst = false,
): PanelDraft {
  const names = [
    ...keys.map(({ label, name }) => [label, name] as const),
    ...columns.map(({ name }, index) => [valueColumn(index), name] as const),
  ];
  const organize = {
    excludeByName: { Time: true },
    indexByName: Object.fromEntries(names.map(([column], index) => [column, index])),
    renameByName: Object.fromEntries(names),
  };
  const builder = new table.PanelBuilder()
    .targets(rows(columns.map(({ expression }) => ({ expression, legend: '__auto' }))))
    .withTransformation({ id: 'merge', options: {} })
    .withTransformation({ id: 'organize', options: organize })
    .sortBy([new common.TableSortByFieldStateBuilder().displayName(columns[0].name).desc(!leastFirst)])
    .cellHeight(common.TableCellHeight.Sm);
  for (const column of columns) builder.overrideByName(column.name, propertiesOf(column));
  return draft(builder, look);
}

function propertiesOf({ unit, decimals, steps }: Column): dashboard.DynamicConfigValue[] {
  const properties: dashboard.DynamicConfigValue[] = [{ id: 'unit', value: unit }];
  if (decimals !== undefined) properties.push({ id: 'decimals', value: decimals });
  if (steps !== undefined)
    properties.push(
      {
        id: 'thresholds',
        value: { mode: 'absolute', steps: steps.map(({ from, color }) => ({ value: from, color })) },
      },
      { id: 'custom.cellOptions', value: { type: 'color-text' } },
      { id: 'color', value: { mode: 'thresholds' } },
    );
  return properties;
}
