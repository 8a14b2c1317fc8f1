/**
 * Replacing exported functions without ever harming the host: a patch that throws while a module loads would kill the
 * application, so every failure ends in `diag` and leaves the exports as they were.
 */
import { types } from 'node:util';
import type { DiagLogger } from '@opentelemetry/api';

/** Any function; what it takes and gives is its wrapper's business. */
export type AnyFunction = (this: unknown, ...args: never[]) => unknown;

/** Marks a wrapper with the names of those who wrapped it, also across copies of this package: nobody does so twice. */
const PATCHED = Symbol.for('vigil.patched');

function ownersOf(fn: object): ReadonlySet<string> {
  return (fn as { [PATCHED]?: ReadonlySet<string> })[PATCHED] ?? new Set();
}

/**
 * Replaces one exported function by a wrapper around it.
 *
 * Plain CommonJS exports and the namespaces that import-in-the-middle hands out are changed in place. Sealed exports
 * (bundlers build CommonJS from getters) cannot be: then a copy is handed out, whose other names still read the original.
 *
 * @param exports what the module exports
 * @param name the exported function; when there is none of that name nothing happens
 * @param wrap makes the wrapper; it is called once
 * @param owner who patches: another instrumentation may wrap the same function for purposes of its own
 * @returns the exports to hand out: the same object, or its copy
 */
export function patchExport<Exports>(
  exports: Exports,
  name: string,
  wrap: (original: AnyFunction, exports: Readonly<Record<string, unknown>>) => AnyFunction,
  diag: DiagLogger,
  owner = '',
): Exports {
  try {
    const members = exports as Record<string, unknown>;
    const original = members[name];
    if (typeof original !== 'function' || isPatchedBy(original, owner)) return exports;
    const wrapper = standIn(wrap(original as AnyFunction, members), original, owner);
    return replace(members, name, wrapper) as Exports;
  } catch (error) {
    diag.error(`cannot patch ${name}; it stays unobserved`, error);
    return exports;
  }
}

/** Whether `owner` has wrapped this function, or a function that somebody wrapped later. */
export function isPatchedBy(fn: object, owner: string): boolean {
  return ownersOf(fn).has(owner);
}

/** What a function has by being one; its other properties were added. */
const OWN_AFFAIRS: readonly PropertyKey[] = ['prototype', 'arguments', 'caller', PATCHED];

/**
 * Lets a wrapper pass for what it stands for: its name, length and added properties, symbols among them, by which
 * frameworks know their plugins.
 * @param owner who patches
 */
export function standIn(wrapper: AnyFunction, original: object, owner = ''): AnyFunction {
  if (isPatchedBy(wrapper, owner)) return wrapper;
  for (const key of Reflect.ownKeys(original)) {
    if (OWN_AFFAIRS.includes(key)) continue;
    const descriptor = Object.getOwnPropertyDescriptor(original, key);
    if (descriptor !== undefined) Reflect.defineProperty(wrapper, key, descriptor);
  }
  return Object.defineProperty(wrapper, PATCHED, { value: new Set([...ownersOf(original), owner]) });
}

function replace(members: Record<string, unknown>, name: string, wrapper: AnyFunction): object {
  // The namespace proxy of import-in-the-middle rebinds the export in its setter.
  if (types.isProxy(members)) {
    members[name] = wrapper;
    return members;
  }
  const descriptor = Object.getOwnPropertyDescriptor(members, name);
  const value = { value: wrapper, enumerable: descriptor?.enumerable ?? true, configurable: true, writable: true };
  if (descriptor?.configurable !== false && Object.isExtensible(members)) {
    return Object.defineProperty(members, name, value);
  }
  return Object.defineProperty(liveCopy(members, name), name, value);
}

/** A copy whose members are read from the original when asked for, so that late assignments are seen. */
function liveCopy(members: Record<string, unknown>, except: string): object {
  const copy: object = Object.create(Object.getPrototypeOf(members));
  for (const key of Reflect.ownKeys(members)) {
    if (key === except) continue;
    const enumerable = Object.getOwnPropertyDescriptor(members, key)?.enumerable ?? true;
    Object.defineProperty(copy, key, { enumerable, configurable: true, get: () => Reflect.get(members, key) });
  }
  return copy;
}

/**
 * Whether anything that a module hands out was wrapped by one of us: the export itself, its members, or methods of the
 * classes among them. For those who check an installation: it reads every member, which may load more of the module.
 */
export function isAnyPatched(exports: unknown): boolean {
  return [exports, ...membersOf(exports)].some((one) => isWrapped(one) || methodsOf(one).some(isWrapped));
}

function isWrapped(value: unknown): boolean {
  return typeof value === 'function' && ownersOf(value).size > 0;
}

function membersOf(value: unknown): unknown[] {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return [];
  return Object.getOwnPropertyNames(value).flatMap((name) => {
    try {
      return [Reflect.get(value, name)];
    } catch {
      // A namespace whose module is not ready yet, or a member that refuses to be read.
      return [];
    }
  });
}

/** Values only: a getter on a prototype is written for instances. */
function methodsOf(value: unknown): unknown[] {
  const prototype: unknown = typeof value === 'function' ? value.prototype : undefined;
  if (typeof prototype !== 'object' || prototype === null) return [];
  return Object.values(Object.getOwnPropertyDescriptors(prototype)).map((descriptor) => descriptor.value);
}
