/**
 * What `npm pack` and `npm publish` run in every workspace: `pack.ts prepack` and `pack.ts postpack`.
 *
 * In this repository packages are run from their sources. Node strips no types inside node_modules, so what is packed is
 * JavaScript with declarations in dist/, and a manifest that points there. Afterwards everything is as it was.
 */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const workspace = process.cwd();
const manifestFile = join(workspace, 'package.json');
/** The manifest while another one is packed. */
const keptManifest = join(workspace, '.package.json.kept');
const dist = join(workspace, 'dist');
const license = join(workspace, 'LICENSE');

/** Names that are never part of the code of a package; start.js runs sources. */
const notCode = new Set([
  'start.js',
  'node_modules',
  'dist',
  'package.json',
  'README.md',
  'LICENSE',
  basename(keptManifest),
]);

function prepack(): void {
  // Left behind by a packing that broke off.
  if (existsSync(keptManifest)) postpack();
  compile();
  copyAssets();
  copyFileSync(join(root, 'LICENSE'), license);
  copyFileSync(manifestFile, keptManifest);
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, unknown>;
  writeFileSync(manifestFile, `${JSON.stringify(packedManifest(manifest), undefined, 2)}\n`);
}

function postpack(): void {
  if (existsSync(keptManifest)) renameSync(keptManifest, manifestFile);
  rmSync(license, { force: true });
  rmSync(dist, { recursive: true, force: true });
}

/** What the code may read beside itself: styles, scripts, statements. */
function copyAssets(): void {
  for (const entry of readdirSync(workspace))
    if (!notCode.has(entry))
      cpSync(join(workspace, entry), join(dist, entry), { recursive: true, filter: (file) => !/\.tsx?$/.test(file) });
}

/** Compiles the workspace alone into dist/, in the folder structure of its sources. */
function compile(): void {
  rmSync(dist, { recursive: true, force: true });
  // Beside the sources, so that their packages are found; other workspaces are compiled along and left there.
  const folder = mkdtempSync(join(workspace, '.compile-'));
  try {
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(compilerSettings(folder)));
    const compiler = createRequire(import.meta.url).resolve('typescript/package.json');
    execFileSync(process.execPath, [join(dirname(compiler), 'bin/tsc'), '-p', folder], { stdio: 'inherit' });
    renameSync(join(folder, 'out', relative(root, workspace)), dist);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compilerSettings(folder: string): object {
  return {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      noEmit: false,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      rootDir: root,
      outDir: join(folder, 'out'),
    },
    include: [`${workspace}/**/*.ts`, `${workspace}/**/*.tsx`],
    // Generators run in this repository only.
    exclude: [`${workspace}/**/node_modules`, `${workspace}/**/generate.ts`, dist],
  };
}

/** The manifest with every path to a source pointing to what it was compiled to, and without what only serves us. */
function packedManifest({ scripts: _, ...manifest }: Record<string, unknown>): object {
  const packed = { ...manifest, files: ['dist'] };
  for (const field of ['main', 'bin', 'exports', 'imports'] as const)
    if (field in manifest) Object.assign(packed, { [field]: compiledPaths(manifest[field]) });
  return packed;
}

function compiledPaths(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/^\.\/(.*)\.tsx?$/, './dist/$1.js');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compiledPaths(inner)]));
}

const steps: Readonly<Record<string, () => void>> = { prepack, postpack };
const step = steps[process.argv[2] ?? ''];
if (step === undefined || !existsSync(manifestFile) || workspace === root)
  throw new Error('usage, in a workspace: node .ci/pack.ts prepack | postpack');
step();
