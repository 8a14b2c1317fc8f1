/** Wrapping methods of a library's classes: the same class is in ES modules and CommonJS. */
import {
  type InstrumentationModuleDefinition,
  InstrumentationNodeModuleDefinition,
  InstrumentationNodeModuleFile,
} from '@opentelemetry/instrumentation';
import { type AnyFunction, patchExport } from '@vigil/hooking';
import type { Watch } from '../watch.ts';

/** A method as its wrapper calls it. */
export type Method = (this: unknown, ...args: unknown[]) => unknown;

/** A patch of a module's exports, or of one of its files'. It changes classes in place. */
export type Patch = (exports: unknown) => unknown;

/** @param patch fenced: when it fails, the module loads as if there were none */
export function patchedModule(
  watch: Watch,
  name: string,
  versions: string[],
  patch: Patch,
): InstrumentationModuleDefinition {
  return new InstrumentationNodeModuleDefinition(name, versions, fencedPatch(watch, name, patch), () => {});
}

/** For what a package does not export. @param files their paths, the package's name included */
export function patchedFiles(
  watch: Watch,
  name: string,
  versions: string[],
  files: readonly string[],
  patch: Patch,
): InstrumentationModuleDefinition {
  const hooks = files.map(
    (file) => new InstrumentationNodeModuleFile(file, versions, fencedPatch(watch, file, patch), () => {}),
  );
  return new InstrumentationNodeModuleDefinition(name, versions, undefined, undefined, hooks);
}

function fencedPatch(watch: Watch, name: string, patch: Patch): <Exports>(exports: Exports) => Exports {
  return <Exports>(exports: Exports): Exports => {
    try {
      return (patch(exports) ?? exports) as Exports;
    } catch (error) {
      watch.diag.error(`cannot patch ${name}; it stays unobserved`, error);
      return exports;
    }
  };
}

/** The prototype of a class that a module exports by one of these names, or that the module is. */
export function prototypeOf(exports: unknown, ...names: readonly string[]): Record<string, unknown> | undefined {
  const members = exports as Record<string, unknown>;
  const found = [...names.map((name) => members[name]), exports].find((one) => typeof one === 'function');
  return (found as { readonly prototype?: Record<string, unknown> } | undefined)?.prototype;
}

/** Puts a wrapper before a method, where there is one; it is passed by while nothing is observed. */
export function wrapMethod(
  watch: Watch,
  prototype: object | undefined,
  name: string,
  wrap: (original: Method) => Method,
): void {
  if (prototype === undefined) return;
  const gated = (original: AnyFunction): AnyFunction => {
    const wrapper = wrap(original as Method);
    return function (this: unknown, ...args: unknown[]): unknown {
      return (watch.enabled ? wrapper : (original as Method)).apply(this, args);
    } as AnyFunction;
  };
  patchExport(prototype, name, gated, watch.diag, 'task-locks');
}
