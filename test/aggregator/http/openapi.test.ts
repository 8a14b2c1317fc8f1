import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AnswerError, createClient } from '../../../aggregator/http/client.ts';
import { endpoints } from '../../../aggregator/http/endpoints.ts';
import { errorTable } from '../../../aggregator/http/errors.ts';
import { EXAMPLES_FILE, examplesText, makeExamples } from '../../support/api-examples.ts';
import { createReadSide, NOW_MS, READ_KEY } from '../../support/read-side.ts';

interface MediaType {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly $ref: string }>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly schema: { readonly maximum?: number } }[];
  readonly security: readonly unknown[];
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, MediaType>> }>>;
}

interface ApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>;
    readonly examples: Readonly<Record<string, { readonly value: unknown }>>;
  };
}

let read: Promise<ApiDocument> | undefined;

/** Asked for once: it is the same for every test, and it takes a while to make. */
function readDocument(): Promise<ApiDocument> {
  read ??= askForDocument();
  return read;
}

async function askForDocument(): Promise<ApiDocument> {
  const answer = await createReadSide().app.request('/openapi.json');
  expect(answer.status).toBe(200);
  return (await answer.json()) as ApiDocument;
}

/** A schema of the document, as something that judges a body. */
function judge(schema: object): z.ZodType {
  return z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
}

test('the document needs no key, and names every path that is served', async () => {
  const { openapi, paths } = await readDocument();
  expect(openapi).toBe('3.1.0');
  const { app } = createReadSide();
  for (const path of Object.keys(paths).filter((each) => !each.includes('{'))) {
    const answer = await app.request(path, { headers: { 'X-Monitoring-API-Key': READ_KEY } });
    expect([path, answer.status]).toEqual([path, 200]);
    await answer.body?.cancel();
  }
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(endpoints.flatMap((row) => [row.path, ...row.aliases])));
  const ids = Object.values(paths).map(({ get }) => get.operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

const windows = endpoints.flatMap(({ path, window }) => (window === undefined ? [] : [[path, window.unit] as const]));
test.each(windows)('%s: the longest window of the document is the longest that is answered', async (path, unit) => {
  const { paths } = await readDocument();
  const longest = paths[path].get.parameters.find(({ name }) => name === 'window')?.schema.maximum as number;
  const { get } = createReadSide();
  expect((await get(`${path}?window=${longest}`)).status).toBe(200);
  expect((await get(`${path}?window=${longest + 1}`)).status).toBe(400);
  expect(longest).toBe(35 * 24 * (unit === 'minutes' ? 60 : 1));
});

describe.each(endpoints.map((row) => row.path))('%s', (path) => {
  test('a real answer fits its schema, and one without a promised field does not', async () => {
    const { paths } = await readDocument();
    const schema = judge(paths[path].get.responses['200'].content['application/json'].schema);
    const { get: ask, store } = createReadSide();
    const get = (asked: string) => ask(asked.replace('{id}', 'mutation-success'));
    store.add({ name: 'LoginUser', seconds: 0.1, atMs: NOW_MS, complexity: 3 }, 5);
    const body = (await (await get(path)).json()) as Record<string, unknown>;
    expect(() => schema.parse(body)).not.toThrow();
    expect(() => schema.parse({ ...body, a_field_of_tomorrow: 1 })).not.toThrow();
    for (const name of Object.keys(body)) {
      const { [name]: _, ...rest } = body;
      expect(schema.safeParse(rest).success, name).toBe(false);
    }
  });

  test('every error that can come is in the document', async () => {
    const { paths } = await readDocument();
    const documented = Object.keys(paths[path].get.responses);
    const { app, get: ask } = createReadSide();
    const get = (asked: string, headers?: Record<string, string>) => ask(asked.replace('{id}', 'nothing'), headers);
    const answers = [
      await app.request(path),
      await get(`${path}?window=0`),
      await get(path, { Accept: 'text/html' }),
      await get(path),
    ];
    for (const { status } of answers) expect(documented).toContain(String(status));
  });
});

test('the schema of errors takes the errors that are sent, in both forms', async () => {
  const answer = await createReadSide().app.request('/openapi.json');
  const { components } = (await answer.json()) as { components: { schemas: Record<'Error' | 'Problem', object> } };
  const { app } = createReadSide();
  const plain = await (await app.request('/nowhere')).json();
  const problem = await (await app.request('/nowhere', { headers: { Accept: 'application/problem+json' } })).json();
  expect(() => judge(components.schemas.Error).parse(plain)).not.toThrow();
  expect(() => judge(components.schemas.Problem).parse(problem)).not.toThrow();
  expect(judge(components.schemas.Error).safeParse(problem).success).toBe(false);
  const codes = JSON.stringify(components.schemas.Error);
  for (const code of Object.keys(errorTable)) expect(codes).toContain(code);
});

describe('the examples', () => {
  test('are what is answered now: run npm run generate', async () => {
    const isFresh = readFileSync(EXAMPLES_FILE, 'utf8') === examplesText(await makeExamples());
    expect(isFresh).toBe(true);
  });

  test('stand at every media type of every answer, and fit its schema', async () => {
    const { paths } = await readDocument();
    for (const [path, { get }] of Object.entries(paths))
      for (const [type, { schema, example }] of Object.entries(get.responses['200'].content)) {
        if (path === '/openapi.json') continue;
        expect(example, `${path} ${type}`).toBeDefined();
        expect(() => judge(schema).parse(example), `${path} ${type}`).not.toThrow();
      }
  });

  test('stand at every error, in both forms, and fit their schemas', async () => {
    const { paths, components } = await readDocument();
    for (const [path, { get }] of Object.entries(paths))
      for (const [status, { content }] of Object.entries(get.responses)) {
        if (status === '200') continue;
        for (const [type, form] of Object.entries({
          'application/json': 'Error',
          'application/problem+json': 'Problem',
        })) {
          const names = Object.values(content[type].examples ?? {}).map(({ $ref }) => $ref.split('/').at(-1) as string);
          expect(names.length, `${path} ${status} ${type}`).toBeGreaterThan(0);
          for (const name of names)
            expect(() => judge(components.schemas[form]).parse(components.examples[name].value), name).not.toThrow();
        }
      }
  });
});

describe('the client', () => {
  const connect = (key?: string) => {
    const { app, store } = createReadSide();
    const client = createClient({
      url: 'http://127.0.0.1:8000',
      key,
      fetch: async (url, init) => app.request(url.slice('http://127.0.0.1:8000'.length), init),
    });
    return { client, store };
  };

  test('asks what it is told and gives what was answered', async () => {
    const { client, store } = connect(READ_KEY);
    store.add({ name: 'LoginUser', seconds: 0.1, atMs: NOW_MS, service: 'shop' }, 3);
    store.add({ name: 'LoginUser', seconds: 0.1, atMs: NOW_MS, service: 'other' }, 4);
    const answer = await client.get('/monitoring/graphql/mutations/', { window: 5, service: 'shop' });
    expect(answer.statistics.total_mutations).toBe(3);
    expect(answer).toMatchObject({ window_minutes: 5, timestamp: new Date(NOW_MS).toISOString() });
  });

  test('says why the service refused', async () => {
    const refusal = await connect('a-wrong-key')
      .client.get('/monitoring/graphql/mutations/')
      .catch((error) => error);
    expect(refusal).toBeInstanceOf(AnswerError);
    expect(refusal).toMatchObject({ status: 403, code: 'INVALID_API_KEY', correlationId: expect.any(String) });
  });

  test('something else than the service answered', async () => {
    const client = createClient({ url: 'http://x', fetch: async () => new Response('<h1>502</h1>', { status: 502 }) });
    const refusal = await client.get('/monitoring/graphql/mutations/').catch((error) => error);
    expect(refusal).toMatchObject({ name: 'AnswerError', status: 502, code: undefined, message: 'answered 502' });
  });
});
