import diagnostics_channel from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { channels, type GraphqlBlockedMessage } from '@vigil/semconv';
import type { DocumentNode } from 'graphql';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MutationInstrumentation } from '../../../instrumentation/mutations/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { type GraphqlModule, graphql16, graphql17, makeSchema, patched } from './fixture.ts';

const require = createRequire(import.meta.url);

let instrumentation: MutationInstrumentation;
let telemetry: MemoryTelemetry;

beforeEach(() => {
  instrumentation = new MutationInstrumentation();
  telemetry = startMemoryTelemetry(instrumentation);
});
afterEach(() => telemetry.stop());

async function requests(): Promise<Record<string, number>> {
  // Validation is counted at the end of the turn.
  await Promise.resolve();
  const points = await telemetry.points('vigil.graphql.requests');
  return Object.fromEntries(
    points.map(({ attributes: a, value }) => [`${a['graphql.operation.type']} ${a['vigil.graphql.outcome']}`, value]),
  );
}

interface Major {
  readonly name: string;
  readonly graphql: GraphqlModule;
  load(): Pick<GraphqlModule, 'parse' | 'validate' | 'subscribe'>;
}

function patched16(): ReturnType<Major['load']> {
  const file = (name: string): GraphqlModule =>
    patched(instrumentation, 'graphql', `graphql/${name}`, require(`graphql-16/${name}`) as GraphqlModule);
  return {
    parse: file('language/parser.js').parse,
    validate: file('validation/validate.js').validate,
    subscribe: file('execution/subscribe.js').subscribe,
  };
}

const majors: readonly Major[] = [
  { name: 'graphql 17', graphql: graphql17, load: () => graphql17 },
  { name: 'graphql 16', graphql: graphql16, load: patched16 },
];

describe.each(majors)('$name', ({ graphql, load }) => {
  it.each([
    ['mutation { a', 'mutation'],
    [' \n# a comment { query\n ,query Q { a', 'query'],
    ['{ a', 'query'],
    ['subscription S {', 'subscription'],
    ['mutationx {', 'unknown'],
    ['', 'unknown'],
    ['# only a comment', 'unknown'],
    [`${'#'.repeat(100_000)} {`, 'unknown'],
  ])('counts the unreadable text %# as one failed request of its type', async (text, type) => {
    const { parse } = load();
    expect(() => parse(text)).toThrow();
    expect(await requests()).toEqual({ [`${type} error`]: 1 });
  });

  it('counts no readable text: it has not been executed', async () => {
    load().parse('mutation { atOnce { id } }');
    expect(await requests()).toEqual({});
  });

  it.each([
    ['mutation { nothing }', 'mutation'],
    ['{ nothing }', 'query'],
    ['query A { nothing } mutation B { nothing }', 'unknown'],
  ])('counts an invalid document once: %s', async (text, type) => {
    expect(load().validate(makeSchema(graphql), graphql.parse(text)).length).toBeGreaterThan(0);
    expect(await requests()).toEqual({ [`${type} error`]: 1 });
  });

  it('counts no valid document', async () => {
    expect(load().validate(makeSchema(graphql), graphql.parse('{ item { id } }'))).toEqual([]);
    expect(await requests()).toEqual({});
  });

  it('counts a subscription once, whatever comes of its events', async () => {
    const { subscribe } = load();
    const schema = makeSchema(graphql);
    const document = graphql.parse('subscription { ticks }');
    const stream = (await subscribe({ schema, document })) as AsyncIterable<unknown>;
    const events: unknown[] = [];
    for await (const event of stream) events.push(event);
    expect(JSON.stringify(events)).toBe('[{"data":{"ticks":1}},{"data":{"ticks":2}}]');
    expect(await requests()).toEqual({ 'subscription ok': 1 });
  });

  it('counts a refused subscription once', async () => {
    const { subscribe } = load();
    const schema = makeSchema(graphql);
    await subscribe({ schema, document: graphql.parse('subscription { refused }') });
    await subscribe({ schema, document: graphql.parse('subscription ($a: Int!) { ticks }') });
    expect(await requests()).toEqual({ 'subscription error': 2 });
  });

  describe('blocked by somebody else', () => {
    const publish = (message: GraphqlBlockedMessage): void =>
      diagnostics_channel.channel(channels.graphqlBlocked).publish(message);

    it('counts as blocked, of an unknown type unless told', async () => {
      publish({});
      publish({ operationType: 'mutation' });
      expect(await requests()).toEqual({ 'unknown blocked': 1, 'mutation blocked': 1 });
    });

    it.each([
      undefined,
      'text',
      { operationType: 'MUTATION', document: 'mutation { a }' },
      { operationType: null, document: null },
    ])('takes %j as a blocked request, and the publisher never notices', async (message) => {
      const errors: unknown[] = [];
      const onError = (error: unknown): void => void errors.push(error);
      process.prependOnceListener('uncaughtException', onError);
      publish(message as GraphqlBlockedMessage);
      // A subscriber's error surfaces in the next turn.
      await new Promise((resolve) => setImmediate(resolve));
      process.off('uncaughtException', onError);
      expect(errors).toEqual([]);
      expect(await requests()).toEqual({ 'unknown blocked': 1 });
    });

    it('does not count the errors of a validation rule that blocked as a second request', async () => {
      const { validate } = load();
      const schema = makeSchema(graphql);
      const document: DocumentNode = graphql.parse('{ nothing }');
      // Whoever says so may look at the errors after us, or come from within the rules.
      validate(schema, document);
      publish({ operationType: 'query', document });
      await Promise.resolve();
      publish({ operationType: 'query', document });
      validate(schema, document);
      expect(await requests()).toEqual({ 'query blocked': 2 });
      validate(schema, document);
      expect(await requests()).toEqual({ 'query blocked': 2, 'query error': 1 });
    });
  });
});

it('counts subscriptions of @graphql-tools/executor once, through normalizedExecutor too', async () => {
  const tools = patched(
    instrumentation,
    '@graphql-tools/executor',
    undefined,
    require('@graphql-tools/executor') as Record<'normalizedExecutor' | 'subscribe', GraphqlModule['subscribe']>,
  );
  const schema = makeSchema(graphql17);
  for (const name of ['normalizedExecutor', 'subscribe'] as const) {
    const document = graphql17.parse('subscription { ticks }');
    const stream = (await tools[name]({ schema, document })) as AsyncIterable<unknown>;
    for await (const _ of stream);
    await tools[name]({ schema, document: graphql17.parse('subscription { refused }') });
  }
  expect(await requests()).toEqual({ 'subscription ok': 2, 'subscription error': 2 });
});
