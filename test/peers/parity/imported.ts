/** The stretch through the command line, and what the service then says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { startAggregator, temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';

const CLI = resolve(import.meta.dirname, '../../../aggregator/cli.ts');
const IMPORT_WITHIN_MS = 60_000;

export interface ImportedSlos {
  readonly objectives: readonly {
    readonly id: string;
    readonly events: { readonly good: number; readonly total: number };
    readonly budget_remaining: number | null;
  }[];
}

/** `vigil import` into a new store, at the original times; then `/monitoring/slo/` of a service on it. */
export async function importedSlos(lines: readonly string[]): Promise<ImportedSlos> {
  const directory = temporaryDirectory();
  const file = join(temporaryDirectory(), 'stretch.jsonl.gz');
  writeFileSync(file, gzipSync(`${lines.join('\n')}\n`, { level: 1 }));
  const child = spawn(process.execPath, [CLI, 'import', file], {
    env: { ...process.env, MONITORING_DATA_DIR: directory },
    cwd: directory,
    stdio: ['ignore', 'ignore', 'inherit'],
    timeout: IMPORT_WITHIN_MS,
  });
  const [code] = await once(endWithUs(child), 'exit');
  if (code !== 0) throw new Error(`vigil import ended with ${code}`);
  const service = await startAggregator({ directory });
  try {
    return await service.json<ImportedSlos>('/monitoring/slo/');
  } finally {
    await service.stop();
  }
}
