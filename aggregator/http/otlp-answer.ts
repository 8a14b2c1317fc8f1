/** Answers to OTLP requests, in the encoding of the request: `Export…ServiceResponse` and `google.rpc.Status`. */
import { PbfWriter } from 'pbf';
import type { Accepted, ReceivedBody, Signal } from '../otlp/receiver.ts';

export type OtlpEncoding = ReceivedBody['encoding'];

export const OTLP_CONTENT_TYPES: Readonly<Record<OtlpEncoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};

/** The count of rejected items in `Export…PartialSuccess`, as JSON names it; its number is 1 for both signals. */
const REJECTED_FIELDS: Readonly<Record<Signal, string>> = {
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
};

const EMPTY_MESSAGE = new Uint8Array(0);

/** `Export…ServiceResponse`: without a partial success when there is nothing to say. */
export function encodeExported(signal: Signal, encoding: OtlpEncoding, { rejected, message }: Accepted): Uint8Array {
  const partial = rejected > 0 || message !== '';
  if (encoding === 'json') {
    // int64 is text in protobuf's JSON mapping.
    const success = { [REJECTED_FIELDS[signal]]: String(rejected), errorMessage: message };
    return Buffer.from(JSON.stringify(partial ? { partialSuccess: success } : {}));
  }
  if (!partial) return EMPTY_MESSAGE;
  const pbf = new PbfWriter();
  pbf.writeMessage(
    1,
    (success: Accepted, inner) => {
      inner.writeVarintField(1, success.rejected);
      inner.writeStringField(2, success.message);
    },
    { rejected, message },
  );
  return pbf.finish();
}

/**
 * `google.rpc.Status`
 * @param code of `google.rpc.Code`
 */
export function encodeStatus(encoding: OtlpEncoding, code: number, message: string): Uint8Array {
  if (encoding === 'json') return Buffer.from(JSON.stringify({ code, message }));
  const pbf = new PbfWriter();
  pbf.writeVarintField(1, code);
  pbf.writeStringField(2, message);
  return pbf.finish();
}
