/** Packs every workspace as users get it. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, symlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = resolve(import.meta.dirname, '../..');
export const run = promisify(execFile);
/** npm and the packages' scripts run on this very Node. */
export const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };

/** A copy of the sources, so that packing rewrites no manifest that somebody else is reading; packages are linked. */
export async function copySources(folder: string): Promise<void> {
  await mkdir(folder);
  for (const entry of [
    '.ci',
    'instrumentation',
    'otel-config',
    'aggregator',
    'package.json',
    'tsconfig.json',
    'LICENSE',
  ])
    await cp(join(ROOT, entry), join(folder, entry), {
      recursive: true,
      filter: (source) => !['node_modules', 'dist'].includes(basename(source)),
    });
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  for (const entry of await readdir(join(ROOT, 'node_modules')))
    if (entry !== '@vigil') await symlink(join(ROOT, 'node_modules', entry), join(modules, entry));
  await cp(join(ROOT, 'node_modules/@vigil'), join(modules, '@vigil'), { recursive: true, verbatimSymlinks: true });
}

/** @returns the paths of the tarballs */
export async function packAll(sources: string, folder: string): Promise<string[]> {
  await mkdir(folder);
  await run('npm', ['pack', '--workspaces', '--pack-destination', folder], { cwd: sources, env });
  return (await readdir(folder)).map((name) => join(folder, name));
}
