import { describe, expect, it } from 'vitest';
import { type AnyFunction, patchExport } from '../../../instrumentation/hooking/patch.ts';
import { keepDiagnostics } from '../../support/memory-telemetry.ts';

type Exports = Record<'add' | 'other', (a: number, b?: number) => number>;

const add: Exports['add'] = Object.assign((a: number, b = 0) => a + b, { meta: 'kept' });
Object.defineProperty(add, 'name', { value: 'add' });
const other = (): number => 5;

const louder = (original: AnyFunction): AnyFunction =>
  function (...args) {
    return (original.apply(this, args) as number) * 10;
  };

const shapes: readonly [name: string, make: () => Exports, sameObject: boolean][] = [
  ['plain exports', () => ({ add, other }), true],
  // The namespace that import-in-the-middle hands out: a proxy whose setter rebinds the export.
  ['a proxy', () => new Proxy<Exports>({ add, other }, { set: Reflect.set }), true],
  [
    'sealed getters, as bundlers build CommonJS',
    () =>
      Object.defineProperties(
        {},
        { add: { get: () => add, enumerable: true }, other: { get: () => other } },
      ) as Exports,
    false,
  ],
  ['frozen exports', () => Object.freeze({ add, other }), false],
];

describe.each(shapes)('%s', (_name, make, sameObject) => {
  it('hands out the wrapper and everything else as it was', () => {
    const exports = make();
    const diag = keepDiagnostics();
    const patched = patchExport(exports, 'add', louder, diag);
    expect(patched.add(1, 2)).toBe(30);
    expect(patched.other).toBe(other);
    expect(patched === exports).toBe(sameObject);
    expect([patched.add.name, patched.add.length, Reflect.get(patched.add, 'meta')]).toEqual([
      'add',
      add.length,
      'kept',
    ]);
    expect(diag.said).toEqual([]);
  });

  it('wraps once', () => {
    const diag = keepDiagnostics();
    const patched = patchExport(patchExport(make(), 'add', louder, diag), 'add', louder, diag);
    expect(patched.add(1, 2)).toBe(30);
  });
});

it('leaves the exports alone when there is nothing to wrap', () => {
  const diag = keepDiagnostics();
  for (const exports of [{}, { add: 5 }, undefined, null, 'text']) {
    expect(patchExport(exports, 'add', louder, diag)).toBe(exports);
  }
});

it('leaves the exports alone and says so when wrapping fails', () => {
  const diag = keepDiagnostics();
  const exports = { add };
  const patched = patchExport(
    exports,
    'add',
    () => {
      throw new Error('ours');
    },
    diag,
  );
  expect(patched).toBe(exports);
  expect(patched.add).toBe(add);
  expect(diag.said).toEqual([expect.stringContaining('cannot patch add')]);
});
