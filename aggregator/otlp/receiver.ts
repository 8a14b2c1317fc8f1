/**
 * What the HTTP side hands over and gets back: the port between `http/` and the receiving of telemetry.
 */
export type Signal = 'metrics' | 'traces';

export interface ReceivedBody {
  readonly signal: Signal;
  /** As it came over the wire, still compressed. Valid only during the call. */
  readonly bytes: Uint8Array;
  readonly encoding: 'protobuf' | 'json';
  readonly gzip: boolean;
}

/** What became of the points or spans of one request. */
export interface Accepted {
  /** Points or spans that were not taken, the ones that repeat what is known not counted among them. */
  readonly rejected: number;
  /** Why, one sentence; '' when everything was taken. */
  readonly message: string;
}

/** The body cannot be taken. Nothing of it was. */
export class BodyError extends Error {
  override readonly name = 'BodyError';
  readonly kind: 'malformed' | 'too_large' | 'unavailable';
  /** Only for 'unavailable'. */
  readonly retryAfterSeconds: number;
  constructor(kind: BodyError['kind'], message: string, retryAfterSeconds = 0) {
    super(message);
    this.kind = kind;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** Takes telemetry. When `take` returns, what it accepted survives `kill -9`. */
export interface Receiver {
  /** @throws BodyError */
  take(body: ReceivedBody): Accepted;
}

/** Largest body in bytes, before and after decompression. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;
