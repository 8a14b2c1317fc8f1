/** What the lexer has read so far. */

/**
 * Bounds the work on a value, of which there may be a dozen readings from within quotes; runs of brackets count once. Of the
 * attempts that were looked at none needs more than 64.
 */
export const MAX_TOKENS = 160;
export const MAX_QUOTED_TOKENS = 80;

export interface Lexed {
  readonly tokens: string;
  /** One bit for each letter, by the lowest five bits of its code: capitals and signs, which may share one, and small letters. */
  readonly lowLetters: number;
  readonly highLetters: number;
  /** Comments within the statement, which hide words from simple filters. */
  readonly inlineComments: number;
}

export interface State {
  readonly text: string;
  at: number;
  /** Codes of the letters. A text that grows would be copied whole each time its end is looked at. */
  readonly codes: Buffer;
  count: number;
  lowLetters: number;
  highLetters: number;
  inlineComments: number;
  /** MySQL's comments that it executes, while they are open. */
  executedComments: number;
  /** `{x …}` that are open. */
  escapedCalls: number;
  /** Text of the last operand, to tell `1=1` from `1=2`. */
  operand: string | undefined;
}

/** One for all: a text is lexed to its end before the next begins. Two tokens may come from one place. */
const codes = Buffer.alloc(MAX_TOKENS + 8);

export function startLexing(text: string, at: number): State {
  return {
    text,
    at,
    codes,
    count: 0,
    lowLetters: 0,
    highLetters: 0,
    inlineComments: 0,
    executedComments: 0,
    escapedCalls: 0,
    operand: undefined,
  };
}

export function endLexing({ codes, count, lowLetters, highLetters, inlineComments }: State): Lexed {
  return { tokens: codes.toString('latin1', 0, count), lowLetters, highLetters, inlineComments };
}

/** By the code of a token's letter: 1 when an operand is expected after it, so that a sign there is unary. */
const expectsOperand = new Uint8Array(128);
for (const letter of '=Qlopa(,;EAFUHGJCBLIOSXWVPDr') expectsOperand[letter.charCodeAt(0)] = 1;

export function push(state: State, letter: string): void {
  const code = letter.charCodeAt(0);
  state.codes[state.count++] = code;
  if (code < 96) state.lowLetters |= 1 << (code & 31);
  else state.highLetters |= 1 << (code & 31);
}

/** Code of the last token's letter; 0 before the first. */
export function lastCode(state: State): number {
  return state.count === 0 ? 0 : state.codes[state.count - 1]!;
}

export function atOperand(state: State): boolean {
  return state.count === 0 || expectsOperand[lastCode(state)] === 1;
}

/** An operand equal to the one on the other side of `=` or LIKE makes a tautology: the operator becomes `Q`. */
export function pushOperand(state: State, letter: string, operand: string): void {
  if (state.operand === operand) {
    const operator = state.count - (lastCode(state) === 40 ? 2 : 1);
    const code = operator < 0 ? 0 : state.codes[operator];
    if (code === 61 || code === 108) {
      state.codes[operator] = 81;
      state.lowLetters |= 1 << (81 & 31);
    }
  }
  state.operand = operand;
  push(state, letter);
}
