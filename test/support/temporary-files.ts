/** Set-up of the whole test run: what tests leave in the system's folder for temporary files goes with the run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'vigil-run-'));
  process.env['TMPDIR'] = directory;
  return () => rmSync(directory, { recursive: true, force: true });
}
