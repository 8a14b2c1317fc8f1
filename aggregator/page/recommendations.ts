import { html } from 'hono/html';
import { durationInWords } from '../domain/words.ts';
import type { RecommendationBody } from '../reports/recommendations.ts';
import type { Markup, Tone } from './charts.ts';
import { count, decimal, milliseconds, percent, words } from './format.ts';
import { addressOf, type Choice, mark } from './layout.ts';

const TONES: Readonly<Record<RecommendationBody['level'], Tone>> = { critical: 'bad', warning: 'warn', info: 'good' };

/** A trace id, linked to the user's viewer where one is configured. @param template holds `{trace_id}` */
export function traceLink(traceId: string, template: string | undefined): Markup {
  const shown = html`<code>${traceId.slice(0, 8)}</code>`;
  if (template === undefined) return html`<code title="${traceId}">${traceId}</code>`;
  return html`<a href="${template.replace('{trace_id}', traceId)}" rel="noreferrer" title="${traceId}">${shown}</a>`;
}

export function traceLinks(traceIds: readonly string[], template: string | undefined): Markup {
  return html`<span class="traces">${traceIds.map((id) => traceLink(id, template))}</span>`;
}

/** The page that shows what an endpoint answers. */
const PAGES: readonly (readonly [endpoints: string, page: string])[] = [
  ['/monitoring/graphql/', '/mutations/'],
  ['/monitoring/celery/', '/tasks/'],
  ['/monitoring/tasks/', '/tasks/'],
  ['/monitoring/security/', '/security/'],
  ['/monitoring/slo/', '/objectives/'],
];

function pageOf(link: string, choice: Choice): string {
  const page = PAGES.find(([endpoints]) => link.startsWith(endpoints));
  return page === undefined ? link : addressOf(page[1], choice);
}

/** Each with what it was made from, what to do, and where to look. */
export function recommendationList(
  all: readonly RecommendationBody[],
  template: string | undefined,
  choice: Choice,
): Markup {
  return html`<ul class="recommendations">${all.map(
    (each) => html`<li class="tone-${toneOf(each)}">
      <p>${mark(toneOf(each), html`<strong>${each.level}</strong> ${each.message}`)}</p>
      ${each.action === NOTHING_TO_DO ? '' : html`<p class="action">${each.action}</p>`}
      <p class="evidence">${evidence(each)} ${traceLinks(each.evidence.trace_ids, template)} <a href="${pageOf(each.link, choice)}">${each.area}</a></p>
    </li>`,
  )}</ul>`;
}

/** News that is not good, such as silence, is not shown as good. */
function toneOf({ level, action }: RecommendationBody): Tone {
  return level === 'info' && action !== NOTHING_TO_DO ? 'none' : TONES[level];
}

/** The action of good news, which needs no line of its own. */
const NOTHING_TO_DO = 'Nothing to do.';

/** Percentiles have a small letter wherever they stand. */
function capital(text: string): string {
  return /^p\d/.test(text) ? text : text[0].toUpperCase() + text.slice(1);
}

const IN_UNITS = { percent, ms: milliseconds, count: decimal } as const;

/** With the window that it was read over, which need not be the page's. */
function evidence({ evidence }: RecommendationBody): string {
  const { signal, value, threshold, unit, source, events, window_seconds: seconds } = evidence;
  const window = seconds === 0 ? '' : ` in ${durationInWords(seconds)}`;
  const seen = events === 0 ? '' : `${count(events)} ${events === 1 ? 'event' : 'events'}${window}.`;
  if (signal === null || value === null || threshold === null || unit === null) return seen;
  const because = source === null ? '' : ` (${source})`;
  const told = IN_UNITS[unit];
  return `${capital(words(signal))}: ${told(value)}; line: ${told(threshold)}${because}. ${seen}`;
}
