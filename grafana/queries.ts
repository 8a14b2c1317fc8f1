/** Questions of panels to the data source that the dashboard's variable names. */
import * as prometheus from '@grafana/grafana-foundation-sdk/prometheus';

export const DATA_SOURCE = { type: 'prometheus', uid: '$datasource' };

export interface Query {
  readonly expression: string;
  /** How a series is named: text with labels in double braces. */
  readonly legend: string;
  /** Whether the traces behind the numbers are asked for, too. */
  readonly withExemplars?: boolean;
}

const letter = (index: number): string => String.fromCharCode('A'.charCodeAt(0) + index);

const started = ({ expression, legend, withExemplars = false }: Query, index: number): prometheus.DataqueryBuilder =>
  new prometheus.DataqueryBuilder()
    .datasource(DATA_SOURCE)
    .refId(letter(index))
    .expr(expression)
    .legendFormat(legend)
    .exemplar(withExemplars)
    .editorMode(prometheus.QueryEditorMode.Code);

/** Values over the range of time. */
export const ranges = (queries: readonly Query[]) => queries.map((query, index) => started(query, index).range());

/** One value each, at the end of the range. */
export const instants = (queries: readonly Query[]) => queries.map((query, index) => started(query, index).instant());

/** One row for each set of labels, at the end of the range; the value of the first query is the column `Value #A`. */
export const rows = (queries: readonly Query[]) =>
  queries.map((query, index) => started(query, index).instant().format(prometheus.PromQueryFormat.Table));

/** Counts of buckets over the range of time. */
export const buckets = (query: Query) => [started(query, 0).range().format(prometheus.PromQueryFormat.Heatmap)];

/** The column that a table's n-th query makes. */
export const valueColumn = (index: number): string => `Value #${letter(index)}`;
