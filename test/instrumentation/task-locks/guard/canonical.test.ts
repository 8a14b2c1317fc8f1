import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson } from '../../../../instrumentation/task-locks/guard/canonical.ts';

/** The same value with its properties in another order, all the way down. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, reversed(item)] as const);
  return Object.fromEntries(entries.reverse());
}

test('the order of properties does not matter, everything else does', () => {
  const json = fc.jsonValue({ maxDepth: 4 });
  fc.assert(
    fc.property(json, (a) => {
      const text = canonicalJson(a);
      expect(canonicalJson(reversed(a))).toBe(text);
      expect(canonicalJson(JSON.parse(text))).toBe(text);
      // Read back it is the value: so no two values have one text. JSON has no -0.
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(a)));
    }),
  );
});

test('the example of RFC 8785', () => {
  const value = {
    numbers: [Number('333333333.33333329'), 1e30, 4.5, 2e-3, 1e-27],
    literals: [null, true, false],
    '€': '\u000f',
  };
  expect(canonicalJson(value)).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"€":"\\u000f"}',
  );
  expect(canonicalJson({ '\u{1f600}': 1, '\ufb33': 2, '\r': 3, '1': 4 })).toBe(
    '{"\\r":3,"1":4,"\u{1f600}":1,"\ufb33":2}',
  );
});

test('dates are what they give, absent is absent', () => {
  expect(canonicalJson({ at: new Date(0), gone: undefined, none: Object.create(null) })).toBe(
    '{"at":"1970-01-01T00:00:00.000Z","none":{}}',
  );
});

const circle: { self?: unknown } = {};
circle.self = circle;
test.each([
  ['a bigint', { a: [{ b: 1n }] }, 'args.a[0].b: a bigint is no JSON'],
  ['undefined in a list', [undefined], 'args[0]: a undefined is no JSON'],
  // biome-ignore lint/suspicious/noSparseArray: it is what is tested
  ['a hole', [1, , 2], 'args[1]: a undefined is no JSON'],
  ['a function', { f: () => {} }, 'args.f: a function is no JSON'],
  ['NaN', { n: Number.NaN }, 'args.n: NaN is no JSON'],
  ['a Map', { m: new Map([[1, 2]]) }, 'args.m: a Map is no JSON'],
  ['a circle', circle, 'nested too deeply, or in a circle'],
])('%s is refused, and the place named', (_, value, message) => {
  expect(() => canonicalJson(value)).toThrow(message);
});
