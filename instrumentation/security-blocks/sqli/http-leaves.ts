/** The values of an HTTP request, read from what every framework has: the address as it came, the headers, the parsed body. */
import type { Walk } from './leaves.ts';

export interface HttpParts {
  /** Path and query, as they came in. */
  readonly url: string;
  readonly header: (name: string) => string | readonly string[] | undefined;
  /** As a body parser has left it; undefined where there is none. */
  readonly body?: unknown;
}

/** Walks over path, query, body, cookies, and the headers that are named. */
export function walkHttp(walk: Walk, { url, header, body }: HttpParts, headers: readonly string[]): void {
  walkQuery(walk, url);
  walkBody(walk, body);
  walkCookies(walk, header('cookie'));
  for (const name of headers) walk.over('header', name.toLowerCase(), header(name));
  walkPath(walk, url);
}

function walkQuery(walk: Walk, url: string): void {
  const mark = url.indexOf('?');
  if (mark < 0) return;
  const end = url.indexOf('#', mark);
  for (const [name, value] of new URLSearchParams(url.slice(mark + 1, end < 0 ? undefined : end))) {
    if (walk.ended) return;
    if (!isGraphqlDocument(name, value)) walk.over('query', name, value);
  }
}

function walkPath(walk: Walk, url: string): void {
  const path = /^[^?#]*/.exec(url)![0];
  let position = 0;
  for (const segment of path.split('/', 64)) {
    if (walk.ended) return;
    if (segment !== '') walk.over('path', `${++position}`, decode(segment));
  }
}

/** Of a GraphQL request the document is none of ours; its literals and variables are the GraphQL plugins'. */
function walkBody(walk: Walk, body: unknown): void {
  if (typeof body !== 'object' || body === null || ArrayBuffer.isView(body)) return;
  if (Array.isArray(body)) {
    for (const one of body) walkBody(walk, one);
    return;
  }
  for (const [name, value] of Object.entries(body)) {
    if (walk.ended) return;
    if (!isGraphqlDocument(name, value)) walk.over('body', name, value);
  }
}

const DOCUMENT =
  /^[\s,\ufeff]*(?:#[^\n]*\n[\s,]*)*(?:\{[\s,]*[_a-zA-Z.#]|(?:query|mutation|subscription|fragment)\b[^{]*\{)/;

function isGraphqlDocument(name: string, value: unknown): boolean {
  return name === 'query' && typeof value === 'string' && value.includes('}') && DOCUMENT.test(value.slice(0, 4096));
}

function walkCookies(walk: Walk, header: string | readonly string[] | undefined): void {
  const text = typeof header === 'string' ? header : header?.join(';');
  for (const pair of text?.split(';') ?? []) {
    if (walk.ended) return;
    const equals = pair.indexOf('=');
    if (equals > 0) walk.over('cookie', pair.slice(0, equals).trim(), decode(pair.slice(equals + 1).trim()));
  }
}

/** What is not encoded rightly stays as it is. */
function decode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
