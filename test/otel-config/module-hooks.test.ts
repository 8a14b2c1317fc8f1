import { describe, expect, test } from 'vitest';
import { moduleUrlPattern } from '../../otel-config/module-hooks.ts';
import { app, REGISTER, runApp } from './run-app.ts';

describe('the pattern of hooked modules', () => {
  const pattern = moduleUrlPattern(['graphql', '@graphql-tools/executor', 'http', '/srv/own.js']);
  test.each([
    ['file:///app/node_modules/graphql/index.mjs', true],
    ['file:///app/node_modules/.pnpm/graphql@17.1.0/node_modules/graphql/execution/execute.mjs', true],
    ['file:///app/node_modules/@graphql-tools/executor/esm/index.js', true],
    ['node:http', true],
    ['http', true],
    ['file:///srv/own.js', true],
    ['file:///app/node_modules/graphql-yoga/index.js', false],
    ['file:///app/graphql/index.js', false],
    ['node:https', false],
  ])('%s: %s', (url, expected) => {
    expect(pattern.test(url)).toBe(expected);
  });

  test('without names matches nothing', () => {
    expect(moduleUrlPattern([]).test('file:///app/node_modules/x/y.js')).toBe(false);
  });
});

describe.concurrent('a text instead of a file runs as it does without us', () => {
  const text = 'const { readFileSync } = require("fs"); console.log(typeof readFileSync, typeof module)';
  test.each([
    ['--import', { imports: [REGISTER] }],
    ['--require', { imports: [], requires: [REGISTER] }],
    ['both', { imports: [REGISTER], requires: [REGISTER] }],
  ])('with %s', async (_, how) => {
    const end = await runApp('-e', { args: [text], ...how, env: { OTEL_METRICS_EXPORTER: 'none' } });
    expect(end).toMatchObject({ code: 0, stderr: '', stdout: 'function object\n' });
  });
});

describe.concurrent('an instrumentation of the user sees what is loaded', () => {
  test.each(['import', 'require'])('with %s', async (way) => {
    const end = await runApp(app('loads.ts'), { args: [way], imports: [app('own-instrumentation.ts')] });
    expect(end).toMatchObject({ code: 0, stderr: '', stdout: 'patched\n' });
  });

  test('with import, on a Node that has only asynchronous hooks', async () => {
    const imports = [app('old-node.cjs'), app('own-instrumentation.ts')];
    const end = await runApp(app('loads.ts'), { args: ['import'], imports });
    expect(end).toMatchObject({ code: 0, stdout: 'patched\n' });
  });

  test('not with --require on such a Node, which says so instead of waiting for ever', async () => {
    const requires = [app('old-node.cjs'), app('own-instrumentation.ts')];
    const end = await runApp(app('loads.ts'), { args: ['require'], imports: [], requires });
    expect(end).toMatchObject({ code: 0, stdout: 'patched\n', stderr: expect.stringContaining('use --import') });
  });

  test('not without our hooks', async () => {
    const end = await runApp(app('loads.ts'), { args: ['import'], imports: [] });
    expect(end.stdout).toBe('bare\n');
  });
});
