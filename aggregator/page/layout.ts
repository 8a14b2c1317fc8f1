/** The frame that every page stands in. */
import { html, raw } from 'hono/html';
import { type Markup, SIGNS, type Tone } from './charts.ts';
import { ago, list } from './format.ts';

/** Windows that a page can show, in the order of the chooser. */
export const WINDOWS = [
  { id: '15m', minutes: 15, name: '15 minutes' },
  { id: '1h', minutes: 60, name: '1 hour' },
  { id: '6h', minutes: 360, name: '6 hours' },
  { id: '24h', minutes: 1440, name: '24 hours' },
  { id: '7d', minutes: 10_080, name: '7 days' },
  { id: '30d', minutes: 43_200, name: '30 days' },
] as const;

export type WindowId = (typeof WINDOWS)[number]['id'];

export const DEFAULT_WINDOW: WindowId = '1h';

/** What was chosen, as the address has it. */
export interface Choice {
  /** The path below which the pages stand, without its closing slash; '' where they have the service to themselves. */
  readonly base: string;
  readonly window: WindowId;
  readonly service: string | undefined;
}

/** Where the data stands: that of the chosen service, where it is known when it last sent, else all of it. */
export interface Freshness {
  /** Seconds since the newest point was measured, or came from the chosen service; undefined before the first. */
  readonly ageSeconds: number | undefined;
  /** The chosen service, where that is its own; undefined where it is of all services. */
  readonly sender: string | undefined;
  readonly services: readonly string[];
  /** Why no new data is taken. */
  readonly refusing: string | undefined;
}

/** Files of the page, under addresses that change with what they hold. */
export interface Assets {
  readonly css: string;
  readonly script: string;
  readonly chartCss: string;
  readonly chartScript: string;
}

export interface Frame {
  readonly title: string;
  /** Path of the page below the base, for the navigation. */
  readonly path: string;
  readonly choice: Choice;
  readonly freshness: Freshness;
  readonly assets: Assets;
  /** Windows that the store can answer. */
  readonly windows: readonly WindowId[];
  /** What else of the address stays when something is chosen, by name; nothing when absent. */
  readonly kept?: Readonly<Record<string, string>>;
}

const PAGES = [
  { path: '/', name: 'Overview' },
  { path: '/mutations/', name: 'Mutations' },
  { path: '/tasks/', name: 'Tasks' },
  { path: '/security/', name: 'Security' },
  { path: '/objectives/', name: 'Objectives' },
] as const;

/**
 * Two exports of the SDK's own default interval of 60 s, and time for one to arrive: whoever sends at that interval is
 * never called stale between two of them. Half of what `TELEMETRY_STOPPED_SECONDS` waits before somebody is told.
 */
export const STALE_SECONDS = 150;

/** The address of a page with what was chosen; what stands at its default is left out. */
export function addressOf(
  path: string,
  { base, window, service }: Choice,
  further: Record<string, string> = {},
): string {
  const query = new URLSearchParams({
    ...(window === DEFAULT_WINDOW ? {} : { window }),
    ...(service === undefined ? {} : { service }),
    ...further,
  }).toString();
  return query === '' ? base + path : `${base}${path}?${query}`;
}

/** The whole document. */
export function renderDocument(frame: Frame, main: Markup): Markup {
  const { title, assets, choice, path } = frame;
  return html`<!doctype html>
<html lang="en">
<head>
  ${head(title, assets)}
  <script src="${assets.script}" type="module" data-chart-script="${assets.chartScript}"></script>
</head>
<body data-service="${choice.service ?? ''}">
  <a class="skip" href="#main">Skip to the content</a>
  <header class="top">
    <a class="brand" href="${addressOf('/', choice)}">Vigil</a>
    <nav aria-label="Pages">${PAGES.map((page) => navigationLink(page, path, choice))}</nav>
    ${choosers(frame)}
    <form method="post" action="${choice.base}/sign-out" class="sign-out"><button>Sign out</button></form>
  </header>
  ${renderMain(frame, main)}
  <footer>Fed by OpenTelemetry. <a href="${choice.base}/docs/">API</a> · <a href="${choice.base}/openapi.json">openapi.json</a></footer>
</body>
</html>`;
}

/** The part that is fetched anew when something arrived. */
export function renderMain({ title, freshness }: Frame, main: Markup): Markup {
  return html`<main id="main" data-title="${title}">${freshnessLine(freshness)}${main}</main>`;
}

/** A document without navigation, for those who are not signed in. */
export function renderBare(title: string, assets: Assets, main: Markup): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
  ${head(title, assets)}
</head>
<body><main id="main" class="bare">${main}</main></body>
</html>`;
}

function head(title: string, { css, chartCss }: Assets): Markup {
  return html`<meta charset="utf-8">
  <title>${title} · Vigil</title>
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <meta name="robots" content="noindex">
  <link rel="icon" href="${ICON}">
  <link rel="stylesheet" href="${chartCss}">
  <link rel="stylesheet" href="${css}">`;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M1 8c3-5 11-5 14 0-3 5-11 5-14 0z' fill='%232563a8'/%3E%3Ccircle cx='8' cy='8' r='2.6' fill='white'/%3E%3C/svg%3E";

function navigationLink(page: { path: string; name: string }, path: string, choice: Choice): Markup {
  const isHere = page.path === '/' ? path === '/' : path.startsWith(page.path);
  const current = isHere ? raw(path === page.path ? 'aria-current="page"' : 'aria-current="true"') : '';
  return html`<a href="${addressOf(page.path, choice)}" ${current}>${page.name}</a>`;
}

function choosers({ choice, freshness: { services }, path, windows, kept = {} }: Frame): Markup {
  const offered = WINDOWS.filter(({ id }) => windows.includes(id));
  const known =
    choice.service === undefined || services.includes(choice.service) ? services : [choice.service, ...services];
  const selected = (is: boolean) => (is ? raw('selected') : '');
  return html`<form class="choosers" method="get" action="${choice.base}${path}">${hiddenFields(Object.entries(kept))}
    <label>Window <select name="window">${offered.map(
      ({ id, name }) => html`<option value="${id}" ${selected(id === choice.window)}>${name}</option>`,
    )}</select></label>
    <label>Service <select name="service">
      <option value="">All services</option>
      ${known.map((name) => html`<option value="${name}" ${selected(name === choice.service)}>${name}</option>`)}
    </select></label>
    <button data-without-script>Show</button>
  </form>`;
}

/** What a form sends beside what is typed or chosen. */
export function hiddenFields(fields: Iterable<readonly [name: string, value: string]>): Markup {
  return html`${[...fields].map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}

function freshnessLine({ ageSeconds, sender, services, refusing }: Freshness): Markup {
  const senders = sender ?? list(services);
  const [tone, text] =
    ageSeconds === undefined
      ? (['none', 'No data has arrived yet.'] as const)
      : ageSeconds > STALE_SECONDS
        ? (['warn', `Stale: the newest data is from ${ago(ageSeconds)}. Sent by ${senders}.`] as const)
        : (['good', `Newest data ${ago(ageSeconds)}, from ${senders}.`] as const);
  const overloaded = refusing === undefined ? '' : html` ${mark('bad', `New data is refused: ${refusing}`)}`;
  return html`<p class="freshness" id="freshness" data-live>${mark(tone, text)}${overloaded}
    <span class="connection" id="connection" role="status"></span></p>`;
}

/** A sign and words in a tone. */
export function mark(tone: Tone, text: string | Markup): Markup {
  return html`<span class="mark ${tone}"><span class="sign" aria-hidden="true">${SIGNS[tone]}</span> ${text}</span>`;
}

/** A box with a heading; it is replaced alone when its content changes. */
export function card(
  id: string,
  heading: string | Markup,
  content: Markup,
  width: 'wide' | 'half' | 'third' = 'third',
): Markup {
  return html`<section class="card ${width}" id="${id}" data-live aria-labelledby="${id}-heading">
    <h2 id="${id}-heading">${heading}</h2>${content}
  </section>`;
}

/** A number with what it is. */
export function figure(name: string, value: string | Markup, tone: Tone = 'none', note?: string): Markup {
  return html`<div class="figure tone-${tone}"><dt>${name}</dt><dd>${value}${note === undefined ? '' : html`<small>${note}</small>`}</dd></div>`;
}

export function figures(items: readonly Markup[]): Markup {
  return html`<dl class="figures">${items}</dl>`;
}

export interface Column {
  readonly heading: string;
  readonly isNumber?: boolean;
  /** Left out where the screen is narrow: what the row links to has it, too. */
  readonly isDetail?: boolean;
  /** Where a click on the heading leads, and how the table is sorted by it now. */
  readonly sort?: { readonly href: string; readonly direction: 'ascending' | 'descending' | undefined };
}

/**
 * A table that scrolls alone where it is too large; its first column names the row.
 * @param narrow what becomes of many columns on a narrow screen: `stacked` puts them below the row's name
 */
export function table(
  label: string,
  columns: readonly Column[],
  rows: readonly (readonly (string | Markup)[])[],
  narrow: 'scrolled' | 'stacked' = 'scrolled',
): Markup {
  const heads = columns.map((column) => {
    const { heading, sort } = column;
    const link = sort === undefined ? heading : html`<a href="${sort.href}">${heading}</a>`;
    const sorted = sort?.direction === undefined ? '' : raw(`aria-sort="${sort.direction}"`);
    return html`<th scope="col" class="${classOf(column)}" ${sorted}>${link}</th>`;
  });
  const body = rows.map(
    (cells) =>
      html`<tr>${cells.map((cell, i) =>
        i === 0
          ? html`<th scope="row">${cell}</th>`
          : html`<td class="${classOf(columns[i])}" data-heading="${columns[i].heading}">${cell}</td>`,
      )}</tr>`,
  );
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="${narrow}">
    <thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function classOf({ isNumber, isDetail }: Column): string {
  return [isNumber ? 'num' : '', isDetail ? 'detail' : ''].filter(Boolean).join(' ');
}

/** A name that, where it has to, breaks between its words: `Update051Entity`, `send_email`. */
export function breakable(name: string): Markup {
  const parts = name.split(/(?<=[\p{Ll}\d])(?=\p{Lu})|(?<=[_./:-])/u);
  return html`${parts.map((part, i) => (i === 0 ? part : html`<wbr>${part}`))}`;
}

/** What stands where there is nothing to show. */
export function nothing(text: string | Markup): Markup {
  return html`<p class="nothing">${text}</p>`;
}
