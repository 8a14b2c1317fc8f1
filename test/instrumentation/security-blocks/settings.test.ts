import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import {
  SecurityBlockInstrumentation,
  settingsFromEnvironment,
  settingVariables,
} from '../../../instrumentation/security-blocks/index.ts';
import { securityCategories } from '../../../instrumentation/security-blocks/kinds.ts';
import { attributes, securityBlockPatterns } from '../../../instrumentation/semconv/index.ts';

test.each([
  ['VIGIL_TRUSTED_HOPS', '2', { trustedHops: 2 }],
  ['VIGIL_CLIENT_ADDRESSES', 'network', { clientAddresses: 'network' }],
  ['VIGIL_PSEUDONYM_SECRET', 'sixteen letters!', { pseudonymSecret: 'sixteen letters!' }],
  [
    'VIGIL_ALLOWED_ORIGINS',
    'https://shop.example, http://localhost:3000/',
    { allowedOrigins: ['https://shop.example', 'http://localhost:3000'] },
  ],
  ['VIGIL_GRAPHQL_PATHS', '/graphql,/api', { graphqlPaths: ['/graphql', '/api'] }],
  ['VIGIL_SECURITY_SPANS_PER_SECOND', '0', { maxSpansPerSecond: 0 }],
])('%s=%s', (name, value, settings) => {
  expect(settingsFromEnvironment({ [name]: value })).toEqual({ settings, problems: [] });
  expect(settingsFromEnvironment({ [name]: ' ' })).toEqual({ settings: {}, problems: [] });
});

test.each([
  ['VIGIL_TRUSTED_HOPS', 'two', {}],
  ['VIGIL_TRUSTED_HOPS', '-1', {}],
  ['VIGIL_TRUSTED_HOPS', '33', {}],
  ['VIGIL_CLIENT_ADDRESSES', 'pseudonim', { clientAddresses: 'pseudonym' }],
  ['VIGIL_PSEUDONYM_SECRET', 'short', {}],
  ['VIGIL_ALLOWED_ORIGINS', 'https://shop.example,shop.example', { allowedOrigins: ['https://shop.example'] }],
  ['VIGIL_ALLOWED_ORIGINS', 'https://shop.example/path', { allowedOrigins: [] }],
  ['VIGIL_GRAPHQL_PATHS', 'graphql', {}],
  ['VIGIL_SECURITY_SPANS_PER_SECOND', 'many', {}],
])('%s=%s is told with what it takes, and never repeated', (name, value, settings) => {
  const read = settingsFromEnvironment({ [name]: value, VIGIL_PSEUDONYM_SECRET: name.endsWith('SECRET') ? value : '' });
  expect(read.settings).toEqual(settings);
  expect(read.problems[0]).toMatch(new RegExp(`^${name} takes .+\\.$`));
  expect(read.problems[0]).not.toContain('pseudonim');
});

describe('pseudonyms without a secret', () => {
  it('are said to differ by process', () => {
    const { problems } = settingsFromEnvironment({ VIGIL_CLIENT_ADDRESSES: 'pseudonym' });
    expect(problems).toEqual([expect.stringContaining('VIGIL_PSEUDONYM_SECRET is not set')]);
  });
});

test('the README documents every variable', () => {
  const readme = readFileSync(new URL('../../../instrumentation/security-blocks/README.md', import.meta.url), 'utf8');
  for (const name of settingVariables) expect(readme).toContain(`| \`${name}\` |`);
});

test('the categories are the registry’s', () => {
  expect(securityCategories).toEqual(attributes['vigil.security.category'].values);
  expect(['sqli', ...Object.keys(securityBlockPatterns)].toSorted()).toEqual([...securityCategories].toSorted());
});

test('an option that is there and undefined is not set', () => {
  const instrumentation = new SecurityBlockInstrumentation({ trustedHops: undefined, enabled: false });
  expect(Reflect.get(instrumentation, 'watch').settings.trustedHops).toBe(0);
});
