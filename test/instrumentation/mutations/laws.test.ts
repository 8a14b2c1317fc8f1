import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLimiter } from '../../../instrumentation/hooking/limiter.ts';
import { complexityOf, MOST_FIELDS } from '../../../instrumentation/mutations/complexity.ts';
import { errorTypeOf } from '../../../instrumentation/mutations/error-type.ts';
import type { FieldNode, FragmentNode, SelectionNode } from '../../../instrumentation/mutations/graphql-shapes.ts';
import { MutationInstrumentation } from '../../../instrumentation/mutations/index.ts';
import { judge, sortAnswer } from '../../../instrumentation/mutations/outcome.ts';
import { startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { executors, graphql17, makeSchema, rootValue } from './fixture.ts';

describe('errorTypeOf', () => {
  class CustomError extends Error {}
  class Coded extends Error {
    extensions = { code: 'FROM_INSIDE' };
  }
  const wrapping = (originalError: unknown, extensions?: Record<string, unknown>): unknown =>
    new graphql17.GraphQLError('wrapped', { originalError: originalError as Error, extensions: extensions ?? null });

  it.each([
    ['a code', { extensions: { code: 'NOT_FOUND' } }, 'NOT_FOUND'],
    ['a code beside a class', Object.assign(new CustomError(), { extensions: { code: 'A.b:c-1' } }), 'A.b:c-1'],
    ['a status as code', { extensions: { code: 404 } }, '404'],
    [
      'a long number as code',
      Object.assign(new CustomError(), { extensions: { code: 4111111111111111 } }),
      'CustomError',
    ],
    [
      'a sentence as code',
      Object.assign(new CustomError(), { extensions: { code: 'No such user ada' } }),
      'CustomError',
    ],
    ['an e-mail address as code', Object.assign(new CustomError(), { extensions: { code: 'a@b.org' } }), 'CustomError'],
    ['an endless code', Object.assign(new CustomError(), { extensions: { code: 'A'.repeat(65) } }), 'CustomError'],
    ['a class', new CustomError('secret'), 'CustomError'],
    ['a plain error', new Error('secret'), 'Error'],
    ['a plain error with a name', Object.assign(new Error(), { name: 'TimeoutError' }), 'TimeoutError'],
    ['a DOMException', AbortSignal.abort().reason, 'AbortError'],
    ['an object with a name', { name: 'ForeignError' }, 'ForeignError'],
    ['a class within a GraphQLError', wrapping(new CustomError()), 'CustomError'],
    ['a code within a GraphQLError', wrapping(new Coded()), 'FROM_INSIDE'],
    ['a code without, before one within', wrapping(new Coded(), { code: 'OUTSIDE' }), 'OUTSIDE'],
    ['a class twice within', wrapping(wrapping(new CustomError())), 'CustomError'],
    ['a bare GraphQLError', new graphql17.GraphQLError('secret'), 'GraphQLError'],
    ['text', 'secret', '_OTHER'],
    ['nothing', undefined, '_OTHER'],
    ['null', null, '_OTHER'],
    ['an object', { message: 'secret' }, '_OTHER'],
    [
      'an object that throws when it is looked at',
      new Proxy(new CustomError(), {
        get: () => {
          throw new TypeError('no');
        },
      }),
      '_OTHER',
    ],
    ['a class with a hostile name', Object.assign(new Error(), { name: 'card 4111 1111' }), '_OTHER'],
  ])('%s', (_what, error, expected) => {
    expect(errorTypeOf(error)).toBe(expected);
  });

  it('is short, without blanks, and never the message', () => {
    fc.assert(
      fc.property(fc.anything(), fc.string({ minLength: 1 }), (code, message) => {
        const error = Object.assign(new Error(`${message} `), { extensions: { code } });
        expect(errorTypeOf(error)).toMatch(/^[\w$.:-]{1,64}$/);
        expect(errorTypeOf(error)).not.toBe(error.message);
      }),
    );
  });
});

describe('complexityOf', () => {
  type Tree = { readonly kind: 'field' | 'inline' | 'spread'; readonly below: readonly Tree[] };
  const tree = fc.letrec<{ tree: Tree }>((tie) => ({
    tree: fc.record({
      kind: fc.constantFrom('field' as const, 'inline' as const, 'spread' as const),
      below: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(tie('tree'), { maxLength: 4 })),
    }),
  })).tree;

  /** The same selection as GraphQL writes it: spreads become named fragments. */
  function nodesOf(trees: readonly Tree[], fragments: Map<string, FragmentNode>): SelectionNode[] {
    return trees.map((one): SelectionNode => {
      const selectionSet = { selections: nodesOf(one.below, fragments) };
      if (one.kind === 'field') return { kind: 'Field', name: { value: 'f' }, selectionSet };
      if (one.kind === 'inline') return { kind: 'InlineFragment', selectionSet };
      const name = { value: `F${fragments.size}` };
      fragments.set(name.value, { kind: 'FragmentDefinition', name, selectionSet });
      return { kind: 'FragmentSpread', name };
    });
  }
  const fieldsIn = (trees: readonly Tree[]): number =>
    trees.reduce((sum, one) => sum + (one.kind === 'field' ? 1 : 0) + fieldsIn(one.below), 0);

  it('counts the field and every field below, whatever fragments they stand in', () => {
    fc.assert(
      fc.property(fc.array(tree, { maxLength: 5 }), (trees) => {
        const fragments = new Map<string, FragmentNode>();
        const selectionSet = { selections: nodesOf(trees, fragments) };
        const root: FieldNode = { kind: 'Field', name: { value: 'root' }, selectionSet };
        expect(complexityOf([root], (name) => fragments.get(name))).toBe(1 + fieldsIn(trees));
      }),
    );
  });

  it('is bounded, and soon done, where fragments name 2^100 fields', () => {
    const lines = Array.from(
      { length: 100 },
      (_, i) => `fragment F${i} on Item { ...F${i + 1} child { ...F${i + 1} } }`,
    );
    const text = `mutation { atOnce { ...F0 } } ${lines.join('\n')} fragment F100 on Item { id }`;
    const { definitions } = graphql17.parse(text) as unknown as { definitions: FragmentNode[] };
    const field = definitions[0]!.selectionSet!.selections[0] as FieldNode;
    expect(complexityOf([field], (name) => definitions.find((d) => d.name?.value === name))).toBe(MOST_FIELDS);
  });

  it('ends where fragments spread each other', () => {
    const { definitions } = graphql17.parse(
      'fragment A on Item { id ...B } fragment B on Item { id ...A }',
    ) as unknown as {
      definitions: FragmentNode[];
    };
    const spread: FieldNode = { kind: 'Field', name: { value: 'f' }, selectionSet: definitions[0]!.selectionSet };
    expect(complexityOf([spread], (name) => definitions.find((d) => d.name.value === name))).toBeGreaterThan(1);
  });
});

it('createLimiter keeps the first values for good and never more', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 3 })), fc.nat(5), (values, most) => {
      const limit = createLimiter(most);
      const kept = new Set([...new Set(values)].slice(0, most));
      for (const value of [...values, ...values]) expect(limit(value)).toBe(kept.has(value) ? value : '_OTHER');
    }),
  );
});

describe('judge', () => {
  const boom = new Error('boom');
  const answer = (value: unknown, ...paths: (string | number)[][]) => ({
    threw: false as const,
    answer: sortAnswer({ data: value === undefined ? null : { f: value }, errors: paths.map((path) => ({ path })) }),
  });
  const settled = { failed: false } as const;

  it.each([
    ['settled, no error', settled, answer({}), 'success'],
    ['settled, error of another field', settled, answer({}, ['g']), 'success'],
    ['settled, error below', settled, answer({}, ['f', 'x']), 'partial'],
    ['settled, error below and nothing left', settled, answer(null, ['f', 'x']), 'failure'],
    ['settled, error below and nothing left at all', settled, answer(undefined, ['f', 'x']), 'failure'],
    ['settled, error below and of its own', settled, answer({}, ['f', 'x'], ['f']), 'failure'],
    ['settled to null', settled, answer(null), 'success'],
    ['settled before another required field failed', settled, answer(undefined, ['g']), 'success'],
    ['failed', { failed: true, error: boom }, answer(null, ['f']), 'failure'],
    ['failed, execution threw', { failed: true, error: boom }, { threw: true as const, error: boom }, 'failure'],
    ['settled, execution threw', settled, { threw: true as const, error: boom }, 'success'],
    ['still running, execution threw', undefined, { threw: true as const, error: boom }, 'aborted'],
    ['still running, in the answer', undefined, answer({}), 'success'],
    ['still running, not in the answer', undefined, answer(undefined), undefined],
  ])('%s', (_what, call, end, outcome) => {
    const verdict = judge('f', call, end);
    expect(verdict?.outcome).toBe(outcome);
    expect(verdict?.error !== undefined).toBe(outcome !== undefined && outcome !== 'success');
  });
});

describe.each(executors.slice(0, 4))('$name', (executor) => {
  /** Fields whose outcome is known, without and with the failing field below them. */
  const kinds = {
    atOnce: ['atOnce success', 'atOnce partial RangeError'],
    later: ['later success', 'later partial RangeError'],
    lazy: ['lazy success', 'lazy partial RangeError'],
    fromRoot: ['fromRoot success', 'fromRoot partial RangeError'],
    throws: ['throws failure PaymentDeclined', 'throws failure PaymentDeclined'],
    rejects: ['rejects failure TypeError', 'rejects failure TypeError'],
    coded: ['coded failure QUOTA_EXCEEDED', 'coded failure QUOTA_EXCEEDED'],
  } as const;
  const selection = fc.record({
    kind: fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])),
    broken: fc.boolean(),
    where: fc.constantFrom('plain', 'inline', 'fragment'),
  });

  it('counts each selected field exactly, whatever document selects them', async () => {
    const schema = makeSchema(executor.graphql);
    await fc.assert(
      fc.asyncProperty(fc.array(selection, { minLength: 1, maxLength: 8 }), async (selections) => {
        const instrumentation = new MutationInstrumentation();
        const telemetry = startMemoryTelemetry(instrumentation);
        const parts = selections.map(({ kind, broken }, i) => `a${i}: ${kind} { id ${broken ? 'broken' : ''} }`);
        const fragments = parts.map((part, i) => `fragment F${i} on Mutation { ${part} }`);
        const inOperation = selections.map(({ where }, i) =>
          where === 'plain' ? parts[i] : where === 'inline' ? `... on Mutation { ${parts[i]} }` : `...F${i}`,
        );
        const used = fragments.filter((_, i) => selections[i]!.where === 'fragment');
        const document = executor.graphql.parse(`mutation { ${inOperation.join(' ')} } ${used.join(' ')}`);
        await executor.observed(instrumentation)({ schema, document, rootValue });
        const points = await telemetry.points('vigil.mutation.duration');
        const spans = telemetry.spans().length;
        await telemetry.stop();
        const seen = points.flatMap(({ attributes: a, value }) =>
          Array<string>(value).fill(
            [a['vigil.mutation.name'], a['vigil.mutation.outcome'], a['error.type']].filter(Boolean).join(' '),
          ),
        );
        expect(seen.sort()).toEqual(selections.map(({ kind, broken }) => kinds[kind][broken ? 1 : 0]).sort());
        expect(spans).toBe(selections.length);
      }),
      { numRuns: 25 },
    );
  });
});
