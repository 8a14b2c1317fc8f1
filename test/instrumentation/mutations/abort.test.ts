import { createRequire } from 'node:module';
import type { ExecutionArgs } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MutationInstrumentation } from '../../../instrumentation/mutations/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { graphql17, makeSchema, patched } from './fixture.ts';

const require = createRequire(import.meta.url);
type Graphql = typeof import('graphql');

let instrumentation: MutationInstrumentation;
let telemetry: MemoryTelemetry;

beforeEach(() => {
  instrumentation = new MutationInstrumentation();
  telemetry = startMemoryTelemetry(instrumentation);
});
afterEach(() => telemetry.stop());

const mutations = async (): Promise<unknown[]> =>
  (await telemetry.points('vigil.mutation.duration')).map(({ attributes: a, value }) => [
    a['vigil.mutation.name'],
    a['vigil.mutation.outcome'],
    a['error.type'],
    value,
  ]);

const requestAttributes = async (): Promise<unknown[]> =>
  (await telemetry.points('vigil.graphql.requests')).map(({ attributes }) => attributes);
const failedRequest = { 'graphql.operation.type': 'mutation', 'vigil.graphql.outcome': 'error' };

describe('an abort in graphql 17', () => {
  const text = 'mutation { atOnce { id } hangs { id } later { id } }';
  const execute = graphql17.execute;

  it('is the outcome of the field that had not settled; what settled before was a success', async () => {
    const abort = new AbortController();
    const document = graphql17.parse(text);
    const result = execute({ schema: makeSchema(graphql17), document, abortSignal: abort.signal });
    abort.abort();
    await expect(result).rejects.toThrow('This operation was aborted');
    expect(await mutations()).toEqual([
      ['atOnce', 'success', undefined, 1],
      ['hangs', 'aborted', 'AbortError', 1],
    ]);
    expect(telemetry.spans().map(({ name, status }) => [name, status.code])).toEqual([
      ['mutation atOnce', 0],
      ['mutation hangs', 0],
    ]);
    expect(await requestAttributes()).toEqual([failedRequest]);
  });

  it('has the class of its reason as error type, and is not undone by a late result', async () => {
    class Shutdown extends Error {}
    const abort = new AbortController();
    const schema = makeSchema(graphql17);
    const settle = Promise.withResolvers<object>();
    schema.getMutationType()!.getFields()['hangs']!.resolve = () => settle.promise;
    const document = graphql17.parse('mutation { hangs { id } }');
    const result = execute({ schema, document, abortSignal: abort.signal });
    abort.abort(new Shutdown('closing'));
    await expect(result).rejects.toThrow('closing');
    settle.resolve({});
    await settle.promise;
    expect(await mutations()).toEqual([['hangs', 'aborted', 'Shutdown', 1]]);
  });

  it('before anything ran is a failed request without mutations', async () => {
    const args = { schema: makeSchema(graphql17), document: graphql17.parse(text), abortSignal: AbortSignal.abort() };
    await expect(async () => await execute(args)).rejects.toThrow('This operation was aborted');
    expect(await mutations()).toEqual([]);
    expect(await requestAttributes()).toEqual([failedRequest]);
  });
});

it('lets @graphql-tools/executor finish the field it waits for when aborted: that was a success', async () => {
  type Execute = (args: ExecutionArgs & { signal: AbortSignal }) => Promise<unknown>;
  const tools = require('@graphql-tools/executor') as { execute: Execute };
  const { execute } = patched(instrumentation, '@graphql-tools/executor', undefined, tools);
  const abort = new AbortController();
  const document = graphql17.parse('mutation { first: later { id } second: later { id } }');
  const result = execute({ schema: makeSchema(graphql17), document, signal: abort.signal });
  abort.abort();
  await expect(result).rejects.toThrow('This operation was aborted');
  expect(await mutations()).toEqual([['later', 'success', undefined, 1]]);
  expect(await requestAttributes()).toEqual([failedRequest]);
});

it('judges an answer in parts by its first part', async () => {
  const { experimentalExecuteIncrementally, GraphQLDeferDirective, GraphQLSchema, specifiedDirectives } =
    require('graphql') as Graphql;
  const plain = makeSchema(graphql17).toConfig();
  const schema = new GraphQLSchema({ ...plain, directives: [...specifiedDirectives, GraphQLDeferDirective] });
  const document = graphql17.parse('mutation { a: atOnce { id broken } later { id ... @defer { child { id } } } }');
  const result = (await experimentalExecuteIncrementally({ schema, document })) as {
    subsequentResults: AsyncIterable<unknown>;
  };
  expect(await mutations()).toEqual([
    ['atOnce', 'partial', 'RangeError', 1],
    ['later', 'success', undefined, 1],
  ]);
  for await (const _ of result.subsequentResults);
  expect((await mutations()).length).toBe(2);
});
