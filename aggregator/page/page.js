/**
 * What the page gains with a script: it shows new data without being loaded again, its charts get a crosshair, its
 * choosers need no button, and its table can be filtered. Without it everything can still be read.
 *
 * The stream says when something arrived; then the page's own main part is fetched, and only the sections whose content
 * changed are put in.
 */

/** Changes are shown at most this often. */
const REFRESH_MS = 1500;
/** After so long without a change the page looks by itself: data that no longer comes grows old without an event. */
const QUIET_MS = 20_000;
/** A page that nobody looks at waits until somebody does. */
const isSeen = () => document.visibilityState === 'visible';

const service = document.body.dataset.service;
const connection = () => document.getElementById('connection');

/** @type {'connecting' | 'live' | 'disconnected' | 'signed out'} */
let state = 'connecting';

/** When what is shown was true. */
let shownAt = new Date();

const WORDS = {
  connecting: () => '',
  live: () => 'Live.',
  disconnected: () => `Disconnected: these numbers are from ${shownAt.toLocaleTimeString()}. Trying again…`,
  'signed out': () => `Signed out: these numbers are from ${shownAt.toLocaleTimeString()}.`,
};

function show(next = state) {
  state = next;
  document.documentElement.dataset.connection = state;
  const element = connection();
  const words = WORDS[state]();
  if (element !== null && element.textContent !== words) element.textContent = words;
}

/* ---- new data ---- */

let isRefreshing = false;
let isWanted = false;
let lastMs = -Infinity;

let quiet;

async function refresh() {
  isWanted = true;
  clearTimeout(quiet);
  quiet = setTimeout(refresh, QUIET_MS);
  if (isRefreshing || !isSeen()) return;
  isRefreshing = true;
  try {
    while (isWanted && isSeen()) {
      const wait = lastMs + REFRESH_MS - performance.now();
      if (wait > 0) await new Promise((done) => setTimeout(done, wait));
      isWanted = false;
      lastMs = performance.now();
      await fetchMain();
    }
  } catch {
    // The stream tells of a service that is away, and of its return.
    isWanted = false;
  }
  isRefreshing = false;
}

async function fetchMain() {
  const response = await fetch(location.href, { headers: { 'X-Vigil-Part': 'main' }, redirect: 'manual' });
  if (response.type === 'opaqueredirect' || response.status === 403) return show('signed out');
  // What is gone says so on a page of its own; anything else is no page, and the numbers here grow old.
  const isPage = response.headers.get('content-type')?.startsWith('text/html') === true;
  if (!isPage) return show('disconnected');
  const text = await response.text();
  shownAt = new Date();
  const parsed = new DOMParser().parseFromString(text, 'text/html').getElementById('main');
  const main = document.getElementById('main');
  if (parsed === null || main === null) return;
  const fresh = [...parsed.querySelectorAll('[data-live]')];
  const shown = [...main.querySelectorAll('[data-live]')];
  const isAlike = fresh.length === shown.length && fresh.every((element, i) => element.id === shown[i].id);
  if (!isAlike) replaceAll(main, parsed);
  else for (const element of fresh) replaceSection(element);
  show();
}

/** Sections came or went: the empty page fills, an alert appears. */
function replaceAll(main, parsed) {
  main.replaceChildren(...parsed.childNodes);
  for (const section of main.querySelectorAll('[data-live]')) known.set(section.id, section.innerHTML);
  improve(main);
}

/** What the server last sent for each section: the script's own changes do not count. */
const known = new Map();

function replaceSection(fresh) {
  const shown = document.getElementById(fresh.id);
  if (shown === null || known.get(fresh.id) === fresh.innerHTML) return;
  known.set(fresh.id, fresh.innerHTML);
  const opened = [...shown.querySelectorAll('details')].map((details) => details.open);
  const scrolled = [...shown.querySelectorAll('.scroll')].map((box) => [box.scrollLeft, box.scrollTop]);
  const focused = shown.contains(document.activeElement) ? keyOf(document.activeElement) : undefined;
  const filters = [...shown.querySelectorAll('[data-filter]')].map((input) => input.value);
  shown.replaceChildren(...fresh.childNodes);
  shown.querySelectorAll('[data-filter]').forEach((input, i) => {
    input.value = filters[i] ?? '';
  });
  improve(shown);
  shown.querySelectorAll('details').forEach((details, i) => {
    details.open = opened[i] ?? false;
  });
  shown.querySelectorAll('.scroll').forEach((box, i) => {
    [box.scrollLeft, box.scrollTop] = scrolled[i] ?? [0, 0];
  });
  if (focused !== undefined) [...shown.querySelectorAll(FOCUSABLE)].find((each) => keyOf(each) === focused)?.focus();
}

const FOCUSABLE = 'a, summary, input, button, [tabindex]';

function keyOf(element) {
  return [element.tagName, element.getAttribute('href'), element.name, element.getAttribute('aria-label')].join();
}

/* ---- charts ---- */

let chartScript;

/** Loaded when the first chart is there. @returns the uPlot constructor */
function chartLibrary() {
  chartScript ??= new Promise((done, fail) => {
    const script = document.createElement('script');
    script.src = document.querySelector('[data-chart-script]').dataset.chartScript;
    script.onload = () => done(globalThis.uPlot);
    script.onerror = fail;
    document.head.append(script);
  });
  return chartScript;
}

const charts = new Set();
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Indices of points between gaps: a line has nothing to show of them. */
function lonePoints(values) {
  const isAt = (i) => values[i] !== null && values[i] !== undefined;
  return values.flatMap((_, i) => (isAt(i) && !isAt(i - 1) && !isAt(i + 1) ? [i] : []));
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });

/** Times of day where a day or less is shown, else days. */
function timeTicks(_, ticks) {
  const isWithinDay = ticks.length < 2 || ticks[ticks.length - 1] - ticks[0] <= 86_400;
  return ticks.map((seconds) => (isWithinDay ? clock : calendar).format(new Date(seconds * 1000)));
}

/** 1, 2 or 5 times a power of ten. */
const WHOLE_STEPS = Array.from({ length: 12 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

async function drawChart(figure) {
  const { unit, labels, lines, isBars, data } = JSON.parse(figure.dataset.chart);
  if (data[0].length < 2) return;
  const uPlot = await chartLibrary();
  const svg = figure.querySelector('svg');
  if (svg === null || !figure.isConnected) return;
  const place = document.createElement('div');
  place.className = 'plot';
  place.setAttribute('role', 'img');
  place.setAttribute('aria-label', svg.getAttribute('aria-label'));
  svg.replaceWith(place);
  const withLines = [...data, ...lines.map(({ value }) => data[0].map(() => value))];
  const signed = (value) => `${value}`.replace('-', '−');
  const number = (value) => `${signed(Number(value.toPrecision(4)))}${unit}`;
  // Without a crosshair there is no value to tell; where it stands, nothing may have happened.
  const told = (plot, value) => {
    if (plot.cursor.idx === null || plot.cursor.idx === undefined) return '';
    return value === null || value === undefined ? '–' : number(value);
  };
  const bars = isBars ? uPlot.paths.bars({ size: [0.8] }) : undefined;
  // Axes grow with the text around them, and a wide chart is higher.
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const size = () => {
    const width = Math.max(200, place.clientWidth);
    return { width, height: Math.round(Math.min(360, Math.max(200, width * 0.32))) };
  };
  // Counts have no halves.
  const isWhole = data.slice(1).every((values) => values.every((value) => value === null || Number.isInteger(value)));
  const axis = {
    stroke: () => colour('--muted'),
    grid: { stroke: () => colour('--grid'), width: 1 },
    ticks: { show: false },
    font: `${Math.round(rem * 0.75)}px system-ui, sans-serif`,
  };
  const options = {
    ...size(),
    legend: {
      live: true,
      markers: { width: 1, dash: (plot, i) => (plot.series[i].dash === undefined ? 'solid' : 'dashed') },
    },
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 1) * 1.1 || 1] } },
    axes: [
      { ...axis, size: rem * 2, gap: rem * 0.5, values: timeTicks },
      {
        ...axis,
        size: rem * 4.2,
        ...(isWhole ? { incrs: WHOLE_STEPS } : {}),
        values: (_, ticks) => ticks.map((tick) => `${signed(tick)}${unit}`),
      },
    ],
    series: [
      { value: (_, seconds) => (seconds === null ? '' : moment.format(new Date(seconds * 1000))) },
      ...labels.map((label, i) => ({
        label,
        stroke: () => colour(`--line-${i}`),
        fill: isBars ? () => colour(`--line-${i}`) : undefined,
        width: isBars ? 0 : 1.5,
        paths: bars,
        points: { show: !isBars, size: 5, filter: (plot, index) => lonePoints(plot.data[index]) },
        value: told,
      })),
      ...lines.map(({ label }) => ({
        label,
        stroke: () => colour('--bad'),
        dash: [6, 4],
        width: 1,
        points: { show: false },
        value: () => '',
      })),
    ],
  };
  const plot = new uPlot(options, withLines, place);
  const watcher = new ResizeObserver(() => {
    if (place.isConnected) plot.setSize(size());
  });
  watcher.observe(place);
  charts.add({ place, plot, watcher });
}

/** Charts whose place was replaced are let go. */
function forgetCharts() {
  for (const chart of charts) {
    if (chart.place.isConnected) continue;
    chart.watcher.disconnect();
    chart.plot.destroy();
    charts.delete(chart);
  }
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
  for (const { plot } of charts) plot.redraw();
});

/* ---- small things ---- */

let asking;
const TYPING_RESTS_MS = 700;

function filterRows(input) {
  const wanted = input.value.trim().toLowerCase();
  for (const row of input.closest('section').querySelectorAll('tbody tr'))
    row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
}

/** The service left out the rows without the text of the address: what does not hold it has to be asked for, once typing rests. */
function askForOthers(input) {
  clearTimeout(asking);
  const shown = input.dataset.filter.trim().toLowerCase();
  if (input.value.trim().toLowerCase().includes(shown)) return;
  asking = setTimeout(() => input.form.requestSubmit(), TYPING_RESTS_MS);
}

function improve(root) {
  forgetCharts();
  for (const element of root.querySelectorAll('[data-without-script]')) element.hidden = true;
  for (const input of root.querySelectorAll('[data-filter]')) {
    input.addEventListener('input', () => {
      filterRows(input);
      askForOthers(input);
    });
    if (input.value !== '') filterRows(input);
  }
  for (const figure of root.querySelectorAll('figure[data-chart]')) void drawChart(figure).catch(() => undefined);
}

/** What is not chosen stays out of the address. */
document.addEventListener('formdata', ({ formData }) => {
  for (const [name, value] of [...formData]) if (value === '') formData.delete(name);
});

for (const form of document.querySelectorAll('.choosers')) form.addEventListener('change', () => form.requestSubmit());

for (const section of document.querySelectorAll('[data-live]')) known.set(section.id, section.innerHTML);
improve(document);

const stream = new EventSource(`/monitoring/stream/${service === '' ? '' : `?service=${encodeURIComponent(service)}`}`);
quiet = setTimeout(refresh, QUIET_MS);
stream.addEventListener('open', () => show('live'));
stream.addEventListener('overview', () => {
  show('live');
  void refresh();
});
stream.addEventListener('error', () => {
  show('disconnected');
  // What cannot be opened again by itself, such as after an answer of 503, is tried by loading the page.
  if (stream.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 10_000);
});
document.addEventListener('visibilitychange', () => {
  if (isSeen() && isWanted) void refresh();
});
