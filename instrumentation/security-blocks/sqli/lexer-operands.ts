/** Reads numbers, strings, variables and words. */
import { codeAt, endOfDigits, endOfLetters, endOfName, endOfQuoted, endOfString, skipBlank } from './lexer-spans.ts';
import { atOperand, lastCode, push, pushOperand, type State } from './lexer-state.ts';
import { gluedToNumber, letterOfFunction, letterOfWord, serverVariable } from './vocabulary.ts';

const NUMBER = /0x[0-9a-f]+|0b[01]+|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|\\n\b/y;
const HUGE_DIGITS = 6;
const VARIABLE = /@@?[\w$.]+|@[`'"][^`'"]*[`'"]/y;
const DOLLAR_QUOTE = /\$\w*\$/y;
const STRING_PREFIX = /^(?:[nxbeq]|_\w+)$/;
const PROSE = /[a-z]\s+[a-z]/;
const LONG_CHARACTERS = 60;

const GAP = '(?:\\s|/\\*[^*]*\\*/)+';

/** Words that mean one thing together. */
const pairs: ReadonlyMap<string, readonly [following: RegExp, letter: string]> = new Map([
  ['order', [/by\b/y, 'B']],
  ['group', [/by\b/y, 'B']],
  ['into', [/(?:outfile|dumpfile)\b/y, 'O']],
  ['copy', [new RegExp(`\\(?[\\w.]+\\)?${GAP}(?:to|from)${GAP}(?:program${GAP})?(?=')`, 'y'), 'O']],
  ['waitfor', [/(?:delay|time)\b/y, 'W']],
  ['load', [new RegExp(`(?:data|xml)${GAP}(?:(?:low_priority|concurrent|local)${GAP}){0,2}infile\\b`, 'y'), 'O']],
  ['sounds', [/like\b/y, 'l']],
  ['procedure', [/(?=analyse\b)/y, 'r']],
]);

function endOfNumber(text: string, at: number): number {
  const end = endOfDigits(text, at);
  const after = codeAt(text, end);
  const plain = end > at && after !== 46 && !(after >= 97 && after <= 122);
  if (plain) return end;
  NUMBER.lastIndex = at;
  return NUMBER.test(text) ? NUMBER.lastIndex : at + 1;
}

export function readNumber(state: State): void {
  const { text, at } = state;
  const end = endOfNumber(text, at);
  const wordEnd = endOfLetters(text, end);
  const glued = wordEnd > end ? gluedToNumber.exec(text.slice(end, wordEnd)) : undefined;
  if (glued === null) {
    // `5pm` is a word.
    state.at = wordEnd;
    pushOperand(state, 'w', text.slice(at, wordEnd));
    return;
  }
  state.at = end + (glued?.[1]?.length ?? 0);
  const huge = end - at >= HUGE_DIGITS && codeAt(text, at + 1) !== 120;
  pushOperand(state, huge ? 'h' : 'n', text.slice(at, end));
}

export function readString(state: State, quote: number): void {
  const { text, at } = state;
  const end = endOfString(text, at + 1, quote);
  const content = text.slice(at + 1, end < 0 ? text.length : end);
  state.at = end < 0 ? text.length : end + 1;
  if (end >= 0) pushOperand(state, 's', content);
  else pushOperand(state, content.length >= LONG_CHARACTERS || PROSE.test(content) ? 'z' : 'u', content);
}

export function readDollar(state: State): void {
  DOLLAR_QUOTE.lastIndex = state.at;
  if (!DOLLAR_QUOTE.test(state.text)) {
    readWord(state);
    return;
  }
  const start = DOLLAR_QUOTE.lastIndex;
  const end = state.text.indexOf(state.text.slice(state.at, start), start);
  if (end < 0) {
    readWord(state);
    return;
  }
  state.at = end + start - state.at;
  pushOperand(state, 's', state.text.slice(start, end));
}

export function readVariable(state: State): void {
  const { text, at } = state;
  VARIABLE.lastIndex = at;
  if (!VARIABLE.test(text)) {
    push(state, 'y');
    state.at++;
    return;
  }
  state.at = VARIABLE.lastIndex;
  const name = text.slice(at, state.at);
  pushOperand(state, serverVariable.test(name) ? 'K' : 'v', name);
}

/** `a`.`b`, [a].[b], `a`.b: the parts of a name, the first of which is quoted. */
export function readQuotedName(state: State): void {
  const { text, at } = state;
  const first = endOfQuoted(text, at);
  if (first < 0) {
    // A subscript, or an array's elements.
    push(state, text[at] === '[' ? '(' : 'y');
    state.at++;
    return;
  }
  let end = first;
  while (codeAt(text, end) === 46) {
    let part = end + 1;
    while (codeAt(text, part) === 46) part++;
    const isQuoted = codeAt(text, part) === 96 || codeAt(text, part) === 91;
    const next = isQuoted ? endOfQuoted(text, part) : endOfLetters(text, part);
    if (next <= part) break;
    end = next;
  }
  state.at = end;
  const name = end === first ? text.slice(at + 1, end - 1) : text.slice(at, end).replaceAll(/[`[\]]/g, '');
  pushOperand(state, letterOfWord(name) === 'm' ? 'm' : 'w', name);
}

export function readWord(state: State): void {
  const { text, at } = state;
  const end = endOfName(text, at);
  const word = text.slice(at, end);
  state.at = end;
  const following = codeAt(text, end);
  if ((following === 39 || following === 34) && STRING_PREFIX.test(word)) return;
  const next = skipBlank(text, end);
  const pair = pairs.get(word);
  if (pair !== undefined) {
    pair[0].lastIndex = next;
    if (pair[0].test(text)) {
      state.at = pair[0].lastIndex;
      push(state, pair[1]);
      return;
    }
    if (word === 'waitfor') {
      pushOperand(state, 'w', word);
      return;
    }
  }
  pushWord(state, word, codeAt(text, next) === 40, next === end);
}

function pushWord(state: State, word: string, called: boolean, adjacent: boolean): void {
  const letter = letterOfWord(word);
  // What a statement defines or removes; elsewhere a column may have that name.
  const before = lastCode(state);
  const keyword = letter === 'T' && before !== 68 && before !== 80 ? undefined : letter;
  if (keyword === '!' || (word === 'binary' && atOperand(state))) return;
  const call = called ? letterOfCall(state, word, keyword, adjacent) : undefined;
  if (call !== undefined) {
    state.operand = undefined;
    push(state, call);
  } else if (keyword === undefined || keyword === 'k' || keyword === 'm') pushOperand(state, keyword ?? 'w', word);
  else push(state, keyword);
}

/** Keywords that a bracket may follow stay what they are; with a blank before its bracket a word of prose is no call. */
function letterOfCall(state: State, word: string, keyword: string | undefined, adjacent: boolean): string | undefined {
  if (keyword !== undefined && 'alkUEFHXSICGJAL'.includes(keyword)) return undefined;
  const known = letterOfFunction(word);
  if (known !== undefined && (adjacent || lastCode(state) !== 119)) return known;
  return keyword === undefined && adjacent ? 'f' : undefined;
}
