/**
 * The OpenAPI 3.1 document, made from what answers are made from: the table of endpoints, their schemas, and the table of
 * errors. Nothing in it is written twice, so it cannot say something else than the service does.
 */
import { z } from 'zod';
import { type Endpoint, endpoints } from './endpoints.ts';
import { type ErrorCode, errorTable } from './errors.ts';
import { OPENMETRICS_TEXT, PROMETHEUS_TEXT } from './negotiation.ts';
import { longestWindow } from './parameters.ts';

/** A JSON value of the document. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined };
type JsonObject = Exclude<Json, string | number | boolean | null | readonly Json[]>;

/** One path that is read with GET and HEAD. */
export interface Operation {
  /** With its closing slash where it has one; parts in braces are parameters. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: Tag;
  readonly parameters: readonly JsonObject[];
  /** What a 200 may hold, by media type. */
  readonly content: JsonObject;
  readonly errors: readonly ErrorCode[];
  /** Whether a key is needed. */
  readonly guarded: boolean;
}

export interface DocumentOptions {
  readonly retentionMs: number;
  readonly prometheusMetricsEnabled: boolean;
  /** Bodies that were once real, by path. */
  readonly examples: Readonly<Record<string, Json>>;
}

const tags = {
  Mutations: 'GraphQL mutations: how many, how they ended, how long they took.',
  Tasks: 'Background tasks: idempotency keys, duplicates, locks.',
  Security: 'Attacks and refusals.',
  Objectives: 'Objectives, recommendations and the first screen.',
  Operation: 'The service itself: the scrape, health, this document.',
} as const;

export type Tag = keyof typeof tags;

const VERSION = '0.1.0';

const SERVICE: JsonObject = {
  name: 'service',
  in: 'query',
  description: 'A `service.name`; all services together without it.',
  schema: { type: 'string', minLength: 1, maxLength: 256, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' },
};

const FORMAT: JsonObject = {
  name: 'format',
  in: 'query',
  description: 'With `prometheus` the answer is this path’s part of the Prometheus families, which ignore `window`.',
  schema: { type: 'string', enum: ['json', 'prometheus'], default: 'json' },
};

/** What every answer to a reader may be. */
const READING_ERRORS: readonly ErrorCode[] = ['INVALID_API_KEY', 'RATE_LIMITED', 'INTERNAL', 'UNAVAILABLE'];

const prometheusContent = (dialects: readonly string[]): JsonObject =>
  Object.fromEntries(dialects.map((type) => [type, { schema: { type: 'string' } }]));

/** @returns the document as a JSON value */
export function openApiDocument(options: DocumentOptions): JsonObject {
  const operations = [...endpoints.flatMap((row) => reportOperations(row, options)), ...ownOperations(options)];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Vigil aggregator',
      version: VERSION,
      description:
        'SLO status, threat score and recommendations from OpenTelemetry data. Data is sent to `POST /v1/metrics` and `POST /v1/traces` as OTLP/HTTP 1.x says. A path works with and without its closing slash, with GET and HEAD. Fields are added freely; those described here are never renamed or removed. Times are milliseconds and rates percent unless a field says otherwise.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(operations.map((operation) => [operation.path, pathItem(operation)])),
    components: {
      securitySchemes: {
        key: { type: 'apiKey', in: 'header', name: 'X-Monitoring-API-Key' },
        bearer: { type: 'http', scheme: 'bearer', description: 'The same key.' },
        session: { type: 'apiKey', in: 'cookie', name: 'vigil_session', description: 'Set by the sign-in page.' },
      },
      headers: responseHeaders,
      schemas: { Error: errorSchema, Problem: problemSchema },
    },
  };
}

function pathItem({ path, operationId, summary, tag, parameters, content, errors, guarded }: Operation): JsonObject {
  const byStatus = Map.groupBy(errors, (code) => String(errorTable[code].status));
  return {
    get: {
      operationId,
      summary,
      tags: [tag],
      ...(guarded ? { security: [{ key: [] }, { bearer: [] }, { session: [] }] } : { security: [] }),
      parameters: [...parameters, ...pathParametersOf(path)],
      responses: {
        200: { description: summary, headers: headersOf(content, guarded), content },
        ...Object.fromEntries([...byStatus].map(([status, codes]) => [status, errorResponse(codes)])),
      },
    },
  };
}

function pathParametersOf(path: string): JsonObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1, maxLength: 128, pattern: '^[A-Za-z0-9._-]+$' },
  }));
}

/** The endpoint and its aliases. */
function reportOperations(row: Endpoint, { retentionMs, examples }: DocumentOptions): Operation[] {
  const example = examples[row.path];
  const json = { schema: bodySchema(row), ...(example === undefined ? {} : { example }) };
  const isExposed = row.exposition.length > 0;
  return [row.path, ...row.aliases].map((path) => ({
    path,
    operationId: operationIdOf(path),
    summary: row.summary,
    tag: tagOf(row.path),
    parameters: [...windowParameter(row, retentionMs), ...(isExposed ? [FORMAT] : []), SERVICE],
    content: {
      'application/json': json,
      ...(isExposed ? prometheusContent([PROMETHEUS_TEXT, OPENMETRICS_TEXT]) : {}),
    },
    errors: [
      ...(row.window === undefined ? [] : (['INVALID_WINDOW'] as const)),
      'INVALID_FORMAT',
      'INVALID_PARAMETER',
      'NOT_ACCEPTABLE',
      ...(path.includes('{') ? (['NOT_FOUND'] as const) : []),
      ...READING_ERRORS,
    ],
    guarded: true,
  }));
}

function windowParameter({ window }: Endpoint, retentionMs: number): JsonObject[] {
  if (window === undefined) return [];
  const longest = longestWindow(window.unit, retentionMs);
  return [
    {
      name: 'window',
      in: 'query',
      description: `How many ${window.unit} back from now; widened to the whole minutes that it touches.`,
      schema: { type: 'integer', minimum: 1, maximum: longest, default: Math.min(window.defaultLength, longest) },
    },
  ];
}

function tagOf(path: string): Tag {
  if (path.startsWith('/monitoring/graphql/')) return 'Mutations';
  if (path.startsWith('/monitoring/celery/')) return 'Tasks';
  if (path.startsWith('/monitoring/security/')) return 'Security';
  return 'Objectives';
}

/** `/monitoring/graphql/mutations/` is `graphqlMutations`. */
function operationIdOf(path: string): string {
  const words = path.replace(/^\/(?:monitoring\/)?/, '').split(/[^A-Za-z0-9]+/);
  return words
    .filter((word) => word !== '')
    .map((word, i) => (i === 0 ? word : word[0].toUpperCase() + word.slice(1)))
    .join('');
}

/** What stands in every JSON answer beside what the report says. */
const common = {
  timestamp: z.iso.datetime().describe('When the answer was computed, UTC.'),
  correlation_id: z.string().describe('The same as X-Correlation-ID.'),
};

function bodySchema({ schema, window }: Endpoint): JsonObject {
  const told = window === undefined ? {} : { [`window_${window.unit}`]: z.int().min(1) };
  return jsonSchema(schema.extend({ ...common, ...told }));
}

/** The JSON Schema of what the service sends. Fields are added freely, so an unknown one is never forbidden. */
export function jsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'output',
    override: ({ jsonSchema: made }) => {
      if (made.additionalProperties === false) delete made.additionalProperties;
    },
  });
  return rest as JsonObject;
}

function ownOperations({ prometheusMetricsEnabled }: DocumentOptions): Operation[] {
  const scrape: Operation = {
    path: '/monitoring/metrics/prometheus/',
    operationId: 'metricsPrometheus',
    summary: 'All Prometheus families, as text 0.0.4, or as OpenMetrics 1.0 where it is asked for.',
    tag: 'Operation',
    parameters: [SERVICE],
    content: prometheusContent([PROMETHEUS_TEXT, OPENMETRICS_TEXT]),
    errors: ['INVALID_PARAMETER', 'NOT_ACCEPTABLE', ...READING_ERRORS],
    guarded: true,
  };
  const stream: Operation = {
    path: '/monitoring/stream/',
    operationId: 'stream',
    summary: 'Server-sent events `overview`: a snapshot whenever something arrived, a heartbeat comment every 15 s.',
    tag: 'Objectives',
    parameters: [SERVICE],
    content: { 'text/event-stream': { schema: { type: 'string' } } },
    errors: ['INVALID_PARAMETER', ...READING_ERRORS],
    guarded: true,
  };
  const open = (path: string, summary: string, content: JsonObject, errors: readonly ErrorCode[] = []): Operation => ({
    path,
    operationId: operationIdOf(path),
    summary,
    tag: 'Operation',
    parameters: [],
    content,
    errors: ['INTERNAL', ...errors],
    guarded: false,
  });
  const health = (shape: z.ZodRawShape): JsonObject => ({
    'application/json': { schema: jsonSchema(z.object({ ...shape, ...common })) },
  });
  return [
    stream,
    ...(prometheusMetricsEnabled ? [scrape] : []),
    open('/healthz', 'Whether the process is alive.', health({ status: z.literal('alive') })),
    open(
      '/readyz',
      'Whether it can answer, and whether it takes data.',
      health({ status: z.literal('ready'), takes_data: z.boolean() }),
      ['UNAVAILABLE'],
    ),
    open('/openapi.json', 'This document.', { 'application/json': { schema: { type: 'object' } } }),
  ];
}

const responseHeaders: JsonObject = {
  'X-Correlation-ID': {
    description: 'The trace id of the `traceparent` that came, else the id that came, else a new one.',
    schema: { type: 'string' },
  },
  'X-Request-Duration-Ms': { description: 'Time inside the service.', schema: { type: 'string' } },
  'X-Cache-Status': {
    description: 'Whether the answer was computed before.',
    schema: { type: 'string', enum: ['HIT', 'MISS'] },
  },
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'string' } },
};

function headerReferences(names: readonly string[]): JsonObject {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** Only what can be computed anew can be kept. */
function headersOf(content: JsonObject, isReport: boolean): JsonObject {
  const isCached = isReport && !('text/event-stream' in content);
  return headerReferences(['X-Correlation-ID', 'X-Request-Duration-Ms', ...(isCached ? ['X-Cache-Status'] : [])]);
}

const errorCode = z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]);

const errorSchema = jsonSchema(z.object({ error: z.object({ code: errorCode, message: z.string(), ...common }) }));

const problemSchema = jsonSchema(
  z
    .object({ type: z.string(), title: errorCode, status: z.int(), detail: z.string(), code: errorCode, ...common })
    .describe('RFC 9457, where `Accept` prefers it.'),
);

function errorResponse(codes: readonly ErrorCode[]): JsonObject {
  const { status } = errorTable[codes[0]];
  const waits = status === 429 || status === 503;
  const examples = Object.fromEntries(codes.map((code) => [code, { value: errorExample(code) }]));
  return {
    description: codes.map((code) => `${code}: ${errorTable[code].message}`).join(' '),
    headers: headerReferences(['X-Correlation-ID', 'X-Request-Duration-Ms', ...(waits ? ['Retry-After'] : [])]),
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/Error' }, examples },
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
    },
  };
}

function errorExample(code: ErrorCode): JsonObject {
  const { message } = errorTable[code];
  const correlation_id = '4bf92f3577b34da6a3ce929d0e0e4736';
  return { error: { code, message, correlation_id, timestamp: '2026-01-15T12:00:00.000Z' } };
}
