/**
 * What injections look like, as data. A pattern is a regular expression over the lexer's one-letter tokens:
 *
 * operands: `n` number, `h` number of six digits and more, `s` string, `u` string that the value does not close, `z` the same
 *   with prose in it, `k` constant (NULL, CURRENT_USER), `v` variable, `K` server variable, `w` any other word, `m` catalogue
 * calls (`(` follows): `t` waits, `j` BENCHMARK, `e` error with its argument in it, `g` files and network, `x` programs,
 *   `i` about the server, `N` joins strings, `R` large values, `b` other SQL function, `f` unknown
 * operators: `a` AND OR XOR &&, `p` `||`, `=` comparison, `Q` comparison of equals, `l` LIKE IN IS BETWEEN DIV, `o` arithmetic
 * words: `U` UNION, `A` ALL, `E` SELECT, `F` FROM, `H` WHERE HAVING, `B` ORDER BY, `L` LIMIT, `I` INTO, `O` INTO OUTFILE,
 *   `D` INSERT DROP …, `T` TABLE …, `S` SET VALUES, `X` EXEC, `V` DECLARE, `W` WAITFOR DELAY, `P` BEGIN SHUTDOWN …,
 *   `C` CASE, `G` WHEN, `J` THEN ELSE, `Z` END, `r` other keyword
 * signs: `*` star, `( ) , ;` (brackets and `;` once a run), `y` other; `c` comment that cuts the query off, `d` doubtful comment
 * `0` a quote of the application was closed after at most two words, `1` after more.
 *
 * NOT and unary signs leave no token.
 */
import type { sqlInjectionPatterns } from '@vigil/semconv';

export type SqlInjectionClass = (typeof sqlInjectionPatterns)[number];

/** Where the value is assumed to stand: within quotes that it closes, bare, or either. */
export type Context = 'quoted' | 'bare' | 'any';

export interface Pattern {
  readonly name: string;
  readonly class: SqlInjectionClass;
  /** 5: enough alone; more: surer. */
  readonly weight: number;
  readonly context: Context;
  readonly tokens: RegExp;
  /** Letters without which it cannot match, and in brackets groups of which it needs one: skipping is cheaper than failing. */
  readonly needs: string;
  readonly source: string;
}

/** A pattern as a row of a table; in `tokens`, a name in braces stands for a macro. */
export type Row = readonly [
  name: string,
  weight: number,
  context: Context,
  needs: string,
  tokens: string,
  source: string,
];

/** Abbreviations in the patterns below; prose puts words side by side, SQL does not. */
const macros: Readonly<Record<string, string>> = {
  quote: '[01]\\)?',
  lit: '[nhsukvK]',
  call: '[tjegxiNRbf]\\(',
  sql: '[tjegxiNRb]\\(',
  op: '[=Qlopa*]',
  cmp: '[=Ql]',
  end: '(?:[c;]|$)',
  // The same where what stands before it is sure.
  stop: '(?:[cd;]|$)',
  // Any tokens, but no two operands side by side, and no other statement.
  expr: '(?:(?!w[wnskvhu]|[nskvh][wnu])[^;cdzy.]){0,80}?',
  // What may stand before the break-out where no quote is closed.
  before: '(?:(?:\\(?(?:[nhsvkKwm]|[bfi]\\([nhsvkKw]?)\\)?(?:[lop]\\(?[nhsvkKw]\\)?){0,4})?\\)?)',
  list: '[A(]*(?:(?<=A\\(?)n\\)?(?=[w*]))?(?:[nhsukvK](?!w(?!,))|[tjegxiNRbf]\\(|\\*|C|E|m|w(?:[,=op.)]|F\\(*[wm](?!w[^,])))',
};

/** A row as a pattern of a class. */
export function patternOf(ofClass: SqlInjectionClass, [name, weight, context, needs, source, cited]: Row): Pattern {
  const tokens = new RegExp(source.replaceAll(/\{([a-z]+)\}/g, (_, macro: string) => macros[macro]!));
  return { name, class: ofClass, weight, context, tokens, needs, source: cited };
}
