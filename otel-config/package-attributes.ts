/** What an application is called, where nobody has said: its own package.json does. */
import { readFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';

/**
 * Name and version of the nearest package.json with a name, as `service.name` and `service.version`. Without such a file
 * the SDK's own default holds.
 * @param script the file that Node runs, from which on it is looked for; where that is a tool that was installed, such as
 * a framework's command, from the working directory on
 */
export function packageAttributes(script = process.argv[1], directory = process.cwd()): Record<string, string> {
  const isInstalled = script === undefined || script.includes(`${sep}node_modules${sep}`);
  for (let folder = isInstalled ? directory : script; ; folder = dirname(folder)) {
    const { name, version } = readPackage(join(folder, 'package.json'));
    if (typeof name === 'string' && name !== '')
      return { 'service.name': name, ...(typeof version === 'string' ? { 'service.version': version } : {}) };
    if (dirname(folder) === folder) return {};
  }
}

function readPackage(path: string): { readonly name?: unknown; readonly version?: unknown } {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) ?? {}) as object;
  } catch {
    return {};
  }
}
