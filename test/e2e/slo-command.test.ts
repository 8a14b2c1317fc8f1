import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startAggregator, temporaryDirectory } from '../support/aggregator.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILT_IN = join(ROOT, 'otel-config/openslo/objectives.yaml');

function vigil(...args: string[]) {
  const cli = join(ROOT, 'aggregator/cli.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('vigil slo validate and export, and a service that starts with the file', async () => {
  const directory = temporaryDirectory();
  const wrong = join(directory, 'wrong.yaml');
  writeFileSync(wrong, 'apiVersion: openslo/v1\nkind: DataSource\n');
  expect(vigil('slo', 'validate', BUILT_IN, wrong)).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/objectives\.yaml: 4 objectives: mutation-latency-p95, .+\n$/),
    stderr: expect.stringMatching(/^\S+wrong\.yaml:2: kind DataSource is not supported: .+\.\n$/),
  });

  const own = join(directory, 'own.yaml');
  const exported = vigil('slo', 'export').stdout;
  writeFileSync(own, exported.replace('name: task-duplicates', 'name: my-tasks'));
  const aggregator = await startAggregator({ env: { MONITORING_SLO_FILE: own } });
  const body = await aggregator.json<{ objectives: { id: string }[] }>('/monitoring/slo/');
  expect(await aggregator.stop()).toBe(0);
  const ids = body.objectives.map(({ id }) => id).toSorted();
  expect(ids).toEqual([
    'mutation-latency-p95',
    'mutation-latency-p99',
    'mutation-success',
    'my-tasks',
    'task-duplicates',
  ]);
});

test('a service with a wrong file does not start, and says where', async () => {
  const file = join(temporaryDirectory(), 'wrong.yaml');
  writeFileSync(file, 'kind: SLI\n');
  await expect(startAggregator({ env: { MONITORING_MAINTENANCE_FILE: file } })).rejects.toThrow(
    /MONITORING_MAINTENANCE_FILE cannot be used:.+wrong\.yaml:1/,
  );
});
