/** What the lexer has read so far. */

export interface Lexed {
  readonly tokens: string;
  /** One bit for each letter, by the lowest five bits of its code; two letters may share one. */
  readonly letters: number;
  /** Comments within the statement, which hide words from simple filters. */
  readonly inlineComments: number;
}

export interface State {
  readonly text: string;
  at: number;
  tokens: string;
  count: number;
  letters: number;
  inlineComments: number;
  /** MySQL's comments that it executes, while they are open. */
  executedComments: number;
  /** `{x …}` that are open. */
  escapedCalls: number;
  /** Text of the last operand, to tell `1=1` from `1=2`. */
  operand: string | undefined;
}

/** By the code of a token's letter: 1 when an operand is expected after it, so that a sign there is unary. */
const expectsOperand = new Uint8Array(128);
for (const letter of '=Qlopa(,;EAFUHGJCBLIOSXWVPDr') expectsOperand[letter.charCodeAt(0)] = 1;

export function push(state: State, letter: string): void {
  state.tokens += letter;
  state.letters |= 1 << (letter.charCodeAt(0) & 31);
  state.count++;
}

export function atOperand(state: State): boolean {
  const { tokens } = state;
  return tokens === '' || expectsOperand[tokens.charCodeAt(tokens.length - 1)] === 1;
}

/** An operand equal to the one on the other side of `=` or LIKE makes a tautology: the operator becomes `Q`. */
export function pushOperand(state: State, letter: string, operand: string): void {
  const { tokens } = state;
  const operator = tokens.length - (tokens.endsWith('(') ? 2 : 1);
  if (state.operand === operand && operator >= 0 && (tokens[operator] === '=' || tokens[operator] === 'l')) {
    state.tokens = `${tokens.slice(0, operator)}Q${tokens.slice(operator + 1)}`;
    state.letters |= 1 << (81 & 31);
  }
  state.operand = operand;
  push(state, letter);
}
