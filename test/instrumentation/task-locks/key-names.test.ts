import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKeyNames, templateOf } from '../../../instrumentation/task-locks/key-names.ts';

const cases: readonly [key: string, name: string, scope: string][] = [
  ['lock:close_jobs', 'lock:close_jobs', 'global'],
  ['lock:invoice:8412', 'lock:invoice:*', 'global'],
  ['lock:invoice:7', 'lock:invoice:*', 'global'],
  ['report/2026-11-25/daily', 'report/*/daily', 'global'],
  ['lock:tenant:acme:nightly', 'lock:tenant:*:nightly', 'tenant'],
  ['tenant-acme:nightly', 'tenant-*:nightly', 'tenant'],
  ['Tenant_Acme|nightly', 'Tenant_*|nightly', 'tenant'],
  ['{user:ada}:send_email', 'user:*:send_email', 'user'],
  ['send_email:ada@example.org', 'send_email:*', 'global'],
  ['device:kitchen:sync:v2', 'device:*:sync:v2', 'device'],
  ['user:ada:org:acme:x', 'user:*:org:*:x', 'user'],
  ['job:550e8400-e29b-41d4-a716-446655440000', 'job:*', 'global'],
  ['job:4f3c2a1b9d8e7f60', 'job:*', 'global'],
  ['job:dGhpcyBpcyBub3QgYSBuYW1l', 'job:*', 'global'],
  ['import-42:row-7', 'import-*:row-*', 'global'],
  ['s3-upload:oauth2', 's3-upload:oauth2', 'global'],
  ['constructor:toString', 'constructor:toString', 'global'],
  ['', '_OTHER', 'global'],
  ['x'.repeat(600), '_OTHER', 'global'],
];

test.each(cases)('%s is %s of scope %s', (key, name, scope) => {
  expect(templateOf(key)).toEqual({ name, scope });
});

test('no name of a tenant, user or device is in a template, whatever its alphabet', () => {
  const word = fc.constantFrom('tenant', 'user', 'device', 'org', 'Customer', 'WORKSPACE');
  const name = fc.stringMatching(/^[\p{L}\p{N}&' .]{1,30}$/u).filter((text) => text.trim() !== '');
  const separator = fc.constantFrom(':', '/', '|', '-', '_', '=');
  fc.assert(
    fc.property(word, separator, name, (scope, between, somebody) => {
      // What a digit or a letter of the frame contains proves nothing.
      const marked = `Ω${somebody}Ω`;
      expect(templateOf(`lock:${scope}${between}${marked}:close`).name).not.toContain(marked);
    }),
  );
});

test('a template is its own template, and bounded', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 600 }), (key) => {
      const names = createKeyNames({ rules: [], maxNames: 10 });
      expect(names.nameOf(key).task.length).toBeLessThanOrEqual(80);
    }),
  );
  for (const [, name] of cases) if (!name.startsWith('_')) expect(templateOf(name).name).toBe(name);
});

describe('names', () => {
  test('beyond the bound are _OTHER, known ones stay', () => {
    const names = createKeyNames({ rules: [], maxNames: 2 });
    expect(['a', 'b', 'c', 'a', 'd'].map((key) => names.nameOf(key).task)).toEqual(['a', 'b', '_OTHER', 'a', '_OTHER']);
  });

  test('rules of the user come first, in their order, also those that come later', () => {
    const rules = [{ match: /^dedup:/g, task: 'send_email', scope: 'user', kind: 'dedup' as const }];
    const names = createKeyNames({ rules, maxNames: 200 });
    for (let i = 0; i < 3; i++)
      expect(names.nameOf(`dedup:${i}`)).toEqual({ task: 'send_email', scope: 'user', kind: 'dedup' });
    expect(names.nameOf('cache:7')).toEqual({ task: 'cache:*', scope: 'global', kind: 'lock' });
    names.addRules([
      { match: /^cache:/, kind: 'ignore' },
      { match: /^dedup:/, task: 'too late' },
    ]);
    expect(names.nameOf('cache:7').kind).toBe('ignore');
    expect(names.nameOf('dedup:1').task).toBe('send_email');
  });
});
