/** A dashboard as one SVG, drawn from what a server answered: to be looked at, not to be Grafana. */
import type { Dashboard, Panel, Target } from '../../support/dashboards.ts';
import type { Series } from './servers.ts';

export interface Answered {
  readonly target: Target;
  readonly answer: readonly Series[];
}

export type AnswersOf = (panel: Panel) => readonly Answered[];

const COLUMN = 66;
const ROW = 36;
const COLORS = ['#3274d9', '#e0752d', '#56a64b', '#a352cc', '#e02f44', '#f2cc0c', '#00848c', '#8f3bb8', '#7a7a7a'];
const NAMED: Readonly<Record<string, string>> = {
  green: '#56a64b',
  yellow: '#d9a800',
  red: '#e02f44',
  orange: '#e0752d',
  blue: '#3274d9',
  purple: '#a352cc',
  gray: '#7a7a7a',
  'dark-red': '#a01830',
};
const MAX_LINES = 6;

interface Box {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface Named {
  readonly name: string;
  readonly points: Series['points'];
  readonly metric: Series['metric'];
}

export function drawSheet({ title, panels }: Dashboard, answersOf: AnswersOf): string {
  const height = Math.max(...panels.map(({ gridPos: { y, h } }) => y + h)) * ROW + 50;
  const drawn = panels.map((panel) => {
    const { x, y, w, h } = panel.gridPos;
    const box = { x: x * COLUMN + 8, y: y * ROW + 46, w: w * COLUMN - 8, h: h * ROW - 8 };
    if (panel.type === 'row') return text(box.x, box.y + 20, panel.title, { size: 17, weight: 'bold' });
    const frame = `<rect x="${box.x}" y="${box.y}" width="${box.w}" height="${box.h}" fill="#fff" stroke="#ccc"/>`;
    const inner = { x: box.x + 10, y: box.y + 30, w: box.w - 20, h: box.h - 38 };
    const content = (drawings[panel.type] ?? drawNothing)(panel, answersOf(panel), inner);
    return frame + text(box.x + 10, box.y + 20, panel.title, { size: 13, weight: 'bold' }) + content;
  });
  const width = 24 * COLUMN + 16;
  const head = text(8, 28, title, { size: 22, weight: 'bold' });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif">
<rect width="100%" height="100%" fill="#f4f5f5"/>${head}${drawn.join('\n')}</svg>\n`;
}

type Drawing = (panel: Panel, answered: readonly Answered[], box: Box) => string;

const drawNothing: Drawing = (_, __, { x, y, w, h }) => text(x + w / 2, y + h / 2, 'No data', { anchor: 'middle' });

const orNothing =
  (draw: (panel: Panel, series: readonly Named[], box: Box) => string): Drawing =>
  (panel, answered, box) => {
    const series = namedSeries(answered);
    return series.length === 0 ? drawNothing(panel, answered, box) : draw(panel, series, box);
  };

const drawings: Readonly<Record<string, Drawing>> = {
  stat: orNothing(drawNumber),
  gauge: orNothing(drawGauge),
  timeseries: orNothing(drawLines),
  heatmap: orNothing(drawHeatmap),
  piechart: orNothing(drawPie),
  bargauge: orNothing(drawBars),
  table: drawTable,
};

function namedSeries(answered: readonly Answered[]): Named[] {
  return answered
    .flatMap(({ target, answer }) =>
      answer.map(({ metric, points }) => {
        const name = target.legendFormat.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => metric[label] ?? '');
        return { name, metric, points: points.filter(([, value]) => Number.isFinite(value)) };
      }),
    )
    .filter(({ points }) => points.length > 0);
}

const lastOf = ({ points }: Named): number => points.at(-1)![1];

function drawNumber(panel: Panel, [first]: readonly Named[], { x, y, w, h }: Box): string {
  const value = lastOf(first);
  const mapping = panel.fieldConfig?.defaults.mappings?.find(
    ({ options: { from, to } }) => from <= value && value <= to,
  );
  const isName = (panel.options as { textMode?: string }).textMode === 'name';
  const shown = isName ? first.name : (mapping?.options.result.text ?? inUnit(panel, value));
  const color = isName ? fixedColor(panel, first.name, 0) : stepColor(panel, value);
  return text(x + w / 2, y + h / 2 + 10, shown, { size: 30, anchor: 'middle', weight: 'bold', fill: color });
}

function drawGauge(panel: Panel, [first]: readonly Named[], { x, y, w, h }: Box): string {
  const { min = 0, max = 1 } = panel.fieldConfig?.defaults ?? {};
  const value = lastOf(first);
  const radius = Math.min(w / 2, h) - 20;
  const [cx, cy] = [x + w / 2, y + h - 12];
  const at = (share: number) => {
    const angle = Math.PI * (1 - Math.min(1, Math.max(0, share)));
    return `${cx + radius * Math.cos(angle)} ${cy - radius * Math.sin(angle)}`;
  };
  const arc = (share: number, color: string) =>
    `<path d="M ${at(0)} A ${radius} ${radius} 0 0 1 ${at(share)}" fill="none" stroke="${color}" stroke-width="22"/>`;
  const number = text(cx, cy - 8, inUnit(panel, value), { size: 26, anchor: 'middle', weight: 'bold' });
  return arc(1, '#e4e4e4') + arc((value - min) / (max - min), stepColor(panel, value)) + number;
}

function drawLines(panel: Panel, series: readonly Named[], { x, y, w, h }: Box): string {
  const shown = series.slice(0, MAX_LINES + 4);
  const legendHeight = 15 * Math.min(shown.length, MAX_LINES);
  const plot = { x: x + 62, y, w: w - 66, h: h - legendHeight - 22 };
  const isStacked = JSON.stringify(panel.fieldConfig).includes('"mode":"normal"');
  const times = [...new Set(shown.flatMap(({ points }) => points.map(([time]) => time)))].sort((a, b) => a - b);
  const base = new Map(times.map((time) => [time, 0]));
  const layers = shown.map(({ points }) =>
    points.map(([time, value]) => {
      const top = isStacked ? (base.get(time) ?? 0) + value : value;
      if (isStacked) base.set(time, top);
      return [time, top] as const;
    }),
  );
  const values = layers.flat().map(([, value]) => value);
  const { max: top = Math.max(...values) * 1.05 || 1, min = Math.min(0, ...values) } =
    panel.fieldConfig?.defaults ?? {};
  const px = (time: number) => plot.x + (plot.w * (time - times[0])) / (times.at(-1)! - times[0] || 1);
  const py = (value: number) => plot.y + plot.h * (1 - (value - min) / (top - min));
  const axis = [min, (min + top) / 2, top].map(
    (value) =>
      `<line x1="${plot.x}" x2="${plot.x + plot.w}" y1="${py(value)}" y2="${py(value)}" stroke="#eee"/>` +
      text(plot.x - 6, py(value) + 4, inUnit(panel, value), { size: 11, anchor: 'end' }),
  );
  const lines = layers.map((points, index) => {
    const path = points.map(([time, value]) => `${px(time).toFixed(1)},${py(value).toFixed(1)}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke-width="1.6" stroke="${fixedColor(panel, shown[index].name, index)}"/>`;
  });
  const legend = shown.slice(0, MAX_LINES).map((each, index) => {
    const at = y + h - legendHeight + 15 * index + 10;
    const mark = `<rect x="${x}" y="${at - 9}" width="14" height="4" fill="${fixedColor(panel, each.name, index)}"/>`;
    return (
      mark +
      text(x + 20, at - 2, each.name, { size: 11 }) +
      text(x + w, at - 2, inUnit(panel, lastOf(each)), { size: 11, anchor: 'end' })
    );
  });
  return [...axis, ...lines, ...legend].join('');
}

function drawHeatmap(panel: Panel, series: readonly Named[], { x, y, w, h }: Box): string {
  const rows = series.toSorted((a, b) => edgeOf(a) - edgeOf(b));
  const [rowHeight, left] = [(h - 4) / rows.length, x + 62];
  const cells = rows.flatMap((row, index) =>
    row.points.map(([time, value]) => ({
      index,
      time,
      value: value - (rows[index - 1]?.points.find(([at]) => at === time)?.[1] ?? 0),
    })),
  );
  const most = Math.max(...cells.map(({ value }) => value));
  const times = [...new Set(cells.map(({ time }) => time))].sort((a, b) => a - b);
  const width = (w - 66) / times.length;
  const drawn = cells
    .filter(({ value }) => value > 0)
    .map(({ index, time, value }) => {
      const at = `x="${(left + times.indexOf(time) * width).toFixed(1)}" y="${(y + h - 4 - (index + 1) * rowHeight).toFixed(1)}"`;
      return `<rect ${at} width="${(width - 0.5).toFixed(1)}" height="${(rowHeight - 1).toFixed(1)}" fill="#d9560b" fill-opacity="${Math.sqrt(value / most).toFixed(2)}"/>`;
    });
  const labels = rows.map((row, index) =>
    text(left - 6, y + h - index * rowHeight - 8, Number.isFinite(edgeOf(row)) ? inUnit(panel, edgeOf(row)) : '+Inf', {
      size: 9,
      anchor: 'end',
    }),
  );
  return [...drawn, ...labels].join('');
}

const edgeOf = ({ metric }: Named): number => Number(metric['le'].replace('+Inf', 'Infinity'));

function drawPie(panel: Panel, series: readonly Named[], { x, y, w, h }: Box): string {
  const parts = series.filter((each) => lastOf(each) > 0).toSorted((a, b) => lastOf(b) - lastOf(a));
  const total = parts.reduce((sum, each) => sum + lastOf(each), 0);
  const radius = Math.min(h / 2 - 24, w / 5);
  const around = 2 * Math.PI * radius;
  let begun = 0;
  return parts
    .map((each, index) => {
      const share = lastOf(each) / total;
      const stroke = `stroke="${COLORS[index % COLORS.length]}" stroke-width="${radius * 0.6}"`;
      const dash = `stroke-dasharray="${share * around} ${around}" stroke-dashoffset="${-begun * around}"`;
      begun += share;
      const at = y + 14 + 18 * index;
      return (
        `<circle cx="${x + radius * 1.4}" cy="${y + h / 2}" r="${radius}" fill="none" ${stroke} ${dash}/>` +
        `<rect x="${x + radius * 3}" y="${at - 9}" width="10" height="10" fill="${COLORS[index % COLORS.length]}"/>` +
        text(x + radius * 3 + 16, at, each.name, { size: 11 }) +
        text(x + w, at, `${inUnit(panel, lastOf(each))}  ${(100 * share).toFixed(0)} %`, { size: 11, anchor: 'end' })
      );
    })
    .join('');
}

function drawBars(panel: Panel, series: readonly Named[], { x, y, w }: Box): string {
  const most = Math.max(...series.map(lastOf), 1e-9);
  return series
    .map((each, index) => {
      const at = y + 10 + 26 * index;
      const width = ((w - 240) * lastOf(each)) / most;
      return (
        text(x + 150, at + 10, each.name, { size: 11, anchor: 'end' }) +
        `<rect x="${x + 158}" y="${at - 4}" width="${width.toFixed(1)}" height="18" fill="${stepColor(panel, lastOf(each))}"/>` +
        text(x + 166 + width, at + 10, inUnit(panel, lastOf(each)), { size: 11 })
      );
    })
    .join('');
}

function drawTable(panel: Panel, answered: readonly Answered[], { x, y, w }: Box): string {
  const renamed = panel.transformations?.find(({ id }) => id === 'organize')?.options['renameByName'] ?? {};
  const [[label, key], ...columns] = Object.entries(renamed) as [string, string][];
  const rows = new Map<string, (number | undefined)[]>();
  for (const [index, { answer }] of answered.entries())
    for (const { metric, points } of answer) {
      const row = rows.get(metric[label]) ?? new Array<number | undefined>(columns.length).fill(undefined);
      row[index] = points[0][1];
      rows.set(metric[label], row);
    }
  const width = (w - 260) / columns.length;
  const right = (index: number) => x + 260 + width * (index + 1) - 10;
  const head = columns.map(([, name], index) =>
    text(right(index), y + 8, name, { size: 11, anchor: 'end', weight: 'bold' }),
  );
  const order = panel.title === 'Objectives' ? 1 : -1;
  const body = [...rows]
    .toSorted(([, a], [, b]) => order * ((a[0] ?? 0) - (b[0] ?? 0)))
    .flatMap(([name, values], line) => [
      text(x, y + 30 + 22 * line, name, { size: 12 }),
      ...values.map((value, index) => {
        const shown = value === undefined || Number.isNaN(value) ? '–' : inUnit(panel, value, columns[index][1]);
        return text(right(index), y + 30 + 22 * line, shown, { size: 12, anchor: 'end' });
      }),
    ]);
  return [text(x, y + 8, key, { size: 11, weight: 'bold' }), ...head, ...body].join('');
}

function inUnit({ fieldConfig }: Panel, value: number, column?: string): string {
  const override = fieldConfig?.overrides.find(({ matcher }) => matcher.options === column)?.properties ?? [];
  const { unit = '', decimals } = {
    ...fieldConfig?.defaults,
    ...Object.fromEntries(override.map(({ id, value: set }) => [id, set])),
  } as { unit?: string; decimals?: number };
  const number = (amount: number, digits: number) => amount.toFixed(decimals ?? digits);
  if (unit === 'percentunit') return `${number(100 * value, 1)} %`;
  if (unit === 's') return value < 1 ? `${(1000 * value).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(2)} s`;
  if (unit === 'ops') return `${number(value, 2)} ops/s`;
  if (unit === 'opm') return `${number(value, 0)} ops/min`;
  return number(value, Math.abs(value) < 10 ? 2 : 0);
}

function stepColor({ fieldConfig }: Panel, value: number): string {
  const steps = fieldConfig?.defaults.thresholds?.steps ?? [];
  return NAMED[steps.findLast(({ value: from }) => from === null || value >= from)?.color ?? 'blue'] ?? '#333';
}

function fixedColor({ fieldConfig }: Panel, name: string, index: number): string {
  const color = fieldConfig?.overrides
    .find(({ matcher }) => matcher.options === name)
    ?.properties.find(({ id }) => id === 'color')?.value as { fixedColor?: string } | undefined;
  return NAMED[color?.fixedColor ?? ''] ?? COLORS[index % COLORS.length];
}

interface TextStyle {
  readonly size?: number;
  readonly anchor?: 'middle' | 'end';
  readonly weight?: 'bold';
  readonly fill?: string;
}

function text(
  x: number,
  y: number,
  content: string,
  { size = 12, anchor, weight, fill = '#222' }: TextStyle = {},
): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const style = `font-size="${size}"${anchor ? ` text-anchor="${anchor}"` : ''}${weight ? ` font-weight="${weight}"` : ''}`;
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${style} fill="${fill}">${escaped}</text>`;
}
