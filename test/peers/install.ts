/** Installs what a folder of peers locks, unless it is there already. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** The lock file that `node_modules` was made from, by its digest. */
const STAMP = 'node_modules/.installed';

/** @param folder with a package.json and a package-lock.json; rejects when npm fails */
export async function installPeers(folder: string): Promise<void> {
  const digest = createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
  if (read(join(folder, STAMP)) === digest) return;
  // npm must run on the Node that runs the peers: it chooses versions by it.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` };
  const options = { cwd: folder, env, shell: process.platform === 'win32' };
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options);
  writeFileSync(join(folder, STAMP), digest);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
