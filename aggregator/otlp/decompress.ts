import { gunzipSync } from 'node:zlib';
import { BodyError, MAX_BODY_BYTES } from './receiver.ts';

/** A smaller buffer could be a part of one that Node shares out. */
const SMALLEST_BUFFER_BYTES = 64 * 1024;
/** What a byte of deflate can become at most: two bits a repetition of 258 bytes. */
const MAX_BYTES_OF_ONE = 1032;

/**
 * Gives the decompressed body to `use`; its bytes are valid only during the call. Their memory is free again when it
 * returns: left to the garbage collector, a megabyte a body costs as much as all that is done with the body.
 * @throws BodyError when it is no gzip, is cut off, or would be larger than a body may be; and whatever `use` throws
 */
export function withDecompressed<Result>(gzip: Uint8Array, use: (body: Uint8Array) => Result): Result {
  const bufferBytes = sizeOf(gzip);
  const body = decompress(gzip, bufferBytes);
  try {
    return use(body);
  } finally {
    if (body.buffer.byteLength === bufferBytes) body.buffer.transfer(0);
  }
}

/**
 * Of a buffer that a full one of the same size need not follow. The last four bytes hold the length of the body; they
 * may lie, so they are bounded: a buffer of 16 MiB for each small body would keep the garbage collector busy.
 */
function sizeOf(gzip: Uint8Array): number {
  const end = gzip.byteOffset + gzip.length;
  const said = gzip.length < 18 ? 0 : new DataView(gzip.buffer, end - 4, 4).getUint32(0, true);
  const possible = Math.min(said, MAX_BYTES_OF_ONE * gzip.length);
  return Math.min(Math.max(possible, SMALLEST_BUFFER_BYTES), MAX_BODY_BYTES) + 1;
}

function decompress(gzip: Uint8Array, bufferBytes: number) {
  try {
    return gunzipSync(gzip, { chunkSize: bufferBytes, maxOutputLength: MAX_BODY_BYTES });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new BodyError('too_large', `The body is larger than ${MAX_BODY_BYTES} bytes after decompression.`);
    const isGzip = gzip[0] === 0x1f && gzip[1] === 0x8b;
    const problem = isGzip
      ? 'The body is damaged gzip, or is cut off.'
      : 'The body is no gzip, as its Content-Encoding says.';
    throw new BodyError('malformed', problem);
  }
}
