import { readFileSync } from 'node:fs';
import { attributes } from '@vigil/semconv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const KINDS = ['receivers', 'processors', 'exporters', 'extensions'] as const;
type Kind = (typeof KINDS)[number];
type Configuration = Partial<Record<Kind, Record<string, unknown>>>;

const folder = new URL('../../otel-config/collector/', import.meta.url);
const read = <T>(name: string): T => parse(readFileSync(new URL(name, folder), 'utf8')) as T;
const agent = read<{ processors: { redaction: Record<'allowed_keys' | 'ignored_keys', string[]> } }>('agent.yaml');
const { allowed_keys: allowed, ignored_keys: ignored } = agent.processors.redaction;

test('the redaction lets through what the registry names, and what identifies a sender', () => {
  const identity = ['service.name', 'service.instance.id', 'host.name', 'process.pid'];
  expect([...allowed, ...ignored]).toEqual(expect.arrayContaining([...Object.keys(attributes), ...identity]));
  // A masked identity would make one sender of many.
  expect(ignored).toEqual([...identity, 'client.address']);
});

test('nothing of our own is let through that the registry does not name', () => {
  const own = [...allowed, ...ignored].filter((key) => key.startsWith('vigil.'));
  expect(own.filter((key) => !Object.hasOwn(attributes, key))).toEqual([]);
});

test('the manifest holds what the configurations use, and nothing else', () => {
  const files = ['agent.yaml', 'gateway.yaml', 'remote-write.yaml', 'development.yaml'];
  const configurations = files.map((file) => read<Configuration>(file));
  const manifest = read<Record<Kind, readonly { gomod: string }[]>>('builder.yaml');
  for (const kind of KINDS) {
    const used = configurations.flatMap((configuration) => Object.keys(configuration[kind] ?? {}));
    const types = new Set(used.map((id) => id.split('/')[0].replaceAll('_', '')));
    const modules = manifest[kind].map(({ gomod }) => gomod.split(' ')[0].split('/').at(-1));
    expect(modules.map((module) => module?.replace(new RegExp(`${kind.slice(0, -1)}$`), '')).sort()).toEqual(
      [...types].sort(),
    );
  }
});
