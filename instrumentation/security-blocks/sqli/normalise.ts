/** Undoes what hides a payload from a reader but not from a database: encodings, look-alike characters, case. */

/** Bounds one value: attacks stand at its beginning or were appended at its end. */
export const MAX_CHARACTERS = 1024;
const HEAD_CHARACTERS = 640;

const ENCODED = /%(?:[0-9a-f]{2}|u[0-9a-f]{4})/i;
const ENCODED_RUNS = /(?:%[0-9a-f]{2})+|%u[0-9a-f]{4}/gi;
/** Times an application's own decoding may be followed by another one: a proxy's and a framework's. */
const DECODINGS = 2;
const ENTITY = /&(?:apos|quot|amp|lt|gt|nbsp|#x?[0-9a-f]{2,4});?/gi;
const entities: Readonly<Record<string, string>> = { apos: "'", quot: '"', amp: '&', lt: '<', gt: '>', nbsp: ' ' };
const ESCAPES = /\\(?:x([0-9a-f]{2})|u00([0-9a-f]{2}))/gi;
/** MySQL executes what stands in such comments; with nothing in it, it is a blank. */
const EMPTY_COMMENT = /\/\*!\d{0,6}\s*\*\//g;
const NOT_ASCII = /[^\0-\x7f]/;
const SINGLE_QUOTES = /[\u02b9\u02bc\u0374\u2018-\u201b\u2032\u2035\uff07]/g;
const DOUBLE_QUOTES = /[\u201c-\u201f\u2033\u2036\uff02]/g;
/** Word processors make them of `--`. */
const DASHES = /[\u2013\u2014]/g;
/** What a byte that is not UTF-8 becomes. In Latin-1 the blank of 0xA0 is one, and MySQL takes it for a blank. */
const REPLACED = '\ufffd';
const INVISIBLE = /[\u00ad\u200b-\u200f\u2060\ufeff]/g;

/** The value, or of a long one its beginning and its end. */
export function windowsOf(value: string): readonly string[] {
  if (value.length <= MAX_CHARACTERS) return [value];
  return [value.slice(0, HEAD_CHARACTERS), value.slice(HEAD_CHARACTERS - MAX_CHARACTERS)];
}

/** @param window at most MAX_CHARACTERS; the result is no longer, in lower case, with plain quotes */
export function normalise(window: string): string {
  let text = window;
  for (let i = 0; i < DECODINGS && ENCODED.test(text); i++) text = text.replace(ENCODED_RUNS, decodeRun);
  if (text.includes('&')) text = text.replace(ENTITY, decodeEntity);
  if (text.includes('/*!')) text = text.replace(EMPTY_COMMENT, ' ');
  if (text.includes('\\')) text = text.replace(ESCAPES, (_, x, u) => String.fromCharCode(Number.parseInt(x ?? u, 16)));
  if (NOT_ASCII.test(text)) {
    // Quotes first: NFKC turns some primes into two characters. One character may become eighteen, hence the cut.
    text = text
      .replace(SINGLE_QUOTES, "'")
      .replace(DOUBLE_QUOTES, '"')
      .replace(DASHES, '--')
      .replace(INVISIBLE, '')
      .replaceAll(REPLACED, ' ');
    text = text.normalize('NFKC').slice(0, MAX_CHARACTERS);
  }
  return text.toLowerCase();
}

/** Bytes that are not UTF-8 become U+FFFD; what stands beside them is kept (`%bf%27`). */
function decodeRun(run: string): string {
  if (run[1] === 'u' || run[1] === 'U') return String.fromCharCode(Number.parseInt(run.slice(2), 16));
  if (run.length === 3) {
    const code = Number.parseInt(run.slice(1), 16);
    return code < 128 ? String.fromCharCode(code) : REPLACED;
  }
  return Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8');
}

function decodeEntity(entity: string): string {
  const name = entity.slice(1).replace(';', '').toLowerCase();
  if (!name.startsWith('#')) return entities[name]!;
  const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return Number.isInteger(code) ? String.fromCharCode(code) : entity;
}
