import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadAssets } from '../../../aggregator/page/assets.ts';
import { createReadSide } from '../../support/read-side.ts';

test('files are read and compressed once a process, wherever and however often they are mounted', () => {
  const [first, again, below] = ['', '', '/vigil'].map(loadAssets);
  expect(first.files).toHaveLength(4);
  for (const [i, { path, content, gzipped }] of first.files.entries()) {
    for (const other of [again, below]) {
      expect(other.files[i].content).toBe(content);
      expect(other.files[i].gzipped()).toBe(gzipped());
    }
    expect(below.files[i].path).toBe(`/vigil${path}`);
  }
});

test.each(loadAssets('').files)('$path is sent as it was compressed, to all who take it so', async (file) => {
  const { app } = createReadSide();
  const ask = (encoding: string) => app.request(file.path, { headers: { 'Accept-Encoding': encoding } });
  const packed = await ask('gzip, br');
  expect(packed.headers.get('content-encoding')).toBe('gzip');
  expect(packed.headers.get('content-type')).toBe(file.type);
  const bytes = Buffer.from(await packed.arrayBuffer());
  expect(bytes.equals(file.gzipped())).toBe(true);
  expect(gunzipSync(bytes).equals(file.content)).toBe(true);
  const plain = await ask('identity');
  expect(plain.headers.get('content-encoding')).toBe(null);
  expect(Buffer.from(await plain.arrayBuffer()).equals(file.content)).toBe(true);
  // The address changes with the content, so it may be kept for ever.
  expect(file.path).toContain(createHash('sha256').update(file.content).digest('hex').slice(0, 12));
  expect(packed.headers.get('cache-control')).toContain('immutable');
});
