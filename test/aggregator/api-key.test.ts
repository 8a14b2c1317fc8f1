import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadOrMakeApiKey } from '../../aggregator/api-key.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vigil-key-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('a key is made once, kept for its owner alone, and found again', () => {
  const data = join(directory, 'not', 'yet', 'there');
  const first = loadOrMakeApiKey(data);
  expect(first).toMatchObject({ made: true, path: join(data, 'api-key') });
  expect(first.key).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(modeOf(first.path)).toBe(0o600);
  expect(loadOrMakeApiKey(data)).toEqual({ ...first, made: false });
  expect(loadOrMakeApiKey(join(directory, 'other')).key).not.toBe(first.key);
});

test('a file that others may read is closed to them', () => {
  const { path } = loadOrMakeApiKey(directory);
  chmodSync(path, 0o644);
  loadOrMakeApiKey(directory);
  expect(modeOf(path)).toBe(0o600);
});

test('an empty or damaged file is no key', () => {
  for (const content of ['', '\n', 'short\n', 'two keys in one file\n']) {
    writeFileSync(join(directory, 'api-key'), content);
    expect(() => loadOrMakeApiKey(directory)).toThrow(/holds no key/);
  }
});
