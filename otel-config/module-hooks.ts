/** Lets instrumentations see modules that are loaded with `import`; `require` needs no help of ours. */
import { builtinModules, createRequire, register, registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { types } from 'node:util';
import type { Instrumentation, InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { printNotice } from './notice.ts';

type SyncHooks = typeof import('import-in-the-middle/register-hooks.mjs');

/** What the hooks of this process look out for; shared by every copy of this package. */
interface HookState {
  pattern: RegExp;
  readonly names: Set<string>;
  /** What hooks, for those who check an installation. */
  readonly instrumentations: Instrumentation[];
}
const STATE = Symbol.for('vigil.otel-config.module-hooks');
const shared = globalThis as { [STATE]?: HookState };

/**
 * Hooks `import` for the modules that these instrumentations patch, and for no others: wrapping every module would
 * double the start time of a large application. Further calls add to what is hooked, as far as Node allows it.
 *
 * Must run before the application is loaded, so in a file given to `node --import`.
 */
export function registerModuleHooks(instrumentations: readonly Instrumentation[]): void {
  const names = instrumentations.flatMap(moduleNamesOf);
  const state = shared[STATE];
  if (state !== undefined) {
    for (const name of names) state.names.add(name);
    state.pattern = moduleUrlPattern(state.names);
    state.instrumentations.push(...instrumentations);
    return;
  }
  const first: HookState = {
    names: new Set(names),
    pattern: moduleUrlPattern(new Set(names)),
    instrumentations: [...instrumentations],
  };
  shared[STATE] = first;
  // Hooks and instrumentations must share one copy of import-in-the-middle: hence the one that the latter load.
  const instrumentationPackage = createRequire(import.meta.url).resolve('@opentelemetry/instrumentation');
  const load = createRequire(instrumentationPackage);
  // Before the next line: what it loads is an ES module, too.
  const wasRequired = isRequiringModules();
  const hooks = load('import-in-the-middle/register-hooks.mjs') as SyncHooks;
  // `shouldInclude` is missing in the package's types; it lets the set grow after registration.
  if (hooks.supportsSyncHooks()) {
    hooks.register({ shouldInclude: (url: string) => first.pattern.test(url) } as object);
    keepBuiltins();
  } else registerOnLoaderThread(load.resolve('import-in-the-middle/hook.mjs'), first.pattern, wasRequired);
}

/**
 * What import-in-the-middle 3.6 resolves for nobody in particular, as Node itself does for `node -e`, it takes for a file
 * without an extension, a built-in module too: reading it would end the process.
 */
function keepBuiltins(): void {
  registerHooks({
    resolve(specifier, context, next) {
      const result = next(specifier, context);
      if (context.parentURL !== undefined || !result.url.startsWith('node:')) return result;
      return { ...result, format: 'builtin' };
    },
  });
}

/**
 * For Node below 22.22.3 and 24.11.1: hooks on a thread of their own, with a fixed pattern. That thread runs what
 * `--require` names too; there it cannot load ES modules such as this one, and the process would wait for it for ever.
 */
function registerOnLoaderThread(hookFile: string, pattern: RegExp, wasRequired: boolean): void {
  if (!wasRequired) register(pathToFileURL(hookFile), { data: { include: [pattern] } });
  else
    printNotice(`modules loaded with import are not observed on Node ${process.version}: use --import, not --require.`);
}

/** Whether something is being loaded with `require` right now, or an ES module has been: taken for `--require`. */
function isRequiringModules(): boolean {
  const required = Object.values(createRequire(import.meta.url).cache);
  return required.some((module) => module?.loaded === false || types.isModuleNamespaceObject(module?.exports));
}

/** All that was registered in this process, by any copy of this package; empty before `registerModuleHooks`. */
export function registeredDefinitions(): InstrumentationModuleDefinition[] {
  return (shared[STATE]?.instrumentations ?? []).flatMap((one) =>
    hasDefinitions(one) ? one.getModuleDefinitions() : [],
  );
}

const namesByInstrumentation = new WeakMap<Instrumentation, string[]>();

/** Asked for once each: `getModuleDefinitions` makes new definitions at every call. */
function moduleNamesOf(instrumentation: Instrumentation): string[] {
  const known = namesByInstrumentation.get(instrumentation);
  if (known !== undefined) return known;
  const names = hasDefinitions(instrumentation) ? instrumentation.getModuleDefinitions().map(({ name }) => name) : [];
  namesByInstrumentation.set(instrumentation, names);
  return names;
}

interface WithDefinitions {
  getModuleDefinitions(): InstrumentationModuleDefinition[];
}

function hasDefinitions(instrumentation: Instrumentation): instrumentation is Instrumentation & WithDefinitions {
  return 'getModuleDefinitions' in instrumentation;
}

/**
 * A pattern for the URLs of modules.
 * @param names packages, built-in modules with or without `node:`, absolute paths
 * @returns a pattern that matches any file of these packages wherever they are installed; nothing, without names
 */
export function moduleUrlPattern(names: Iterable<string>): RegExp {
  const alternatives = [...names].map((name) => {
    const bare = name.replace(/^node:/, '');
    if (builtinModules.includes(bare)) return `^(?:node:)?${escaped(bare)}$`;
    if (name.startsWith('/')) return `^${escaped(pathToFileURL(name).href)}`;
    return `/node_modules/${escaped(name)}/`;
  });
  return alternatives.length === 0 ? /^(?!)/ : new RegExp(alternatives.join('|'));
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}
