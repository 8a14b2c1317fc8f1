/** One schema, and every executor that a hook exists for in this process. */
import { createRequire } from 'node:module';
import type * as graphql from 'graphql';
import type { MutationInstrumentation } from '../../../instrumentation/mutations/index.ts';

/** Everything is loaded as Node loads it: the test runner would give each importer another copy of graphql. */
const require = createRequire(import.meta.url);

/** What is used of the `graphql` package, in both majors. */
export type GraphqlModule = Pick<
  typeof graphql,
  'buildSchema' | 'parse' | 'execute' | 'GraphQLError' | 'GraphQLSchema' | 'subscribe' | 'validate'
>;

export interface Answer {
  data?: Record<string, unknown> | null;
  errors?: readonly { message: string; path?: readonly unknown[] }[];
}

export interface ExecutorArgs {
  schema: graphql.GraphQLSchema;
  document: graphql.DocumentNode;
  rootValue?: unknown;
  contextValue?: unknown;
  variableValues?: Record<string, unknown>;
  operationName?: string;
  fieldResolver?: graphql.GraphQLFieldResolver<unknown, unknown>;
}

/** An executor with the graphql it runs on; `patch` gives the observed function, `bare` the one before any patch. */
export interface ExecutorUnderTest {
  readonly name: string;
  readonly graphql: GraphqlModule;
  bare(args: ExecutorArgs): unknown;
  observed(instrumentation: MutationInstrumentation): (args: ExecutorArgs) => unknown;
}

/** The exports of a module file after an instrumentation's patch, applied as its registration would. */
export function patched<Exports extends object>(
  instrumentation: MutationInstrumentation,
  module: string,
  file: string | undefined,
  exports: Exports,
): Exports {
  const definition = instrumentation.getModuleDefinitions().find((one) => one.name === module);
  const patcher = file === undefined ? definition : definition?.files.find((one) => one.name === file);
  if (patcher?.patch === undefined) throw new Error(`no patch for ${file ?? module}`);
  return patcher.patch({ ...exports }) as Exports;
}

export const graphql17 = require('graphql') as GraphqlModule;
export const graphql16 = require('graphql-16') as GraphqlModule;
const executeFile = require('graphql-16/execution/execute.js') as { execute(args: ExecutorArgs): unknown };
const tools = require('@graphql-tools/executor') as {
  execute(args: ExecutorArgs): unknown;
  normalizedExecutor(args: ExecutorArgs): unknown;
};

const given = (rootValue: unknown, contextValue: unknown, variableValues: ExecutorArgs['variableValues']) => ({
  rootValue,
  contextValue,
  ...(variableValues === undefined ? {} : { variableValues }),
});

export const executors: readonly ExecutorUnderTest[] = [
  {
    name: 'graphql 17',
    graphql: graphql17,
    bare: graphql17.execute,
    observed: () => graphql17.execute,
  },
  {
    name: 'graphql 16',
    graphql: graphql16,
    bare: executeFile.execute,
    observed: (instrumentation) =>
      patched(instrumentation, 'graphql', 'graphql/execution/execute.js', executeFile).execute,
  },
  {
    // The compiler itself is met in test/peers; here the hook around it, with an executor that it does not know within.
    name: 'graphql-jit',
    graphql: graphql16,
    bare: executeFile.execute,
    observed: (instrumentation) => (args) => {
      const compiler = {
        compileQuery: (schema: graphql.GraphQLSchema, document: graphql.DocumentNode) => ({
          query: (root: unknown, context: unknown, variables: ExecutorArgs['variableValues']) =>
            executeFile.execute({ ...args, schema, document, ...given(root, context, variables) }),
        }),
      };
      const { compileQuery } = patched(instrumentation, 'graphql-jit', undefined, compiler);
      return compileQuery(args.schema, args.document).query(args.rootValue, args.contextValue, args.variableValues);
    },
  },
  {
    name: '@graphql-tools/executor execute',
    graphql: graphql17,
    bare: tools.execute,
    observed: (instrumentation) => patched(instrumentation, '@graphql-tools/executor', undefined, tools).execute,
  },
  {
    name: '@graphql-tools/executor normalizedExecutor',
    graphql: graphql17,
    bare: tools.normalizedExecutor,
    observed: (instrumentation) =>
      patched(instrumentation, '@graphql-tools/executor', undefined, tools).normalizedExecutor,
  },
];

export class PaymentDeclined extends Error {}

const typeDefs = /* GraphQL */ `
  type Item { id: Int, broken: Int, mandatory: Int!, child: Item }
  type Query { item: Item, failing: Item }
  type Subscription { ticks: Int, refused: Int }
  type Mutation {
    atOnce(id: Int): Item
    later(id: Int): Item
    throws: Item
    rejects: Item
    returnsError: Item
    resolvesError: Item
    throwsText: Item
    coded: Item
    required: Item!
    needs(n: Int!): Item
    fromRoot: Item
    lazy: Item
    hangs: Item
  }
`;

/** How long `later` takes, in milliseconds. */
export const LATER_MS = 20;

const item = { id: 1, child: { id: 2 }, mandatory: null, broken: () => Promise.reject(new RangeError('below')) };

/** Counts how often each lazy thenable was started. */
export const lazyStarts = { count: 0 };

const lazyItem = (): object => ({
  // biome-ignore lint/suspicious/noThenProperty: query builders are made like this
  then(onFulfilled: (value: unknown) => unknown, onRejected: (error: unknown) => unknown) {
    lazyStarts.count++;
    return Promise.resolve(item).then(onFulfilled, onRejected);
  },
});

/** A new schema each time, so that no test sees resolvers that another one has wrapped. */
export function makeSchema({ buildSchema, GraphQLError }: GraphqlModule): graphql.GraphQLSchema {
  const schema = buildSchema(typeDefs);
  const resolvers: Record<string, () => unknown> = {
    atOnce: () => item,
    later: () => new Promise((resolve) => setTimeout(resolve, LATER_MS, item)),
    throws: () => {
      throw new PaymentDeclined('card 4111');
    },
    rejects: () => Promise.reject(new TypeError('later')),
    returnsError: () => new PaymentDeclined('returned'),
    resolvesError: async () => new PaymentDeclined('resolved'),
    throwsText: () => {
      throw 'just text';
    },
    coded: () => {
      throw new GraphQLError('no', { extensions: { code: 'QUOTA_EXCEEDED' } });
    },
    required: () => Promise.reject(new PaymentDeclined('required')),
    needs: () => item,
    lazy: lazyItem,
    hangs: () => new Promise(() => {}),
  };
  const fields = schema.getMutationType()!.getFields();
  for (const [name, resolve] of Object.entries(resolvers)) fields[name]!.resolve = resolve;
  schema.getQueryType()!.getFields()['item']!.resolve = () => item;
  schema.getQueryType()!.getFields()['failing']!.resolve = () => Promise.reject(new Error('query'));
  const subscriptions = schema.getSubscriptionType()!.getFields();
  subscriptions['ticks']!.subscribe = async function* () {
    yield { ticks: 1 };
    yield { ticks: 2 };
  };
  subscriptions['refused']!.subscribe = () => Promise.reject(new Error('subscription'));
  return schema;
}

/** The value that default resolvers read `fromRoot` from. */
export const rootValue = { fromRoot: (): object => item };
