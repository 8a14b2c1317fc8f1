/** The manifest and the configurations, by the Collector's own judgement. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from '../../support/aggregator.ts';
import type { Checks } from './checks.ts';
import { CONFIGURATIONS, configArguments } from './processes.ts';

/** As they are meant to be merged. */
export const DEPLOYMENTS: readonly (readonly string[])[] = [
  ['agent'],
  ['agent', 'remote-write'],
  ['agent', 'gateway'],
  ['agent', 'gateway', 'remote-write'],
  ['agent', 'development'],
];

const COMPLETE = {
  VIGIL_ENDPOINT: 'http://127.0.0.1:8000',
  VIGIL_KEY: 'key',
  VIGIL_GATEWAY_KEY: 'gateway-key',
  VIGIL_REMOTE_WRITE_URL: 'http://127.0.0.1:9090/api/v1/write',
};

export async function checkConfigurations({ check }: Checks, binary: string): Promise<void> {
  await check('components are those of the manifest', () => {
    const said = run(binary, ['components'], {}).stdout;
    const manifest = readFileSync(join(CONFIGURATIONS, 'builder.yaml'), 'utf8');
    const modules = (text: string, pattern: RegExp): string[] =>
      [...text.matchAll(pattern)].map(([, module]) => module).sort();
    assert.deepEqual(modules(said, /module: (\S+ v\S+)/g), modules(manifest, /gomod: (\S+ v\S+)/g));
  });
  for (const names of DEPLOYMENTS)
    await check(`validate ${names.join(' + ')}`, () => {
      const { status, stderr } = run(binary, ['validate', ...configArguments(names)], COMPLETE);
      assert.equal(status, 0, stderr);
      assert.doesNotMatch(stderr, /deprecat/i);
    });
  await check('a configuration without its address is refused', () => {
    const { status } = run(binary, ['validate', ...configArguments(['agent'])], { VIGIL_KEY: 'key' });
    assert.notEqual(status, 0);
  });
}

function run(binary: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const environment = { PATH: process.env['PATH'] ?? '', VIGIL_QUEUE_DIR: temporaryDirectory(), ...env };
  return spawnSync(binary, args, { encoding: 'utf8', env: environment, timeout: 20_000 });
}
