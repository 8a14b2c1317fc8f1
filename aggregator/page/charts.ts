/** Pictures of numbers: SVG that needs no script. Each has its numbers beside it as text; colour never stands alone. */
import { html } from 'hono/html';
import { moment } from './format.ts';

export type Markup = ReturnType<typeof html>;

/** How good a value is: also a word and a sign wherever it is shown. */
export type Tone = 'good' | 'warn' | 'bad' | 'none';

export const SIGNS: Readonly<Record<Tone, string>> = { good: '✓', warn: '!', bad: '✕', none: '–' };

export interface Point {
  readonly unixSeconds: number;
  /** null where nothing happened. */
  readonly value: number | null;
}

/** As answers have them: `[[unix seconds, value or null], …]`. */
export interface Series {
  readonly step_seconds: number;
  readonly points: readonly (readonly [number, number | null])[];
}

const GAUGE_RADIUS = 80;

export interface GaugeOptions {
  /** null where there is none. */
  readonly value: number | null;
  readonly max: number;
  /** Upper ends of bands, rising, with their tones; the last reaches `max`. */
  readonly bands: readonly { readonly to: number; readonly tone: Tone }[];
  /** What stands in the middle. */
  readonly text: string;
  readonly tone: Tone;
  readonly label: string;
  /** Follows the numbers between two bands, such as ` %`. */
  readonly unit?: string;
}

/** A half circle with bands, and a hand where there is a value. */
export function gauge({ value, max, bands, text, tone, label, unit = '' }: GaugeOptions): Markup {
  let from = 0;
  const arcs = bands.map((band) => {
    const arc = html`<path class="band ${band.tone}" d="${arcPath(from / max, band.to / max)}"/>`;
    from = band.to;
    return arc;
  });
  const share = value === null ? undefined : Math.min(1, Math.max(0, value / max));
  const limits = bands.slice(0, -1).map(({ to }) => limitText(to / max, `${to}${unit}`));
  return html`<svg class="gauge tone-${tone}" viewBox="-24 -6 248 114" role="img" aria-label="${label}">
    ${arcs} ${limits}
    ${share === undefined ? '' : hand(share)}
    <text x="100" y="96" class="gauge-text">${text}</text>
  </svg>`;
}

/** Where one band ends and the next begins, outside of both. */
function limitText(share: number, text: string): Markup {
  const [x, y] = onArc(share, GAUGE_RADIUS + 14);
  const anchor = share < 0.45 ? 'end' : share > 0.55 ? 'start' : 'middle';
  return html`<text class="tick" x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${text}</text>`;
}

function hand(share: number): Markup {
  // Across the band, so that it never meets the number in the middle.
  const [x, y] = onArc(share, GAUGE_RADIUS + 12);
  const [innerX, innerY] = onArc(share, GAUGE_RADIUS - 12);
  return html`<line class="hand" x1="${fixed(innerX)}" y1="${fixed(innerY)}" x2="${fixed(x)}" y2="${fixed(y)}"/>`;
}

function onArc(share: number, radius: number): [x: number, y: number] {
  const angle = Math.PI * (1 - share);
  return [100 + radius * Math.cos(angle), 100 - radius * Math.sin(angle)];
}

function arcPath(from: number, to: number): string {
  const [x1, y1] = onArc(from, GAUGE_RADIUS);
  const [x2, y2] = onArc(to, GAUGE_RADIUS);
  return `M${fixed(x1)} ${fixed(y1)}A${GAUGE_RADIUS} ${GAUGE_RADIUS} 0 0 1 ${fixed(x2)} ${fixed(y2)}`;
}

/** A horizontal bar. @param share 0 to 1; what is below or above is cut, so the number must stand beside it */
export function bar(share: number, tone: Tone = 'none'): Markup {
  const width = fixed(Math.min(1, Math.max(0, share)) * 100);
  // Less than nothing must not look like a bar that waits to be filled.
  const ground = share < 0 ? 'bar-ground over' : 'bar-ground';
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="${ground}" width="100" height="8"/><rect class="bar-fill ${tone}" width="${width}" height="8"/>
  </svg>`;
}

const SPARK = { width: 160, height: 32, left: 0, top: 2 };

/**
 * A small line without axes; gaps stay gaps.
 * @param target a dashed line across, undefined without one
 * @param isShare whether values are percent near to 100, of which only the upper part is shown
 */
export function sparkline({ points }: Series, label: string, target?: number, isShare = false): Markup {
  const bounds = boundsOf([points], target === undefined ? [] : [target]);
  const lowest = Math.min(100, target ?? 100, ...points.flatMap(([, value]) => value ?? []));
  const shown = isShare ? { ...bounds, top: 100, bottom: Math.max(0, Math.floor(lowest / 10) * 10 - 10) } : bounds;
  const line =
    target === undefined ? '' : html`<path class="target" d="M0 ${fixed(yOf(target, shown, SPARK))}h${SPARK.width}"/>`;
  return html`<svg class="spark" viewBox="0 0 160 36" preserveAspectRatio="none" role="img" aria-label="${label}">${line}<path d="${linePath(points, shown, SPARK)}"/></svg>`;
}

/** Whether a series tells of anything at all. */
export function isSilent({ points }: Series): boolean {
  return points.every(([, value]) => (value ?? 0) === 0);
}

/**
 * A series of counts without its last step where that has not ended: half a step's events look like a fall.
 * @param nowMs Unix ms
 */
export function endedSteps({ step_seconds, points }: Series, nowMs: number): Series {
  const last = points.at(-1);
  const isOver = last === undefined || (last[0] + step_seconds) * 1000 <= nowMs;
  return { step_seconds, points: isOver ? points : points.slice(0, -1) };
}

export interface ChartOptions {
  readonly id: string;
  readonly title: string;
  /** What numbers are shown with, such as ` ms`. */
  readonly unit: string;
  readonly series: readonly { readonly label: string; readonly series: Series }[];
  /** Horizontal lines, such as a target. */
  readonly lines?: readonly { readonly label: string; readonly value: number }[];
  /** Whether each value stands for its step alone, such as a count of an hour; else they are joined. */
  readonly isBars?: boolean;
}

const WIDTH = 720;
const HEIGHT = 220;
const PLOT = { left: 68, top: 10, width: WIDTH - 78, height: HEIGHT - 40 };

/** A line chart over time with its table; the page's script puts a chart with a crosshair in its place. */
export function timeSeries(options: ChartOptions): Markup {
  const { id, title, unit, series, lines = [], isBars = false } = options;
  const all = series.map((each) => each.series.points);
  const bounds = boundsOf(
    all,
    lines.map((line) => line.value),
  );
  const paths = all.map((points, i) =>
    isBars
      ? html`<path class="bars bars-${i}" d="${barsPath(points, bounds)}"/>`
      : html`<path class="line line-${i}" d="${linePath(points, bounds, PLOT)}"/>`,
  );
  return html`<figure class="chart" id="${id}" data-chart="${chartData(options)}">
    <figcaption>${title}${legend(series, lines)}</figcaption>
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}; the table below has the numbers">
      ${axes(bounds, unit)} ${lines.map((line) => targetLine(line.value, bounds))} ${paths}
    </svg>
    ${chartTable(series, unit)}
  </figure>`;
}

function legend(series: ChartOptions['series'], lines: NonNullable<ChartOptions['lines']>): Markup {
  const names = series.map(({ label }, i) => html`<span class="key key-${i}">${label}</span>`);
  return html`<span class="legend">${names}${lines.map(({ label }) => html`<span class="key key-target">${label}</span>`)}</span>`;
}

/** What the script draws from: columns, as uPlot takes them. */
function chartData({ unit, series, lines = [], isBars = false }: ChartOptions): string {
  const times = series[0]?.series.points.map(([unixSeconds]) => unixSeconds) ?? [];
  const columns = series.map(({ series: { points } }) => points.map(([, value]) => value));
  return JSON.stringify({ unit, labels: series.map(({ label }) => label), lines, isBars, data: [times, ...columns] });
}

function chartTable(series: ChartOptions['series'], unit: string): Markup {
  const rows = (series[0]?.series.points ?? []).flatMap(([unixSeconds], i) => {
    const values = series.map((each) => each.series.points[i]?.[1] ?? null);
    if (values.every((value) => value === null)) return [];
    const cells = values.map((value) => html`<td class="num">${value === null ? '–' : `${value}${unit}`}</td>`);
    return [html`<tr><th scope="row">${moment(unixSeconds * 1000)}</th>${cells}</tr>`];
  });
  const heads = series.map(({ label }) => html`<th scope="col" class="num">${label}</th>`);
  return html`<details><summary>Numbers</summary><div class="scroll" tabindex="0" role="region" aria-label="Numbers of the chart"><table>
    <thead><tr><th scope="col">Time</th>${heads}</tr></thead><tbody>${rows}</tbody>
  </table></div></details>`;
}

interface Bounds {
  readonly from: number;
  readonly to: number;
  /** Above 0. */
  readonly top: number;
  readonly bottom: number;
}

function boundsOf(all: readonly Series['points'][], further: readonly number[] = []): Bounds {
  const times = all.flatMap((points) => points.map(([unixSeconds]) => unixSeconds));
  const values = [...all.flatMap((points) => points.flatMap(([, value]) => value ?? [])), ...further];
  const top = niceTop(Math.max(0, ...values));
  const lowest = Math.min(0, ...values);
  return { from: Math.min(...times), to: Math.max(...times), top, bottom: lowest < 0 ? -niceTop(-lowest) : 0 };
}

/** 1, 2 or 5 times a power of ten, at or above the value. */
function niceTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value * 0.999) as number;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function xOf(unixSeconds: number, { from, to }: Bounds, { left, width }: Box): number {
  return left + (to > from ? ((unixSeconds - from) / (to - from)) * width : width / 2);
}

function yOf(value: number, { top, bottom }: Bounds, box: Box): number {
  return box.top + box.height - ((value - bottom) / (top - bottom)) * box.height;
}

/** A lone point between gaps is a dot: a line of some length, which a round cap makes visible. */
function linePath(points: Series['points'], bounds: Bounds, box: Box): string {
  let isDown = false;
  return points
    .map(([unixSeconds, value], i) => {
      if (value === null) {
        isDown = false;
        return '';
      }
      const at = `${fixed(xOf(unixSeconds, bounds, box))} ${fixed(yOf(value, bounds, box))}`;
      const step = `${isDown ? 'L' : 'M'}${at}`;
      const isAlone = !isDown && (points[i + 1]?.[1] ?? null) === null;
      isDown = true;
      return isAlone ? `${step}h0.01` : step;
    })
    .join('');
}

/** Bars from the ground up, one a step, with a gap between them. */
function barsPath(points: Series['points'], bounds: Bounds): string {
  const width = (PLOT.width / Math.max(1, points.length)) * 0.8;
  return points
    .map(([unixSeconds, value]) => {
      const y = yOf(value ?? 0, bounds, PLOT);
      const x = xOf(unixSeconds, bounds, { ...PLOT, left: PLOT.left + width / 2, width: PLOT.width - width });
      return `M${fixed(x - width / 2)} ${fixed(y)}h${fixed(width)}V${PLOT.top + PLOT.height}h${fixed(-width)}z`;
    })
    .join('');
}

function axes(bounds: Bounds, unit: string): Markup {
  const steps = [0, 0.5, 1].map((share) => bounds.bottom + (bounds.top - bounds.bottom) * share);
  const rows = steps.map((value) => {
    const y = fixed(yOf(value, bounds, PLOT));
    return html`<path class="gridline" d="M${PLOT.left} ${y}h${PLOT.width}"/><text class="tick" x="${PLOT.left - 6}" y="${y}" text-anchor="end" dominant-baseline="middle">${Number(value.toPrecision(3))}${unit}</text>`;
  });
  if (!Number.isFinite(bounds.from)) return html`${rows}`;
  const isOne = bounds.from === bounds.to;
  const times = isOne ? [bounds.from] : [bounds.from, (bounds.from + bounds.to) / 2, bounds.to];
  const anchors = isOne ? ['middle'] : ['start', 'middle', 'end'];
  const marks = times.map(
    (unixSeconds, i) =>
      html`<text class="tick" x="${fixed(xOf(unixSeconds, bounds, PLOT))}" y="${HEIGHT - 8}" text-anchor="${anchors[i]}">${moment(unixSeconds * 1000).slice(5, 16)}</text>`,
  );
  return html`${rows}${marks}`;
}

function targetLine(value: number, bounds: Bounds): Markup {
  return html`<path class="target" d="M${PLOT.left} ${fixed(yOf(value, bounds, PLOT))}h${PLOT.width}"/>`;
}

/** Two digits after the point are finer than any screen. */
function fixed(value: number): string {
  return String(Math.round(value * 100) / 100);
}
