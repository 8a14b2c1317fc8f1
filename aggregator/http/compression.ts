/** Answers in gzip, where their reader takes it and it pays. */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { acceptsGzip } from './negotiation.ts';

const compress = promisify(gzip);

/** What one packet carries arrives no sooner for being smaller. */
const MIN_CHARACTERS = 1400;
/** Of a scrape of 2.4 MB it leaves a tenth; the usual level takes three and a half times as long to leave a twelfth. */
const FAST = 1;
/** A page is smaller and has a longer way: a tenth less of it is worth the time. */
export const THOROUGH = 6;

/** What an answer says, compressed at most once, whoever reads it. */
export interface Content {
  readonly text: string;
  /** In the thread pool, so that others are answered meanwhile. */
  gzipped(): Promise<Buffer<ArrayBuffer>>;
}

/** @param level zlib's, from 1 to 9 */
export function contentOf(text: string, level = FAST): Content {
  let gzipped: Promise<Buffer<ArrayBuffer>> | undefined;
  return { text, gzipped: () => (gzipped ??= compress(text, { level }) as Promise<Buffer<ArrayBuffer>>) };
}

/** The body in the encoding that a reader gets, with the headers that tell of it: they say on what the choice depends. */
export async function encodedFor(
  acceptEncoding: string | undefined,
  content: Content,
): Promise<{ readonly body: string | Buffer<ArrayBuffer>; readonly headers: Readonly<Record<string, string>> }> {
  const Vary = 'Accept-Encoding';
  if (content.text.length < MIN_CHARACTERS || !acceptsGzip(acceptEncoding))
    return { body: content.text, headers: { Vary } };
  return { body: await content.gzipped(), headers: { Vary, 'Content-Encoding': 'gzip' } };
}
