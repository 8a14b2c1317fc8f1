/**
 * The OpenAPI 3.1 document, made from what answers are made from: the table of endpoints, their schemas, and the table of
 * errors. Nothing in it is written twice, so it cannot say something else than the service does.
 */
import { z } from 'zod';
import { type Endpoint, endpoints } from './endpoints.ts';
import { type ErrorCode, errorTable } from './errors.ts';
import type { Examples, Json, JsonObject } from './examples.ts';
import { OPENMETRICS_TEXT, PROMETHEUS_TEXT } from './negotiation.ts';
import {
  common,
  errorExamples,
  errorResponse,
  errorSchema,
  headersOf,
  jsonSchema,
  problemSchema,
  responseHeaders,
} from './openapi-responses.ts';
import { longestWindow } from './parameters.ts';
import { METRICS_PATH, STREAM_PATH } from './paths.ts';
import { EVENT_STREAM } from './stream.ts';

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
  /** The path below which health checks and this document stand, without its closing slash. */
  readonly pageBase: string;
  readonly examples: Examples;
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

const JSON_TYPE = 'application/json';

type Answers = Examples['answers'][string];

/** A media type's schema, with an answer that was once real where there is one. */
const mediaType = (schema: JsonObject, example: Json | undefined): JsonObject => ({
  schema,
  ...(example === undefined ? {} : { example }),
});

const prometheusContent = (answers: Answers): JsonObject =>
  Object.fromEntries(
    [PROMETHEUS_TEXT, OPENMETRICS_TEXT].map((type) => [type, mediaType({ type: 'string' }, answers[type])]),
  );

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
      examples: errorExamples(options.examples),
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
  const answers = examples.answers[row.path] ?? {};
  const isExposed = row.exposition.length > 0;
  return [row.path, ...row.aliases].map((path) => ({
    path,
    operationId: operationIdOf(path),
    summary: row.summary,
    tag: tagOf(row.path),
    parameters: [...windowParameter(row, retentionMs), ...(isExposed ? [FORMAT] : []), SERVICE],
    content: {
      [JSON_TYPE]: mediaType(bodySchema(row), answers[JSON_TYPE]),
      ...(isExposed ? prometheusContent(answers) : {}),
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

function bodySchema({ schema, window }: Endpoint): JsonObject {
  const told = window === undefined ? {} : { [`window_${window.unit}`]: z.int().min(1) };
  return jsonSchema(schema.extend({ ...common, ...told }));
}

/** One event as a reader of event streams gives it, which is what a schema of such a stream is held to. */
const eventSchema = jsonSchema(
  z.object({
    event: z.literal('overview'),
    id: z.string().describe('Rises, over restarts too.'),
    data: z.string().describe('What /monitoring/overview/ answers, without a correlation id, as JSON in one line.'),
  }),
);

function ownOperations({ prometheusMetricsEnabled, pageBase, examples }: DocumentOptions): Operation[] {
  const answerAt = (path: string, type: string): Json | undefined => examples.answers[path]?.[type];
  const scrape: Operation = {
    path: METRICS_PATH,
    operationId: 'metricsPrometheus',
    summary: 'All Prometheus families, as text 0.0.4, or as OpenMetrics 1.0 where it is asked for.',
    tag: 'Operation',
    parameters: [SERVICE],
    content: prometheusContent(examples.answers[METRICS_PATH] ?? {}),
    errors: ['INVALID_PARAMETER', 'NOT_ACCEPTABLE', ...READING_ERRORS],
    guarded: true,
  };
  const stream: Operation = {
    path: STREAM_PATH,
    operationId: 'stream',
    summary: 'Server-sent events `overview`: a snapshot whenever something arrived, a heartbeat comment every 15 s.',
    tag: 'Objectives',
    parameters: [SERVICE],
    content: { [EVENT_STREAM]: mediaType(eventSchema, answerAt(STREAM_PATH, EVENT_STREAM)) },
    errors: ['INVALID_PARAMETER', ...READING_ERRORS],
    guarded: true,
  };
  const open = (path: string, summary: string, content: JsonObject, errors: readonly ErrorCode[] = []): Operation => ({
    path: pageBase + path,
    operationId: operationIdOf(path),
    summary,
    tag: 'Operation',
    parameters: [],
    content,
    errors: ['INTERNAL', ...errors],
    guarded: false,
  });
  const health = (path: string, shape: z.ZodRawShape): JsonObject => ({
    [JSON_TYPE]: mediaType(jsonSchema(z.object({ ...shape, ...common })), answerAt(path, JSON_TYPE)),
  });
  return [
    stream,
    ...(prometheusMetricsEnabled ? [scrape] : []),
    open('/healthz', 'Whether the process is alive.', health('/healthz', { status: z.literal('alive') })),
    open(
      '/readyz',
      'Whether it can answer, and whether it takes data.',
      health('/readyz', { status: z.literal('ready'), takes_data: z.boolean() }),
      ['UNAVAILABLE'],
    ),
    open('/openapi.json', 'This document.', { [JSON_TYPE]: { schema: { type: 'object' } } }),
  ];
}
