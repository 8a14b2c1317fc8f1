/** Installs what a requirements file pins into a virtual environment outside the checkout, unless it is there already. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_MS = 180_000;

/** @returns the folder of the environment's programs; rejects when Python or pip fails, or takes longer than 3 minutes */
export async function installPython(requirementsFile: string): Promise<string> {
  const digest = createHash('sha256').update(readFileSync(requirementsFile)).digest('hex').slice(0, 12);
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const environment = join(cache, 'vigil', `python-${digest}`);
  const programs = join(environment, 'bin');
  // Written last: an installation that broke off begins anew.
  const stamp = join(environment, 'installed');
  if (existsSync(stamp)) return programs;
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(environment, { recursive: true });
  const limit = { timeout: INSTALL_MS, killSignal: 'SIGKILL' } as const;
  await run('python3', ['-m', 'venv', environment], limit);
  const options = ['--quiet', '--disable-pip-version-check', '--only-binary', ':all:', '--requirement'];
  await run(join(programs, 'pip'), ['install', ...options, requirementsFile], limit);
  writeFileSync(stamp, '');
  return programs;
}
