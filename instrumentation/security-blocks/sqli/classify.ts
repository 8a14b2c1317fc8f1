/**
 * Tells attempts at SQL injection from everything else, and says of which class they are. It counts attempts; it is no
 * firewall: what it does not know passes, and only parameters in the queries themselves make an application safe.
 */
import { breakoutsOf } from './breakouts.ts';
import { lex } from './lexer.ts';
import type { Lexed } from './lexer-state.ts';
import { normalise, windowsOf } from './normalise.ts';
import type { Context, Pattern, SqlInjectionClass } from './pattern.ts';
import { patterns, precedence } from './patterns.ts';
import { mayBeInjection } from './prefilter.ts';

export interface SqlInjectionAttempt {
  /** The class that names the attempt. */
  readonly class: SqlInjectionClass;
  /** Every class whose signs are there, the naming one first. */
  readonly classes: readonly SqlInjectionClass[];
  /** How sure it is: 5, just enough, to 10. */
  readonly score: number;
}

const MAX_SCORE = 10;

interface Judged extends Pattern {
  /** Pairs of masks, for letters below and from code 96 on: of each pair one letter must be there. */
  readonly oneOf: Int32Array;
}

const judged = (context: Context): readonly Judged[] =>
  patterns
    .filter((pattern) => pattern.context === context || pattern.context === 'any')
    .map((pattern) => ({
      ...pattern,
      oneOf: Int32Array.from((pattern.needs.match(/\[[^\]]+\]|./g) ?? []).flatMap(bitsOf)),
    }));

/** @param letters one, or several in brackets */
function bitsOf(letters: string): [low: number, high: number] {
  let low = 0;
  let high = 0;
  for (const letter of letters.length === 1 ? letters : letters.slice(1, -1)) {
    const code = letter.charCodeAt(0);
    if (code < 96) low |= 1 << (code & 31);
    else high |= 1 << (code & 31);
  }
  return [low, high];
}

const bare = judged('bare');
const quoted = judged('quoted');

/** Weight of the surest pattern of each class. */
type Evidence = Map<SqlInjectionClass, number>;

/**
 * @param value one value of a request: a query parameter, a field; never a whole document
 * @returns undefined when it is no attempt
 */
export function classifySqlInjection(value: string): SqlInjectionAttempt | undefined {
  for (const window of windowsOf(value)) {
    if (!mayBeInjection(window)) continue;
    const text = normalise(window);
    const work: Work = { tokensLeft: MAX_TOKENS_IN_ALL };
    const attempt = judge(text, work) ?? judgeReadings(text, work);
    if (attempt !== undefined) return attempt;
  }
  return undefined;
}

/** Bounds all readings of a value together: a dozen quotes, each doubled, would be read some fifty times. */
const MAX_TOKENS_IN_ALL = 420;

interface Work {
  tokensLeft: number;
}

/** What something between the client and the database may make of the text, where it then reads differently. */
const readings: readonly (readonly [has: string, rewrite: (text: string) => string])[] = [
  // A form's blank.
  ['+', (text) => (text.includes(' ') ? text : text.replaceAll('+', ' '))],
  // A filter that takes comments out of words.
  ['/*', (text) => text.replaceAll(/\/\*.{0,40}?\*\//g, '')],
  // A table that doubles its quotes.
  ['""', (text) => text.replaceAll('""', '"')],
];

function judgeReadings(text: string, work: Work): SqlInjectionAttempt | undefined {
  for (const [has, rewrite] of readings) {
    const read = text.includes(has) ? rewrite(text) : text;
    const attempt = read === text || work.tokensLeft <= 0 ? undefined : judge(read, work);
    if (attempt !== undefined) return attempt;
  }
  return undefined;
}

function judge(text: string, work: Work): SqlInjectionAttempt | undefined {
  const evidence: Evidence = new Map();
  let { inlineComments } = collect(lex(text, 0, ''), bare, evidence, work);
  for (const quote of ["'", '"', '`']) {
    const before = evidence.size;
    for (const { at, opening } of breakoutsOf(text, quote)) {
      if (work.tokensLeft <= 0) break;
      inlineComments += collect(lex(text, at, opening), quoted, evidence, work).inlineComments;
      if (evidence.size > before) break;
    }
  }
  return evidence.size === 0 ? undefined : attemptOf(evidence, inlineComments > 0);
}

function collect(lexed: Lexed, known: readonly Judged[], evidence: Evidence, work: Work): Lexed {
  const { tokens } = lexed;
  // Comments leave no token.
  work.tokensLeft -= tokens.length + lexed.inlineComments;
  for (const pattern of known) {
    if (lacks(lexed, pattern.oneOf) || (evidence.get(pattern.class) ?? 0) >= pattern.weight) continue;
    if (pattern.tokens.test(tokens)) evidence.set(pattern.class, pattern.weight);
  }
  return lexed;
}

function lacks({ lowLetters, highLetters }: Lexed, oneOf: Int32Array): boolean {
  for (let i = 0; i < oneOf.length; i += 2)
    if (((oneOf[i]! & lowLetters) | (oneOf[i + 1]! & highLetters)) === 0) return true;
  return false;
}

/** One point more for every further class, and for comments between the words. */
function attemptOf(evidence: Evidence, hidden: boolean): SqlInjectionAttempt {
  const classes = precedence.filter((one) => evidence.has(one));
  const score = Math.max(...evidence.values()) + classes.length - 1 + (hidden ? 1 : 0);
  return { class: classes[0]!, classes, score: Math.min(score, MAX_SCORE) };
}
