import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeApiMismatch } from '../../otel-config/api-copies.ts';
import { app, REGISTER, runApp } from './run-app.ts';

const ours = { version: '1.10.0', path: '/ours' };

test.each([
  ['1.9.0', false],
  ['1.10.3', false],
  ['1.11.0', true],
  ['2.0.0', true],
  ['0.9.0', true],
])("an application's copy %s is warned of: %s", (version, isWarned) => {
  const applications = { version, path: '/app' };
  const line = describeApiMismatch({ ours, registeredVersion: undefined, applications });
  expect(line !== undefined).toBe(isWarned);
});

test('a copy of another version that has registered before is warned of', () => {
  const situation = { ours, registeredVersion: '1.9.0', applications: undefined };
  expect(describeApiMismatch(situation)).toContain('NOTHING');
  expect(describeApiMismatch({ ...situation, registeredVersion: '1.10.0' })).toBeUndefined();
});

test('an application with a newer copy of its own gets one line, and runs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vigil-api-'));
  try {
    const copy = join(folder, 'node_modules/@opentelemetry/api');
    await mkdir(join(copy, '..'), { recursive: true });
    await cp(new URL('../../node_modules/@opentelemetry/api', import.meta.url), copy, { recursive: true });
    const manifest = { name: '@opentelemetry/api', version: '1.99.0', main: './dist/index.cjs' };
    await writeFile(join(copy, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(folder, 'app.cjs'), "require('@opentelemetry/api')");
    const end = await runApp(join(folder, 'app.cjs'));
    expect(end.code).toBe(0);
    expect(end.stderr).toMatch(/^vigil: WARNING: the application's @opentelemetry\/api 1\.99\.0 .*\n$/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('an SDK that is registered before is used', async () => {
  const end = await runApp(app('mutate.ts'), { imports: [app('other-sdk.ts'), REGISTER] });
  expect(end.code).toBe(0);
  expect(end.stderr).toMatch(/^vigil: another OpenTelemetry SDK is already registered.*\n$/);
  expect(end.stdout).toContain('vigil.mutation.duration');
});
