/**
 * Reads text as a database would, into a string of one-letter tokens; `pattern.ts` says what each letter means. It reads
 * every dialect at once and accepts anything: what is not SQL becomes `w` and `y`.
 */
import { readDollar, readNumber, readQuotedName, readString, readVariable, readWord } from './lexer-operands.ts';
import { codeAt, readComment } from './lexer-spans.ts';
import {
  atOperand,
  endLexing,
  type Lexed,
  lastCode,
  MAX_QUOTED_TOKENS,
  MAX_TOKENS,
  push,
  type State,
  startLexing,
} from './lexer-state.ts';

const CAST = /::\s*\w+(?:\s*\(\s*\d+\s*\))?/y;

/**
 * @param text normalised
 * @param start where to begin
 * @param opening the letters to begin with: none, or what stands for the quote that was closed
 */
export function lex(text: string, start: number, opening: string): Lexed {
  const state = startLexing(text, start);
  if (opening !== '') push(state, opening);
  const most = opening === '' ? MAX_TOKENS : MAX_QUOTED_TOKENS;
  while (state.at < text.length && state.count < most) readToken(state);
  return endLexing(state);
}

function readToken(state: State): void {
  const { text, at } = state;
  const code = codeAt(text, at);
  if (code <= 32) {
    state.at = at + 1;
    // Where C code reads on, the query ends: `;%00`.
    if (code === 0 && text.slice(at).trim().length <= 1) push(state, 'c');
  } else if ((code >= 97 && code <= 122) || code === 95 || code > 127) readWord(state);
  else if (code >= 48 && code <= 57) readNumber(state);
  else if (code === 39 || code === 34) readString(state, code);
  else readSign(state, code);
}

function readSign(state: State, code: number): void {
  const { text, at } = state;
  const next = codeAt(text, at + 1);
  if (code === 40 || code === 41 || code === 59) {
    state.at++;
    if (lastCode(state) !== code) push(state, text[at]!);
  } else if (code === 44) {
    push(state, ',');
    state.at++;
  } else if (code === 35 || (code === 45 && next === 45) || (code === 47 && next === 42)) {
    const comment = readComment(text, at);
    state.at = comment.end;
    if (comment.letter !== undefined) push(state, comment.letter);
    else state.inlineComments++;
    if (code === 47 && codeAt(text, at + 2) === 33) state.executedComments++;
  } else if (code === 46 && next >= 48 && next <= 57) readNumber(state);
  else if (code === 92 && next === 110) readNumber(state);
  else if (code === 64) readVariable(state);
  else if (code === 96 || code === 91) readQuotedName(state);
  else if (code === 93) closeBracket(state);
  else if (code === 123 || code === 125) readBrace(state, code);
  else if (code === 36) readDollar(state);
  else readOperator(state, code, next);
}

/** The end of `array[1]`, whose beginning is read with names. */
function closeBracket(state: State): void {
  state.at++;
  if (lastCode(state) !== 41) push(state, ')');
}

const ESCAPED_CALL = /\{\s*[a-z]\w*(?:\s|\/\*[^*]*\*\/)+(?=[\w'"(@`])/y;

/** ODBC's `{d '2000-01-01'}`, of which MySQL takes any word for `d`: a bracket to it. */
function readBrace(state: State, code: number): void {
  if (code === 125) {
    state.at++;
    push(state, state.escapedCalls > 0 ? ')' : 'y');
    if (state.escapedCalls > 0) state.escapedCalls--;
    return;
  }
  ESCAPED_CALL.lastIndex = state.at;
  const escaped = ESCAPED_CALL.test(state.text);
  if (escaped) state.escapedCalls++;
  state.at = escaped ? ESCAPED_CALL.lastIndex : state.at + 1;
  push(state, escaped ? '(' : 'y');
}

function readOperator(state: State, code: number, next: number): void {
  const { text } = state;
  state.at++;
  // Comparisons: < > = ! and their combinations, := and =>.
  if (code === 61 || code === 60 || code === 62 || (code === 33 && next === 61) || (code === 58 && next === 61)) {
    while ('=<>'.includes(text[state.at] ?? ' ')) state.at++;
    push(state, '=');
  } else if ((code === 38 || code === 124) && next === code) {
    state.at++;
    push(state, code === 38 ? 'a' : 'p');
  } else if (code === 58 && next === 58) {
    CAST.lastIndex = state.at - 1;
    if (CAST.test(text)) state.at = CAST.lastIndex;
    else push(state, 'y');
  } else if (code === 42) {
    // The end of /*! */, whose text counts; a star for columns; a product.
    if (next === 47 && state.executedComments > 0) {
      state.executedComments--;
      state.at++;
    } else push(state, atOperand(state) ? '*' : 'o');
  } else if (code === 33 || (code === 46 && next === 96)) return;
  else if ('+-/%^|&~'.includes(text[state.at - 1]!)) {
    if (!(atOperand(state) && (code === 43 || code === 45 || code === 126))) push(state, 'o');
  } else push(state, code === 46 ? '.' : 'y');
}
