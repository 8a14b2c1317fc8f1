import { BodyError, type ReceivedBody } from './receiver.ts';

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
/** How protobuf begins: the first field of a request is a message. */
const FIRST_MESSAGE = 0x0a;

/**
 * The error with what helps to find its cause: that the body is of another kind than its headers say, else where reading
 * ended. Errors that are not about the form of the body come back as they are.
 * @param at where reading ended, in bytes of the decompressed body; undefined where that is not known
 */
export function located(
  error: unknown,
  body: Uint8Array,
  encoding: ReceivedBody['encoding'],
  at: number | undefined,
): unknown {
  if (!(error instanceof BodyError) || error.kind !== 'malformed') return error;
  const place =
    at === undefined ? '' : ` It could not be read beyond byte ${Math.min(at, body.length)} of ${body.length}.`;
  return new BodyError('malformed', `${error.message}${likeness(body, encoding) ?? place}`);
}

/** What it looks like instead. */
function likeness(body: Uint8Array, encoding: ReceivedBody['encoding']): string | undefined {
  if (body.length === 0) return ' It is empty.';
  if (body[0] === 0x1f && body[1] === 0x8b) return ' It looks like gzip, which Content-Encoding must say.';
  const isOpening = body[0] === OPEN_BRACE || body[0] === OPEN_BRACKET;
  if (encoding === 'protobuf' && isOpening)
    return ' It looks like JSON, which Content-Type must say: application/json.';
  // A line break before JSON is the same byte.
  const isText = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 64)).toString().trim().startsWith('{');
  if (encoding === 'json' && body[0] === FIRST_MESSAGE && !isText)
    return ' It looks like protobuf, which Content-Type must say: application/x-protobuf.';
  return undefined;
}
