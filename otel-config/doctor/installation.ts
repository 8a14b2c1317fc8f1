/** What is installed in the application's folder, and in which versions. */
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { apiCopyFrom, canUse } from '../api-copies.ts';
import { type Finding, finding, ok } from './finding.ts';
import { satisfies } from './versions.ts';

/** What this package needs, as its own manifest says. */
const needs = JSON.parse(readFileSync(manifestAbove(import.meta.dirname), 'utf8')) as Manifest;

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly engines?: { readonly node?: string };
  readonly scripts?: Readonly<Record<string, string>>;
}

/** Sources need a Node that strips types without a flag; compiled packages what their manifest says. */
const NODE_OF_SOURCES = '>=22.18';

export function checkNode(version: string, isSource = import.meta.filename.endsWith('.ts')): Finding {
  const range = isSource ? NODE_OF_SOURCES : (needs.engines?.node ?? '');
  const evidence = { version, supported: range };
  if (satisfies(version, range)) return ok('node.version', `Node ${version} is supported.`, evidence);
  return finding('error', 'node.version', `Node ${version} is too old.`, `Install Node ${range}.`, evidence);
}

/** A manifest that cannot be read hides what is installed. @returns nothing where it is good, or where there is none */
export function checkManifest(folder: string): Finding[] {
  const path = join(folder, 'package.json');
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value !== 'object' || value === null) throw new TypeError('it holds no object');
    return [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const reason = (error as Error).message;
    return [finding('error', 'package.readable', `${path} cannot be read: ${reason}.`, 'Mend the file.', { path })];
  }
}

/** @returns the file to give to `--import`; undefined where the application has no registration */
export function registerOf(folder: string): string | undefined {
  try {
    // As a package beside it would: the application's own manifest, which may be broken, is not asked.
    return createRequire(join(folder, 'node_modules', 'package.json')).resolve('@vigil/otel-config/register');
  } catch {
    return undefined;
  }
}

/** Whether the registration is there, and whether the application's own commands name it. */
export function checkRegistration(folder: string, register: string | undefined, env: NodeJS.ProcessEnv): Finding[] {
  if (register === undefined) {
    const mend = 'npm install @vigil/otel-config @opentelemetry/api (from a checkout: the path of its otel-config).';
    return [finding('error', 'registration.installed', `@vigil/otel-config is not installed in ${folder}.`, mend)];
  }
  const installed = ok('registration.installed', '@vigil/otel-config is installed.', { path: register });
  const { scripts } = readManifest(folder) ?? {};
  const commands = [...Object.values(scripts ?? {}), env['NODE_OPTIONS'] ?? ''];
  if (commands.some((command) => /@vigil\/otel-config/.test(command)))
    return [installed, ok('registration.named', 'a script of package.json or NODE_OPTIONS names the registration.')];
  const message = 'neither a script of package.json nor NODE_OPTIONS names the registration; another file may.';
  const mend = 'Start with node --import @vigil/otel-config/register, unless a file of yours calls start().';
  return [installed, finding('info', 'registration.named', message, mend)];
}

/** Copies of the API that cannot reach the SDK record into nothing. */
export function checkApiCopies(folder: string, register: string): Finding[] {
  const ours = apiCopyFrom(register);
  if (ours === undefined) {
    const mend = 'npm install @opentelemetry/api';
    return [finding('error', 'api.installed', '@opentelemetry/api is not installed.', mend)];
  }
  const copies = copiesOf('@opentelemetry/api', folder);
  const lost = copies.filter(({ version }) => !canUse(version, ours.version));
  if (lost.length === 0)
    return [
      ok('api.copies', `every copy of @opentelemetry/api can reach the SDK's ${ours.version}.`, {
        copies: copies.length,
      }),
    ];
  return lost.map(({ version, path }) =>
    finding(
      'error',
      'api.copies',
      `@opentelemetry/api ${version} in ${path} cannot reach the SDK's ${ours.version}: what uses it records into nothing.`,
      `Install @opentelemetry/api ${ours.version} there, or npm dedupe.`,
      { version, path, needed: ours.version },
    ),
  );
}

/** Several copies of a library: each is hooked, but each has connections and limits of its own. */
export function checkLibraryCopies(folder: string, names: readonly string[]): Finding[] {
  return names.flatMap((name) => {
    const copies = copiesOf(name, folder);
    if (copies.length < 2) return [];
    const versions = copies.map(({ version }) => version).join(', ');
    const message = `${name} is installed ${copies.length} times (${versions}): each copy is observed by itself.`;
    // Two graphql copies in one process refuse each other's schemas.
    const level = name === 'graphql' ? 'warning' : 'info';
    return [finding(level, 'libraries.copies', message, `npm dedupe, or npm ls ${name}.`, { name, versions })];
  });
}

export interface Copy {
  readonly version: string;
  readonly path: string;
}

/** The copy that files of the folder load by the package's name; undefined where there is none. */
export function copyFor(name: string, folder: string): Copy | undefined {
  for (let place = folder; ; place = dirname(place)) {
    const path = join(place, 'node_modules', name);
    const version = versionIn(path);
    if (version !== undefined) return { version, path };
    if (dirname(place) === place) return undefined;
  }
}

/** Enough for every application that was seen; a search must end. */
const MAX_FOLDERS = 20_000;

/** Every copy in the folders of packages in and above `folder`, those of pnpm too; each real folder once. */
export function copiesOf(name: string, folder: string): Copy[] {
  const found = new Map<string, string>();
  for (const modules of moduleFolders(folder)) {
    const path = join(modules, name);
    const version = versionIn(path);
    if (version !== undefined) found.set(realpathSync(path), version);
  }
  return [...found].map(([path, version]) => ({ path, version }));
}

let searched: { readonly folder: string; readonly folders: readonly string[] } | undefined;

/** Every `node_modules` that packages of the application may come from. Searched once. */
function moduleFolders(folder: string): readonly string[] {
  if (searched?.folder === folder) return searched.folders;
  const folders: string[] = [];
  const visit = (modules: string): void => {
    if (folders.length >= MAX_FOLDERS) return;
    const entries = entriesOf(modules);
    if (entries.length === 0) return;
    folders.push(modules);
    for (const entry of entries) {
      if (entry === '.pnpm' || entry.startsWith('@'))
        for (const inner of entriesOf(join(modules, entry))) visit(join(modules, entry, inner, 'node_modules'));
      else if (!entry.startsWith('.')) visit(join(modules, entry, 'node_modules'));
    }
  };
  for (let place = folder; ; place = dirname(place)) {
    visit(join(place, 'node_modules'));
    if (dirname(place) === place) break;
  }
  searched = { folder, folders };
  return folders;
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What a broken manifest says counts as not said: anything may lie in the folders of an application. */
function readManifest(folder: string): Partial<Record<keyof Manifest, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function versionIn(folder: string): string | undefined {
  const { version } = readManifest(folder) ?? {};
  return typeof version === 'string' ? version : undefined;
}

/** This package's own, beside the sources or above what was compiled from them. */
function manifestAbove(folder: string): string {
  for (let place = folder; ; place = dirname(place)) {
    if (readManifest(place)?.name === '@vigil/otel-config') return join(place, 'package.json');
    if (dirname(place) === place) throw new Error(`no package.json of @vigil/otel-config above ${folder}`);
  }
}
