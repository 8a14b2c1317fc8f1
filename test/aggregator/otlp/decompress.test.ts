import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { withDecompressed } from '../../../aggregator/otlp/decompress.ts';
import { BodyError, MAX_BODY_BYTES } from '../../../aggregator/otlp/receiver.ts';

const textOf = (gzip: Uint8Array) => withDecompressed(gzip, (body) => Buffer.from(body).toString());

describe('a compressed body', () => {
  test.each([0, 1, 4000, 70_000, 900_000])('of %d bytes comes out as it was', (length) => {
    const text = 'body '.repeat(length / 5 + 1).slice(0, length);
    expect(textOf(gzipSync(text))).toBe(text);
  });

  test('may lie about its length', () => {
    const text = 'x'.repeat(300_000);
    for (const said of [0, 1, 299_999, 300_001, 0xffffffff]) {
      const gzip = gzipSync(text);
      gzip.writeUInt32LE(said, gzip.length - 4);
      // zlib compares the length at the very end: what counts is that nothing else breaks.
      expect(() => textOf(gzip)).toThrow(BodyError);
    }
    const [one, two] = [gzipSync(text), gzipSync('end')];
    expect(textOf(Buffer.concat([one, two]))).toBe(`${text}end`);
    // Zeros behind a body are passed over; these say that it is of 16 MiB, which no 30 bytes can become.
    const lying = Buffer.concat([gzipSync('x'), Buffer.from([0, 0, 0, 0, 0, 0, 0, 1])]);
    expect(withDecompressed(lying, (body) => body.buffer.byteLength)).toBeLessThan(100_000);
  });

  test('leaves no memory behind, whatever is made of it', () => {
    const gzip = gzipSync(Buffer.alloc(1024 * 1024, 'x'));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 50; i++) {
      withDecompressed(gzip, (body) => body.length);
      expect(() =>
        withDecompressed(gzip, () => {
          throw new Error('not taken');
        }),
      ).toThrow('not taken');
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * 1024 * 1024);
  });

  test('is refused when it is none, is cut off, or is too large', () => {
    const gzip = gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1));
    for (const body of [Buffer.from('no gzip'), Buffer.alloc(0), gzip.subarray(0, 100)])
      expect(() => textOf(body)).toThrow(expect.objectContaining({ kind: 'malformed' }));
    expect(() => textOf(gzip)).toThrow(expect.objectContaining({ kind: 'too_large' }));
  });
});
