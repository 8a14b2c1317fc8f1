/** Set-up of the whole test run: what tests leave in the system's folder for temporary files goes with the run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function setup(): () => void {
  const directory = mkdtempSync(join(tmpdir(), 'vigil-run-'));
  process.env['TMPDIR'] = directory;
  // No aggregator of a test announces itself to applications: in a place below a file nothing can be kept.
  process.env['XDG_STATE_HOME'] = join(directory, 'nothing');
  writeFileSync(join(directory, 'nothing'), '');
  // Dozens of processes are started from the same sources: the first ones strip and compile them for all.
  process.env['NODE_COMPILE_CACHE'] = join(directory, 'compiled');
  return () => rmSync(directory, { recursive: true, force: true });
}
