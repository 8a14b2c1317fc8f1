/** Where a value may close the quote that the application put around it. */
import { codeAt, skipBlank } from './lexer-spans.ts';
import { letterOfFunction, letterOfWord } from './vocabulary.ts';

export interface Breakout {
  /** Position after the quote. */
  readonly at: number;
  /** `0`: at most two words stand before it; `1`: more. */
  readonly opening: '0' | '1';
}

/** How many quotes of one kind are tried: prose has many apostrophes, attacks break out at their first quotes. */
const MAX_BREAKOUTS = 4;
const MAX_QUOTES = 24;
const WORD = /[a-z_]+/y;

/** Quotes after which SQL could go on; not those that open a string of the value's own, nor those that close it. */
export function breakoutsOf(text: string, quote: string): readonly Breakout[] {
  const found: Breakout[] = [];
  let at = text.indexOf(quote);
  for (let seen = 0; at >= 0 && seen < MAX_QUOTES && found.length < MAX_BREAKOUTS; seen++) {
    if (opensString(text, at, quote)) {
      const end = text.indexOf(quote, at + 1);
      if (end < 0) break;
      at = end;
    } else if (sqlFollows(text, at + 1)) {
      found.push({ at: at + 1, opening: countWords(text, at) <= 2 ? '0' : '1' });
    }
    at = text.indexOf(quote, at + 1);
  }
  return found;
}

/** Words before a position, up to three. */
function countWords(text: string, before: number): number {
  let words = 0;
  let inWord = false;
  for (let at = 0; at < before && words < 3; at++) {
    const isBlank = codeAt(text, at) <= 32;
    if (!isBlank && !inWord) words++;
    inWord = !isBlank;
  }
  return words;
}

/** `name = 'x'`, `f('x')`, `the 'x' one`: after an opening sign or a blank, with the text close to it. */
function opensString(text: string, at: number, quote: string): boolean {
  const after = text[at + 1];
  if (after === undefined || after <= ' ' || (after === '/' && text[at + 2] === '*')) return false;
  const before = text[at - 1];
  const close = text.indexOf(quote, at + 1);
  if (before === undefined) return close > 0 && quotesWhole(text, close, quote);
  GOES_ON.lastIndex = at + 1;
  if (GOES_ON.test(text) && before <= ' ') return false;
  if (before <= ' ') return close > 0 || /[a-z0-9]/.test(after);
  return '([{=,:'.includes(before) && /[a-z0-9]/.test(text.slice(0, at));
}

const JOINED = /^['"]\)*[-+*/%=<>|&^]{1,2}[^/]*[(\d].*['"]$/s;
const SIGNS = new RegExp(`^'\\W{1,3}'$|${JOINED.source}`, 's');
/** `'or 1 or'`, `'div'`, `') or sleep(5)='`: what the application's own quotes make an expression of. */
const OPERATORS =
  /^(?:['"]\s*(?:or|and|xor)\b.*\W(?:or|and|xor)\s*['"]|'\s*(?:x?or|and|(?:not(?:\s|\/\*[^*]*\*\/)+)?(?:div|mod|r?like|regexp|sounds(?:\s|\/\*[^*]*\*\/)+like))\s*'|['"]\).*\W['"])$/s;
/** An operator with its operand, which does not begin a quoted text: `x '||sleep(5)||'`. */
const GOES_ON = /(?:\|\||&&|[=)])\s*[\w(]/y;

/** The value begins with a quoted word or sign: `"like" button`, `'/': 1`. A sign between single quotes alone is an attempt. */
function quotesWhole(text: string, close: number, quote: string): boolean {
  const after = text[close + 1];
  if (after === undefined) return !(quote === "'" ? SIGNS : JOINED).test(text) && !OPERATORS.test(text);
  return close > 1 && ' .,:;)]'.includes(after) && text[close - 1] !== ' ' && !/^'\)*(?:--|#|;|\/\*)/.test(text);
}

function sqlFollows(text: string, from: number): boolean {
  let at = skipBlank(text, from);
  while (text[at] === ')' || text[at] === '(' || codeAt(text, at) <= 32) at++;
  at = skipBlank(text, at);
  WORD.lastIndex = at;
  if (!WORD.test(text)) return at < text.length && !/[\d\u0080-\uffff.]/.test(text[at]!);
  const word = text.slice(at, WORD.lastIndex);
  return letterOfWord(word) !== undefined || letterOfFunction(word) !== undefined || pairStarts.has(word);
}

const pairStarts: ReadonlySet<string> = new Set(['waitfor', 'order', 'group', 'into']);
