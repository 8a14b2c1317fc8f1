import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadOrMakeApiKey } from '../../aggregator/api-key.ts';
import { smallDisk } from '../support/small-disk.ts';

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

test('a disk that has no room for it keeps no empty file, with which no later start would succeed', () => {
  const disk = smallDisk('64k');
  if (disk === undefined) {
    if (process.env['REQUIRE_REAL'] === '1') throw new Error('a tmpfs cannot be mounted here');
    console.warn('skipped: a small disk needs the right to mount a tmpfs');
    return;
  }
  try {
    const ballast = join(disk.directory, 'ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(1024 * 1024))).toThrow(/ENOSPC/);
    expect(() => loadOrMakeApiKey(disk.directory)).toThrow(/ENOSPC/);
    rmSync(ballast);
    expect(loadOrMakeApiKey(disk.directory).made).toBe(true);
  } finally {
    disk.remove();
  }
});

test.skipIf(process.platform === 'win32')('a start that can open no file does not take the key away', () => {
  const { key, path } = loadOrMakeApiKey(directory);
  const module = new URL('../../aggregator/api-key.ts', import.meta.url).href;
  const script = `
    import { openSync } from 'node:fs';
    import { loadOrMakeApiKey } from ${JSON.stringify(module)};
    const codeOf = (work) => { try { work(); } catch ({ code }) { return code; } };
    while (codeOf(() => openSync('/dev/null')) === undefined);
    process.stdout.write(String(codeOf(() => loadOrMakeApiKey(${JSON.stringify(directory)}))));
  `;
  const node = [process.execPath, '--input-type=module', '--eval', script];
  const said = execFileSync('sh', ['-c', 'ulimit -n 64 && exec "$@"', 'sh', ...node], { encoding: 'utf8' });
  expect(said).toBe('EMFILE');
  expect(readFileSync(path, 'utf8').trim()).toBe(key);
});
