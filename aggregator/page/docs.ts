/** The reader of the OpenAPI document: the same document, for people. */
import { html } from 'hono/html';
import type { Markup } from './charts.ts';
import { mark, table } from './layout.ts';

/** As much of an OpenAPI document as is shown. */
export interface ApiDocument {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, { readonly get: ApiOperation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
  };
}

interface ApiOperation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly unknown[];
  readonly parameters: readonly Parameter[];
  readonly responses: Readonly<Record<string, ApiResponse>>;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly description?: string;
  readonly schema: Schema;
}

interface MediaType {
  readonly schema: Schema;
  readonly example?: unknown;
  /** By the name of an error. */
  readonly examples?: Readonly<Record<string, { readonly $ref: string }>>;
}

interface ApiResponse {
  readonly description: string;
  readonly content?: Readonly<Record<string, MediaType>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly additionalProperties?: Schema | boolean;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** @param base see `Choice` */
export function renderDocs(document: ApiDocument, base: string): Markup {
  const operations = Object.entries(document.paths).map(([path, { get }]) => ({ path, ...get }));
  return html`<h1>${document.info.title}</h1>
  <p class="lead">${withCode(document.info.description)}</p>
  <p><a href="${base}/openapi.json">openapi.json</a> is the same for machines.</p>
  <nav class="contents" aria-label="Contents"><ul>${operations.map(({ path, operationId }) => html`<li><a href="#${operationId}"><code>${path}</code></a></li>`)}</ul></nav>
  ${document.tags.map(({ name, description }) => {
    const own = operations.filter(({ tags }) => tags[0] === name);
    return own.length === 0
      ? ''
      : html`<h2 class="tag">${name}</h2><p class="lead">${description}</p>${own.map(renderOperation)}`;
  })}
  ${renderErrors(document)}`;
}

/** A text of Markdown that knows nothing but code between backticks. */
function withCode(text: string): Markup {
  return html`${text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))}`;
}

/** Every error once, in both of its forms: all paths have the same ones. */
function renderErrors({ components: { examples } }: ApiDocument): Markup {
  return html`<h2 class="tag" id="errors">Errors</h2>
  <p class="lead">An error has a code that never changes, words for people, and the id that the service’s log has it under. With <code>Accept: application/problem+json</code> it is a problem of RFC 9457.</p>
  <section class="card operation" aria-labelledby="errors">${Object.entries(examples).map(([name, { value }]) =>
    renderExample(html`<code>${name}</code>`, value),
  )}</section>`;
}

function renderOperation({ path, ...operation }: ApiOperation & { readonly path: string }): Markup {
  const { operationId, summary, parameters, responses, security } = operation;
  return html`<section class="card operation" id="${operationId}" aria-labelledby="${operationId}-heading">
    <h3 id="${operationId}-heading"><code>GET ${path}</code></h3>
    <p>${summary} ${security.length === 0 ? mark('none', 'No key is needed.') : ''}</p>
    ${parameters.length === 0 ? '' : html`<h4>Parameters</h4>${parameterTable(operationId, parameters)}`}
    <h4>Answers</h4>
    ${table(
      `Answers of ${operationId}`,
      [{ heading: 'Status' }, { heading: 'Meaning' }, { heading: 'Media types' }],
      Object.entries(responses).map(([status, { description, content = {} }]) => [
        status,
        description,
        Object.keys(content).join(', '),
      ]),
    )}
    ${Object.entries(responses['200']?.content ?? {}).map(([type, content]) => renderContent(type, content))}
  </section>`;
}

function parameterTable(operationId: string, parameters: readonly Parameter[]): Markup {
  const rows = parameters.map(({ name, in: place, description, schema }) => [
    html`<code>${name}</code>`,
    place,
    typeOf(schema),
    schema.default === undefined ? '' : String(schema.default),
    description ?? '',
  ]);
  const headings = ['Name', 'In', 'Type', 'Default', 'Meaning'];
  return table(
    `Parameters of ${operationId}`,
    headings.map((heading) => ({ heading })),
    rows,
  );
}

function renderContent(type: string, { schema, example }: MediaType): Markup {
  const fields =
    schema.properties === undefined
      ? ''
      : html`<details><summary>Fields of <code>${type}</code></summary>${fieldList(schema)}</details>`;
  return html`${fields}${example === undefined ? '' : renderExample(html`Example of <code>${type}</code>`, example)}`;
}

function renderExample(summary: Markup, example: unknown): Markup {
  return html`<details><summary>${summary}</summary><pre tabindex="0"><code>${inLines(example)}</code></pre></details>`;
}

/** JSON with one field a line, but a pair of numbers, of which a series has many, in one. */
function inLines(example: unknown): string {
  if (typeof example === 'string') return example.trimEnd();
  const text = JSON.stringify(example, undefined, 2);
  return text.replaceAll(/\[\n\s+(\d+),\n\s+(null|-?[\d.]+)\n\s+\]/g, '[$1, $2]');
}

function fieldList(schema: Schema): Markup {
  return html`<ul class="fields">${Object.entries(schema.properties ?? {}).map(
    ([name, field]) =>
      html`<li><code>${name}</code> <span class="type">${typeOf(field)}</span> ${field.description ?? ''}${inner(field)}</li>`,
  )}</ul>`;
}

/** What stands inside an object, a list's items, or the part of a union that is not null. */
function inner(schema: Schema): Markup | string {
  if (schema.properties !== undefined) return fieldList(schema);
  if (schema.items !== undefined) return inner(schema.items);
  const object = schema.anyOf?.find(({ properties }) => properties !== undefined);
  return object === undefined ? '' : fieldList(object);
}

function typeOf(schema: Schema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array') return schema.items === undefined ? 'list' : `list of ${typeOf(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `${typeOf(schema.additionalProperties)} by name`;
  if (schema.type === 'integer' && schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER)
    return `integer, ${schema.minimum ?? 0} to ${schema.maximum}`;
  return schema.type === undefined ? 'any' : [schema.type].flat().join(' or ');
}
