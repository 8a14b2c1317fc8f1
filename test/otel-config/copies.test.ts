import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly dev?: boolean }>>;
}

test('what users get holds one copy of each OpenTelemetry package: sdk-node pins the versions of the others', async () => {
  const lock = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')) as LockFile;
  const copies = Object.entries(lock.packages)
    .filter(([path, { dev }]) => !dev && /node_modules\/(@opentelemetry\/[^/]+|import-in-the-middle)$/.test(path))
    .map(([path]) => path);
  expect(copies).toContain('node_modules/@opentelemetry/sdk-node');
  expect(copies.filter((path) => path.lastIndexOf('node_modules/') > 0)).toEqual([]);
});
