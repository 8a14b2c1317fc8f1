import { context, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MutationInstrumentation } from '../../../instrumentation/mutations/index.ts';
import { type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { type Answer, executors, graphql16, LATER_MS, lazyStarts, makeSchema, rootValue } from './fixture.ts';

/** One expected mutation: name, outcome, and the error type where there is one. */
type Expected = readonly [name: string, outcome: string, errorType?: string];

interface Row {
  readonly what: string;
  readonly text: string;
  readonly variables?: Record<string, unknown>;
  readonly mutations: readonly Expected[];
  readonly request: readonly [type: string, outcome: string];
}

const ok = ['mutation', 'ok'] as const;
const failed = ['mutation', 'error'] as const;

const rows: readonly Row[] = [
  { what: 'a result at once', text: 'mutation { atOnce { id } }', mutations: [['atOnce', 'success']], request: ok },
  { what: 'a result later', text: 'mutation { later { id } }', mutations: [['later', 'success']], request: ok },
  {
    what: 'a client-chosen operation name',
    text: 'mutation Anything { atOnce { id } }',
    mutations: [['atOnce', 'success']],
    request: ok,
  },
  {
    what: 'a thrown error',
    text: 'mutation { throws { id } }',
    mutations: [['throws', 'failure', 'PaymentDeclined']],
    request: failed,
  },
  {
    what: 'a rejection',
    text: 'mutation { rejects { id } }',
    mutations: [['rejects', 'failure', 'TypeError']],
    request: failed,
  },
  {
    what: 'a returned error',
    text: 'mutation { returnsError { id } }',
    mutations: [['returnsError', 'failure', 'PaymentDeclined']],
    request: failed,
  },
  {
    what: 'an error resolved to',
    text: 'mutation { resolvesError { id } }',
    mutations: [['resolvesError', 'failure', 'PaymentDeclined']],
    request: failed,
  },
  {
    what: 'something thrown that is no error',
    text: 'mutation { throwsText { id } }',
    mutations: [['throwsText', 'failure', '_OTHER']],
    request: failed,
  },
  {
    what: 'extensions.code',
    text: 'mutation { coded { id } }',
    mutations: [['coded', 'failure', 'QUOTA_EXCEEDED']],
    request: failed,
  },
  {
    what: 'an error below',
    text: 'mutation { later { id broken } }',
    mutations: [['later', 'partial', 'RangeError']],
    request: failed,
  },
  {
    what: 'an error far below',
    text: 'mutation { atOnce { child { id child { id } } broken } }',
    mutations: [['atOnce', 'partial', 'RangeError']],
    request: failed,
  },
  {
    what: 'an error below that leaves nothing',
    text: 'mutation { atOnce { id mandatory } }',
    mutations: [['atOnce', 'failure', 'Error']],
    request: failed,
  },
  {
    what: 'aliases',
    text: 'mutation { a: atOnce { id } b: atOnce { id } c: throws { id } }',
    mutations: [
      ['atOnce', 'success'],
      ['atOnce', 'success'],
      ['throws', 'failure', 'PaymentDeclined'],
    ],
    request: failed,
  },
  {
    what: 'several fields, synchronous and not',
    text: 'mutation { later { id } atOnce { id broken } coded { id } lazy { id } }',
    mutations: [
      ['later', 'success'],
      ['atOnce', 'partial', 'RangeError'],
      ['coded', 'failure', 'QUOTA_EXCEEDED'],
      ['lazy', 'success'],
    ],
    request: failed,
  },
  {
    what: 'fragments',
    text: `mutation { ...F ... on Mutation { x: later { ...I } } } fragment F on Mutation { atOnce { ...I } }
      fragment I on Item { id child { id } }`,
    mutations: [
      ['atOnce', 'success'],
      ['later', 'success'],
    ],
    request: ok,
  },
  {
    what: 'a field selected twice under one key',
    text: 'mutation { atOnce { id } atOnce { child { id } } }',
    mutations: [['atOnce', 'success']],
    request: ok,
  },
  {
    what: 'a skipped field',
    text: 'mutation ($no: Boolean!) { atOnce { id } later @include(if: $no) { id } }',
    variables: { no: false },
    mutations: [['atOnce', 'success']],
    request: ok,
  },
  {
    what: 'a meta field',
    text: 'mutation { __typename atOnce { id } }',
    mutations: [['atOnce', 'success']],
    request: ok,
  },
  {
    what: 'a required field, after which nothing runs',
    text: 'mutation { atOnce { id } required { id } later { id } }',
    mutations: [
      ['atOnce', 'success'],
      ['required', 'failure', 'PaymentDeclined'],
    ],
    request: failed,
  },
  {
    what: 'a default resolver',
    text: 'mutation { fromRoot { id } }',
    mutations: [['fromRoot', 'success']],
    request: ok,
  },
  {
    what: 'a default resolver before one of its own',
    text: 'mutation { fromRoot { id broken } later { id } }',
    mutations: [
      ['fromRoot', 'partial', 'RangeError'],
      ['later', 'success'],
    ],
    request: failed,
  },
  {
    what: 'refused arguments',
    text: 'mutation ($n: Int) { needs(n: $n) { id } atOnce { id } }',
    variables: {},
    mutations: [
      ['needs', 'failure', 'GraphQLError'],
      ['atOnce', 'success'],
    ],
    request: failed,
  },
  {
    what: 'refused variables: a request, not a mutation',
    text: 'mutation ($n: Int!) { needs(n: $n) { id } }',
    variables: { n: 'no number' },
    mutations: [],
    request: failed,
  },
  { what: 'a query', text: '{ item { id } }', mutations: [], request: ['query', 'ok'] },
  { what: 'a query with an error', text: '{ failing { id } }', mutations: [], request: ['query', 'error'] },
];

const key = (parts: readonly unknown[]): string => parts.filter((part) => part !== undefined).join(' ');

describe.each(executors)('$name', (executor) => {
  let instrumentation: MutationInstrumentation;
  let telemetry: MemoryTelemetry;
  let execute: ReturnType<typeof executor.observed>;

  beforeEach(() => {
    instrumentation = new MutationInstrumentation();
    telemetry = startMemoryTelemetry(instrumentation);
    execute = executor.observed(instrumentation);
  });
  afterEach(() => telemetry.stop());

  const argsOf = ({ text, variables }: Pick<Row, 'text' | 'variables'>) => ({
    schema: makeSchema(executor.graphql),
    document: executor.graphql.parse(text),
    rootValue,
    ...(variables === undefined ? {} : { variableValues: variables }),
  });

  const mutations = async (metric = 'vigil.mutation.duration'): Promise<string[]> =>
    (await telemetry.points(metric)).flatMap(({ attributes: a, value }) =>
      Array<string>(value).fill(key([a['vigil.mutation.name'], a['vigil.mutation.outcome'], a['error.type']])),
    );

  it.each(rows)('$what', async (row) => {
    const bare = (await executor.bare(argsOf(row))) as Answer;
    const before = await mutations();
    const counted = new Map((await telemetry.points('vigil.graphql.requests')).map((p) => [p.attributes, p.value]));
    const answer = (await execute(argsOf(row))) as Answer;

    // For graphql 17 the bare run is observed too; what it counted stands in `before`.
    expect(JSON.stringify(answer)).toBe(JSON.stringify(bare));
    const expected = row.mutations.map(key).sort();
    expect((await mutations()).sort()).toEqual([...expected, ...before].sort());
    expect(before.length === 0 || before.sort().join() === expected.join()).toBe(true);
    const names = row.mutations.map(([name]) => name).sort();
    expect((await mutations('vigil.mutation.complexity')).sort()).toEqual(
      [...names, ...before.map((b) => b.split(' ')[0]!)].sort(),
    );
    const requests = await telemetry.points('vigil.graphql.requests');
    const runs = executor.name === 'graphql 17' ? 2 : 1;
    expect(requests).toEqual([
      {
        attributes: { 'graphql.operation.type': row.request[0], 'vigil.graphql.outcome': row.request[1] },
        value: runs,
        sum: 0,
      },
    ]);
    expect(counted.size).toBe(runs - 1);
  });

  it("gives each mutation a span with the metric's attributes, in the active context of its resolver", async () => {
    await execute(argsOf({ text: 'mutation { later { id broken } c: coded { id } atOnce { id child { id } } }' }));
    const spans = telemetry.spans();
    expect(
      spans.map(({ name, attributes, status, kind }) => ({ name, attributes, status: status.code, kind })),
    ).toEqual([
      {
        name: 'mutation later',
        kind: 0,
        status: 0,
        attributes: {
          'vigil.mutation.name': 'later',
          'vigil.mutation.outcome': 'partial',
          'error.type': 'RangeError',
          'vigil.mutation.complexity': 3,
        },
      },
      {
        name: 'mutation coded',
        kind: 0,
        status: 2,
        attributes: {
          'vigil.mutation.name': 'coded',
          'vigil.mutation.outcome': 'failure',
          'error.type': 'QUOTA_EXCEEDED',
          'vigil.mutation.complexity': 2,
        },
      },
      {
        name: 'mutation atOnce',
        kind: 0,
        status: 0,
        attributes: {
          'vigil.mutation.name': 'atOnce',
          'vigil.mutation.outcome': 'success',
          'vigil.mutation.complexity': 4,
        },
      },
    ]);
  });

  it("makes each mutation's span the parent of what its resolver does, and a child of what called", async () => {
    const args = argsOf({ text: 'mutation { later { id } }' });
    let within: string | undefined;
    args.schema.getMutationType()!.getFields()['later']!.resolve = async () => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      within = trace.getActiveSpan()?.spanContext().spanId;
      return {};
    };
    const server = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331', traceFlags: 1 };
    await context.with(trace.setSpanContext(context.active(), server), () => execute(args));
    const [span] = telemetry.spans();
    expect(within).toBe(span?.spanContext().spanId);
    expect(span?.parentSpanContext?.spanId).toBe(server.spanId);
  });

  it('measures the time of the resolver, in metric and span alike', async () => {
    await execute(argsOf({ text: 'mutation { later { id broken } atOnce { id } }' }));
    const points = await telemetry.points('vigil.mutation.duration');
    const seconds = (name: string): number =>
      points.find((point) => point.attributes['vigil.mutation.name'] === name)!.sum;
    expect(seconds('later')).toBeGreaterThan((LATER_MS - 2) / 1000);
    expect(seconds('later')).toBeLessThan(1);
    expect(seconds('atOnce')).toBeLessThan(LATER_MS / 1000);
    for (const { name, duration } of telemetry.spans()) {
      expect(duration[0] + duration[1] / 1e9).toBeCloseTo(seconds(name.replace('mutation ', '')), 5);
    }
  });

  it('starts a lazy thenable once', async () => {
    lazyStarts.count = 0;
    expect(await execute(argsOf({ text: 'mutation { lazy { id } }' }))).toEqual({ data: { lazy: { id: 1 } } });
    expect(lazyStarts.count).toBe(1);
  });

  it('answers synchronously when all resolvers do, and hands on this, arguments and result', () => {
    const args = argsOf({ text: 'mutation { atOnce(id: 7) { id } }' });
    const seen: unknown[] = [];
    const value = { id: 9 };
    args.schema.getMutationType()!.getFields()['atOnce']!.resolve = function (this: unknown, ...given: unknown[]) {
      seen.push(this, given.length, given[0], given[1], given[2]);
      return value;
    };
    const answer = execute({ ...args, contextValue: value });
    expect(JSON.stringify(answer)).toBe('{"data":{"atOnce":{"id":9}}}');
    expect(seen).toEqual([undefined, 4, rootValue, { id: 7 }, value]);
  });

  it('lets the resolver keep its name and what was added to it', async () => {
    const args = argsOf({ text: 'mutation { atOnce { id } }' });
    const field = args.schema.getMutationType()!.getFields()['atOnce']!;
    const mark = Symbol('allowed');
    const original = Object.assign(function createOrder() {}, { roles: ['admin'], [mark]: true });
    field.resolve = original;
    for (let request = 0; request < 2; request++) await execute(args);
    const kept = field.resolve as typeof original;
    expect([kept.name, kept.length, kept.roles, kept[mark]]).toEqual(['createOrder', 0, ['admin'], true]);
    expect(await mutations()).toEqual(['atOnce success', 'atOnce success']);
  });

  it('uses a fieldResolver of the host for fields without a resolver', async () => {
    const args = argsOf({ text: 'mutation { fromRoot { id } }' });
    const seen: string[] = [];
    const fieldResolver = (
      _source: unknown,
      _args: unknown,
      _context: unknown,
      info: { fieldName: string },
    ): unknown => {
      seen.push(info.fieldName);
      return info.fieldName === 'id' ? 5 : {};
    };
    expect(JSON.stringify(await execute({ ...args, fieldResolver }))).toBe('{"data":{"fromRoot":{"id":5}}}');
    expect(seen).toEqual(['fromRoot', 'id']);
    expect(await mutations()).toEqual(['fromRoot success']);
  });

  it('counts a field once that another instrumentation wraps again before each request', async () => {
    const args = argsOf({ text: 'mutation { atOnce { id } }' });
    for (let request = 0; request < 3; request++) {
      const field = args.schema.getMutationType()!.getFields()['atOnce']!;
      const inner = field.resolve!;
      field.resolve = async (...given) => await inner(...given);
      await execute(args);
    }
    expect(await mutations()).toEqual(Array(3).fill('atOnce success'));
  });

  it('keeps concurrent requests of one document apart', async () => {
    const args = argsOf({ text: 'mutation { a: later { id } b: atOnce { id broken } c: throws { id } }' });
    await Promise.all(Array.from({ length: 50 }, () => execute(args)));
    const counts: Record<string, number> = {};
    for (const one of await mutations()) counts[one] = (counts[one] ?? 0) + 1;
    expect(counts).toEqual({
      'later success': 50,
      'atOnce partial RangeError': 50,
      'throws failure PaymentDeclined': 50,
    });
  });

  it('records nothing when disabled, everything again when enabled', async () => {
    const args = argsOf({ text: 'mutation { atOnce { id } }' });
    await execute(args);
    instrumentation.disable();
    await execute(args);
    instrumentation.enable();
    instrumentation.enable();
    await execute(args);
    expect(await mutations()).toEqual(['atOnce success', 'atOnce success']);
  });
});

it('costs what grows with the aliases of a request, not with their square', async () => {
  const instrumentation = new MutationInstrumentation();
  const telemetry = startMemoryTelemetry(instrumentation);
  const schema = makeSchema(graphql16);
  const execute = executors.find(({ name }) => name === 'graphql 16')!.observed(instrumentation);
  /** Microseconds that this thread computed for: others on the machine do not count, however busy they are. */
  const cost = async (aliases: number): Promise<number> => {
    const fields = Array.from({ length: aliases }, (_, i) => `a${i}: ${i % 2 ? 'throws' : 'atOnce'} { id broken }`);
    const args = { schema, document: graphql16.parse(`mutation { ${fields.join(' ')} }`) };
    const costs: number[] = [];
    for (let run = 0; run < 3; run++) {
      const before = process.threadCpuUsage();
      await execute(args);
      const { user, system } = process.threadCpuUsage(before);
      costs.push(user + system);
    }
    return Math.min(...costs);
  };
  // Sixteen times the aliases would cost 256 times as much if it were the square.
  expect((await cost(1600)) / (await cost(100))).toBeLessThan(80);
  const points = await telemetry.points('vigil.mutation.duration');
  await telemetry.stop();
  expect(points.reduce((sum, { value }) => sum + value, 0)).toBe(3 * (1600 + 100));
});
