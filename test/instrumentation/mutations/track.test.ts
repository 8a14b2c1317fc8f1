import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MutationInstrumentation, trackMutation } from '../../../instrumentation/mutations/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { executors, graphql16, makeSchema, PaymentDeclined } from './fixture.ts';

let instrumentation: MutationInstrumentation;
let telemetry: MemoryTelemetry;

beforeEach(() => {
  instrumentation = new MutationInstrumentation();
  telemetry = startMemoryTelemetry(instrumentation);
});
afterEach(() => telemetry.stop());

const mutations = async (): Promise<string[]> =>
  (await telemetry.points('vigil.mutation.duration')).flatMap(({ attributes: a, value }) =>
    Array<string>(value).fill(
      [a['vigil.mutation.name'], a['vigil.mutation.outcome'], a['error.type']].filter(Boolean).join(' '),
    ),
  );

describe('without a hook', () => {
  it('counts a result, now or later, and an error, thrown or rejected, and hands each on', async () => {
    const error = new PaymentDeclined('no');
    expect(trackMutation('Now', (a: number, b: number) => a + b)(1, 2)).toBe(3);
    const promise = Promise.resolve(7);
    expect(trackMutation('Later', () => promise)()).toBe(promise);
    expect(
      trackMutation('Throws', () => {
        throw error;
      }),
    ).toThrow(error);
    await expect(trackMutation('Rejects', () => Promise.reject(error))()).rejects.toBe(error);
    expect(await mutations()).toEqual([
      'Now success',
      'Throws failure PaymentDeclined',
      'Later success',
      'Rejects failure PaymentDeclined',
    ]);
    expect(telemetry.spans().map(({ name }) => name)).toEqual([
      'mutation Now',
      'mutation Throws',
      'mutation Later',
      'mutation Rejects',
    ]);
    expect(await telemetry.points('vigil.graphql.requests')).toEqual([]);
  });

  it('keeps this and every argument', () => {
    const host = {
      given: [] as unknown[],
      method: trackMutation('Method', function (this: { given: unknown[] }, ...args: unknown[]) {
        this.given = args;
      }),
    };
    host.method(1, null, undefined, 'four', 5);
    expect(host.given).toEqual([1, null, undefined, 'four', 5]);
  });

  it('just calls while no instrumentation runs', async () => {
    instrumentation.disable();
    expect(trackMutation('Off', () => 1)()).toBe(1);
    instrumentation.enable();
    expect(await mutations()).toEqual([]);
  });

  it('counts a resolver of an executor that no hook knows, once, with its complexity', async () => {
    const schema = makeSchema(graphql16);
    const resolve = trackMutation('Insert', async () => ({ id: 1 }));
    schema.getMutationType()!.getFields()['atOnce']!.resolve = trackMutation('Outer', resolve);
    // No patch was applied to this one.
    await graphql16.execute({ schema, document: graphql16.parse('mutation { atOnce { id child { id } } }') });
    expect(await mutations()).toEqual(['Outer success']);
    expect((await telemetry.points('vigil.mutation.complexity')).map(({ sum }) => sum)).toEqual([4]);
  });
});

describe.each(executors)('where $name is hooked', (executor) => {
  it('leaves root fields to the hook, however deep the tracked resolver sits', async () => {
    const execute = executor.observed(instrumentation);
    const schema = makeSchema(executor.graphql);
    const fields = schema.getMutationType()!.getFields();
    const tracked = trackMutation('Mine', fields['later']!.resolve!);
    fields['atOnce']!.resolve = tracked;
    fields['later']!.resolve = async (...args) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      return tracked(...args);
    };
    const root = { fromRoot: trackMutation('Root', async (..._args: unknown[]) => ({ id: 3 })) };
    const document = executor.graphql.parse(
      'mutation { fromRoot { id } later { id } atOnce { id } again: fromRoot { id } }',
    );
    await execute({ schema, document, rootValue: root });
    expect((await mutations()).sort()).toEqual([
      'atOnce success',
      'fromRoot success',
      'fromRoot success',
      'later success',
    ]);
  });

  it('counts below the root, where no hook reaches', async () => {
    const execute = executor.observed(instrumentation);
    const schema = makeSchema(executor.graphql);
    const item = schema.getType('Item') as import('graphql').GraphQLObjectType;
    item.getFields()['child']!.resolve = trackMutation('ItemChild', () => ({ id: 4 }));
    await execute({ schema, document: executor.graphql.parse('mutation { atOnce { child { id } } }') });
    expect((await mutations()).sort()).toEqual(['ItemChild success', 'atOnce success']);
  });
});
