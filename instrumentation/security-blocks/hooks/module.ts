/** What hooks on modules have in common: definitions, and functions replaced wherever a module hands them out. */
import { types } from 'node:util';
import type { DiagLogger } from '@opentelemetry/api';
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { type AnyFunction, isPatchedBy, patchExport, standIn } from '@vigil/hooking';

/** Takes what a module exports and gives what to hand out in its place. It never throws. */
export type Patch = (exports: unknown) => unknown;

/** Marks what this package has wrapped, so that mutations may wrap the same functions. */
const OWNER = 'security-blocks';

/** Wrappers stay when the instrumentation is disabled: they then only pass on. */
const LEAVE = (): void => {};

/** A package whose exports are patched. */
export function moduleHook(name: string, versions: string, patch: Patch): InstrumentationModuleDefinition {
  return new InstrumentationNodeModuleDefinition(name, [versions], patch, LEAVE);
}

/** A package of which only some files are patched, each named from the package's name on. */
export function fileHook(
  name: string,
  versions: string,
  patches: Readonly<Record<string, Patch>>,
): InstrumentationModuleDefinition {
  const files = Object.entries(patches).map(
    ([file, patch]) => new InstrumentationNodeModuleFile(file, [versions], patch, LEAVE),
  );
  return new InstrumentationNodeModuleDefinition(name, [versions], undefined, undefined, files);
}

/**
 * Replaces functions wherever a module hands them out: under their names, as its default, within a default that is the
 * whole of a CommonJS module, and as the module itself.
 * @param names of exports; what is no function is left alone
 * @param wrap makes the wrapper of a function, once for each
 */
export function replaceFunctions(
  exports: unknown,
  names: readonly string[],
  wrap: (original: AnyFunction) => AnyFunction,
  diag: DiagLogger,
): unknown {
  const wrappers = new Map<AnyFunction, AnyFunction>();
  const wrapperOf = (original: AnyFunction): AnyFunction => {
    let wrapper = wrappers.get(original);
    if (wrapper === undefined) wrappers.set(original, (wrapper = standIn(wrap(original), original, OWNER)));
    return wrapper;
  };
  try {
    if (typeof exports === 'function') return replaceModule(exports as AnyFunction, names, wrapperOf, diag);
    let patched = exports;
    for (const name of [...names, 'default']) patched = patchExport(patched, name, wrapperOf, diag, OWNER);
    const whole = (exports as { default?: unknown }).default;
    // What an ES module sees of a CommonJS one.
    if (types.isProxy(exports) && typeof whole === 'object' && whole !== null)
      for (const name of names) patchExport(whole, name, wrapperOf, diag, OWNER);
    return patched;
  } catch (error) {
    diag.error(`cannot patch ${names.join(', ')}; it stays unobserved`, error);
    return exports;
  }
}

/** `module.exports = factory`, which as a rule also names itself `default` and by its own name. */
function replaceModule(
  module: AnyFunction,
  names: readonly string[],
  wrapperOf: (original: AnyFunction) => AnyFunction,
  diag: DiagLogger,
): unknown {
  if (isPatchedBy(module, OWNER)) return module;
  const wrapper = wrapperOf(module);
  for (const key of Object.keys(module)) {
    if (Reflect.get(module, key) === module) Reflect.defineProperty(wrapper, key, { value: wrapper, writable: true });
    else if (names.includes(key)) patchExport(wrapper, key, wrapperOf, diag, OWNER);
  }
  return wrapper;
}
