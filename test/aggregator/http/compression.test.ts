import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { contentOf } from '../../../aggregator/http/compression.ts';
import { createReadSide, READ_KEY } from '../../support/read-side.ts';

const LARGE = ['/monitoring/metrics/prometheus/', '/monitoring/slo/', '/openapi.json', '/objectives/', '/docs/'];
/** The same for every reader here, so that bodies can be compared. */
const SAME = { 'X-Monitoring-API-Key': READ_KEY, 'X-Correlation-ID': 'the-same-of-all-readers' };

test.each(LARGE)('%s is the same in gzip, which only those get who take it', async (path) => {
  // A scrape that is kept does not count the readers before.
  const { get } = createReadSide({ cacheTtlSeconds: 5 });
  const ask = (encoding: string, method?: string) => get(path, { ...SAME, 'Accept-Encoding': encoding }, method);
  const plain = await ask('identity');
  const text = await plain.text();
  for (const encoding of ['gzip', 'br;q=1.0, GZIP;q=0.5', 'gzip, deflate, br, zstd']) {
    const packed = await ask(encoding);
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    const bytes = Buffer.from(await packed.arrayBuffer());
    expect(bytes.length).toBeLessThan(text.length / 2);
    expect(gunzipSync(bytes).toString()).toBe(text);
    const head = await ask(encoding, 'HEAD');
    const own = (answer: Response) =>
      [...answer.headers].filter(([name]) => !/^x-(request-duration|cache-status)/.test(name));
    expect(own(head)).toEqual(own(packed));
  }
  for (const encoding of ['', 'br', 'gzip;q=0', 'gzip;q=0.0, identity', '*;q=0.1']) {
    const unpacked = await ask(encoding);
    expect(unpacked.headers.get('content-encoding')).toBe(null);
    expect(await unpacked.text()).toBe(text);
  }
  expect(plain.headers.get('vary')).toMatch(/^Accept-Encoding\b/);
});

test.each(['/healthz', '/monitoring/stream/', '/monitoring/nothing/'])('%s is never compressed', async (path) => {
  const answer = await createReadSide().get(path, { ...SAME, 'Accept-Encoding': 'gzip' });
  expect(answer.headers.get('content-encoding')).toBe(null);
  await answer.body?.cancel();
});

test.each(['GET', 'HEAD'])('nobody on the way may compress, and so hold back, the stream (%s)', async (method) => {
  const answer = await createReadSide().get('/monitoring/stream/', SAME, method);
  expect(answer.headers.get('cache-control')).toBe('no-store, no-transform');
  await answer.body?.cancel();
});

test('a page is compressed as well as zlib does as a rule', async () => {
  const answer = await createReadSide().get('/docs/', { ...SAME, 'Accept-Encoding': 'gzip' });
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(bytes.length).toBe(gzipSync(gunzipSync(bytes)).length);
});

test('what several readers are given is compressed once', () => {
  const content = contentOf('the same '.repeat(1000));
  expect(content.gzipped()).toBe(content.gzipped());
});
