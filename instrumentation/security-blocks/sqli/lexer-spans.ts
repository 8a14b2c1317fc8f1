/** Where words, strings and comments end. Loops, not expressions: every character of every suspicious value passes here. */

const LETTER = 1;
const DIGIT = 2;
/** What each ASCII character may be in a word; everything above counts as a letter. */
const wordKinds = new Uint8Array(128);
for (const letter of 'abcdefghijklmnopqrstuvwxyz_$') wordKinds[letter.charCodeAt(0)] = LETTER;
for (const digit of '0123456789') wordKinds[digit.charCodeAt(0)] = DIGIT;

function kindOf(code: number): number {
  return code < 128 ? wordKinds[code]! : LETTER;
}

/** Stands for the end of the text: neither blank nor part of anything. */
const END = 127;

/** Reading behind the end itself makes the compiler give up on all reading. */
export function codeAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : END;
}

/** Position behind the letters and digits that stand at `from`. */
export function endOfLetters(text: string, from: number): number {
  let at = from;
  while (kindOf(codeAt(text, at)) !== 0) at++;
  return at;
}

/** Position behind the digits that stand at `from`. */
export function endOfDigits(text: string, from: number): number {
  let at = from;
  while (kindOf(codeAt(text, at)) === DIGIT) at++;
  return at;
}

/** Position behind a name, whose parts are joined by one or two points, or by a colon before Informix's `sys…`. */
export function endOfName(text: string, from: number): number {
  let at = endOfLetters(text, from);
  for (;;) {
    let next = at + 1;
    if (codeAt(text, at) === 46) {
      if (codeAt(text, next) === 46) next++;
    } else if (codeAt(text, at) !== 58 || !text.startsWith('sys', next)) return at;
    if (kindOf(codeAt(text, next)) !== LETTER) return at;
    at = endOfLetters(text, next);
  }
}

/** Position behind a name in backticks or square brackets, which begins at `from`; -1 where it does not end on its line. */
export function endOfQuoted(text: string, from: number): number {
  const inBackticks = codeAt(text, from) === 96;
  // [1] is a subscript.
  if (!inBackticks && kindOf(codeAt(text, from + 1)) !== LETTER) return -1;
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === (inBackticks ? 96 : 93)) return at + 1;
    if (inBackticks ? code === 10 : kindOf(code) === 0 && code !== 32) return -1;
  }
  return -1;
}

/** Position of the quote that ends a string, or -1; doubled and escaped quotes belong to it. */
export function endOfString(text: string, from: number, quote: number): number {
  for (let i = from; i < text.length; i++) {
    const code = codeAt(text, i);
    if (code === 92) {
      // Standard SQL has no such escape: `'\'` before a comma or a bracket is a whole string.
      const after = codeAt(text, i + 2);
      if (codeAt(text, i + 1) === quote && (after === 44 || after === 41)) return i + 1;
      i++;
    } else if (code === quote) {
      if (codeAt(text, i + 1) !== quote) return i;
      i++;
    }
  }
  return -1;
}

/** Position of what follows blanks and comments that are closed. */
export function skipBlank(text: string, from: number): number {
  let at = from;
  for (;;) {
    while (codeAt(text, at) <= 32) at++;
    if (codeAt(text, at) !== 47 || codeAt(text, at + 1) !== 42 || codeAt(text, at + 2) === 33) return at;
    const end = text.indexOf('*/', at + 2);
    if (end < 0) return at;
    at = end + 2;
  }
}

export interface Comment {
  readonly end: number;
  /** `c`: it cuts the query off; `d`: prose may stand behind it; `o`: two signs after all; undefined: it ends within the value. */
  readonly letter: 'c' | 'd' | 'o' | undefined;
}

const MAX_TAIL_CHARACTERS = 14;

/** What tools and people leave behind the mark of a comment: nothing, or one short word, among blanks and their `+`. */
function isShortTail(text: string, from: number): boolean {
  let start = from;
  let end = text.length;
  while (start < end && isBlankOrPlus(codeAt(text, start))) start++;
  while (end > start && isBlankOrPlus(codeAt(text, end - 1))) end--;
  if (end - start > MAX_TAIL_CHARACTERS) return false;
  for (let at = start; at < end; at++) if (codeAt(text, at) <= 32) return false;
  return true;
}

function isBlankOrPlus(code: number): boolean {
  return code <= 32 || code === 43;
}
const VERSION = /\d{0,6}/y;

/** @param at where `#`, `--` or a slash and a star stand */
export function readComment(text: string, at: number): Comment {
  const mark = codeAt(text, at);
  if (mark === 47) return readBlockComment(text, at);
  const start = mark === 35 ? at + 1 : at + 2;
  const newline = text.indexOf('\n', start);
  if (newline >= 0) return { end: newline + 1, letter: undefined };
  const tail = text.slice(start);
  const glued = /^[a-z0-9_@\u0080-\uffff]/.test(tail);
  if (!glued) return { end: text.length, letter: isShortTail(text, start) ? 'c' : 'd' };
  if (mark === 35 || tail.length <= 14) return { end: text.length, letter: 'd' };
  // MySQL asks for a blank: 1--1 is 2.
  return { end: start, letter: 'o' };
}

function readBlockComment(text: string, at: number): Comment {
  if (codeAt(text, at + 2) === 33) {
    // MySQL executes what stands in /*! */.
    VERSION.lastIndex = at + 3;
    VERSION.test(text);
    return { end: VERSION.lastIndex, letter: undefined };
  }
  const end = text.indexOf('*/', at + 2);
  if (end >= 0) return { end: end + 2, letter: undefined };
  return { end: text.length, letter: isShortTail(text, at + 2) ? 'c' : 'd' };
}
