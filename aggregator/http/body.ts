/** Reading request bodies into buffers that are used again: a body of 16 MiB costs no garbage collection. */
import type { IncomingMessage } from 'node:http';

/** Why a body could not be read. */
export type BodyFailure = 'too_large' | 'truncated' | 'busy';

export class BodyUnread extends Error {
  override readonly name = 'BodyUnread';
  readonly failure: BodyFailure;
  constructor(failure: BodyFailure) {
    super(failure);
    this.failure = failure;
  }
}

export interface PooledBuffer {
  readonly bytes: Buffer;
  release(): void;
}

export interface BufferPool {
  /** A buffer of at least that many bytes; undefined when all bodies together would be too large. */
  acquire(bytes: number): PooledBuffer | undefined;
  /** Bytes of the buffers given out. */
  readonly inUseBytes: number;
}

const SMALLEST_BUFFER_BYTES = 64 * 1024;

/**
 * Buffers by powers of two.
 * @param maxInUseBytes bodies being read at the same time, together
 * @param maxIdleBytes what is kept for the next bodies
 */
export function createBufferPool(maxInUseBytes: number, maxIdleBytes: number): BufferPool {
  const idle = new Map<number, Buffer[]>();
  let inUseBytes = 0;
  let idleBytes = 0;
  const take = (size: number): Buffer => {
    const buffer = idle.get(size)?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(size);
    idleBytes -= size;
    return buffer;
  };
  return {
    get inUseBytes() {
      return inUseBytes;
    },
    acquire(bytes) {
      const size = Math.max(SMALLEST_BUFFER_BYTES, 2 ** Math.ceil(Math.log2(bytes)));
      if (inUseBytes + size > maxInUseBytes) return undefined;
      inUseBytes += size;
      const buffer = take(size);
      let released = false;
      return {
        bytes: buffer,
        release() {
          if (released) return;
          released = true;
          inUseBytes -= size;
          if (idleBytes + size > maxIdleBytes) return;
          idleBytes += size;
          idle.set(size, [...(idle.get(size) ?? []), buffer]);
        },
      };
    },
  };
}

export interface ReadBody {
  /** Valid until `release`. */
  readonly bytes: Uint8Array;
  release(): void;
}

/** What a header promises is believed up to this; beyond it, memory grows with what has arrived. */
const BELIEVED_BYTES = 1024 * 1024;

/**
 * Reads a whole body.
 * @param expectedBytes what the client announced, 0 when it did not
 * @throws BodyUnread; what is left of the request is then not read
 */
export function readBody(
  request: IncomingMessage,
  pool: BufferPool,
  { expectedBytes, maxBytes }: { readonly expectedBytes: number; readonly maxBytes: number },
): Promise<ReadBody> {
  return new Promise((resolve, reject) => {
    let buffer = pool.acquire(Math.min(expectedBytes, BELIEVED_BYTES));
    let length = 0;

    const finish = (): void => {
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
    };
    const fail = (failure: BodyFailure): void => {
      finish();
      buffer?.release();
      reject(new BodyUnread(failure));
    };
    const onData = (chunk: Buffer): void => {
      if (length + chunk.length > maxBytes) {
        fail('too_large');
        return;
      }
      const roomy = withRoom(pool, buffer, length, chunk.length);
      if (roomy === undefined) {
        fail('busy');
        return;
      }
      buffer = roomy;
      chunk.copy(buffer.bytes, length);
      length += chunk.length;
    };
    const onEnd = (): void => {
      finish();
      if (buffer === undefined) reject(new BodyUnread('busy'));
      else resolve({ bytes: buffer.bytes.subarray(0, length), release: buffer.release });
    };
    const onClose = (): void => fail('truncated');
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}

/** The buffer itself, or a larger one with its content; undefined when there is none to be had. */
function withRoom(
  pool: BufferPool,
  buffer: PooledBuffer | undefined,
  length: number,
  more: number,
): PooledBuffer | undefined {
  if (buffer === undefined || length + more <= buffer.bytes.length) return buffer;
  const larger = pool.acquire(length + more);
  if (larger === undefined) return undefined;
  buffer.bytes.copy(larger.bytes, 0, 0, length);
  buffer.release();
  return larger;
}
