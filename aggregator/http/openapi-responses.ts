/** What the OpenAPI document says about answers: their headers, the shape of bodies, and the errors. */
import { z } from 'zod';
import { type ErrorCode, errorTable } from './errors.ts';
import type { Examples, JsonObject } from './examples.ts';
import { EVENT_STREAM } from './stream.ts';

/** What stands in every JSON answer beside what the report says. */
export const common = {
  timestamp: z.iso.datetime().describe('When the answer was computed, UTC.'),
  correlation_id: z.string().describe('The same as X-Correlation-ID.'),
};

/** The JSON Schema of what the service sends. Fields are added freely, so an unknown one is never forbidden. */
export function jsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'output',
    override: ({ jsonSchema: made }) => {
      if (made.additionalProperties === false) delete made.additionalProperties;
      if (made.prefixItems !== undefined) evenOut(made);
    },
  });
  return rest as JsonObject;
}

/**
 * A tuple as a list of that length, whose items may be any of its parts: `prefixItems` is new in JSON Schema 2020-12,
 * and generators of clients and testers (Schemathesis 4 is one) make a schema of it that they then refuse.
 */
function evenOut(made: Schema): void {
  const { prefixItems = [] } = made;
  const types = [...new Set(prefixItems.flatMap((part) => typesOf(part as Schema)))];
  delete made.prefixItems;
  Object.assign(made, { items: { type: types }, minItems: prefixItems.length, maxItems: prefixItems.length });
}

type Schema = z.core.JSONSchema.BaseSchema;

function typesOf({ anyOf, type }: Schema): readonly string[] {
  return anyOf?.flatMap((part) => typesOf(part as Schema)) ?? [type ?? []].flat();
}

export const responseHeaders: JsonObject = {
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
export function headersOf(content: JsonObject, isReport: boolean): JsonObject {
  const isCached = isReport && !(EVENT_STREAM in content);
  return headerReferences(['X-Correlation-ID', 'X-Request-Duration-Ms', ...(isCached ? ['X-Cache-Status'] : [])]);
}

const errorCode = z.enum(Object.keys(errorTable) as [ErrorCode, ...ErrorCode[]]);

export const errorSchema = jsonSchema(
  z.object({ error: z.object({ code: errorCode, message: z.string(), ...common }) }),
);

export const problemSchema = jsonSchema(
  z
    .object({ type: z.string(), title: errorCode, status: z.int(), detail: z.string(), code: errorCode, ...common })
    .describe('RFC 9457, where `Accept` prefers it.'),
);

/** Both forms of every error as they were once really sent, by the names that `errorResponse` refers to. */
export function errorExamples({ errors }: Examples): JsonObject {
  return Object.fromEntries(
    Object.entries(errors).flatMap(([code, { error, problem }]) => [
      [code, { value: error }],
      [problemName(code), { value: problem }],
    ]),
  );
}

/** An answer with one of the errors, which all have the same status. */
export function errorResponse(codes: readonly ErrorCode[]): JsonObject {
  const { status } = errorTable[codes[0]];
  const waits = status === 429 || status === 503;
  const examples = (nameOf: (code: string) => string) =>
    Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${nameOf(code)}` }]));
  return {
    description: codes.map((code) => `${code}: ${errorTable[code].message}`).join(' '),
    headers: headerReferences(['X-Correlation-ID', 'X-Request-Duration-Ms', ...(waits ? ['Retry-After'] : [])]),
    content: {
      'application/json': { schema: { $ref: '#/components/schemas/Error' }, examples: examples((code) => code) },
      'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, examples: examples(problemName) },
    },
  };
}

const problemName = (code: string): string => `${code}.problem`;
