/** No value may hold a request up: what `npm run bench -- sqli` found by climbing, and what is slow in other readers of SQL. */
import { describe, expect, it } from 'vitest';
import { classifySqlInjection } from '../../../../instrumentation/security-blocks/sqli/classify.ts';
import { MAX_CHARACTERS } from '../../../../instrumentation/security-blocks/sqli/normalise.ts';

/** The worst that was found takes 0.8 on a small shared machine; a reading that was quadratic took 9. */
const GUARD_MS = 5;
const TRIES = 5;

const units: readonly string[] = [
  // Found by climbing: every quote may be closed, every reading differs, and each token is a short one.
  '@@version`;""',
  '!`""',
  '""| else >`',
  '""@@v`a`;',
  '%27%2527`%\ufdfa',
  '+/*!%27',
  '+',
  '\n',
  // Where expressions, strings, comments and brackets begin and never end.
  ' ',
  '\t\n',
  "'",
  '"\'`',
  "' or ",
  "a' ",
  '(',
  '((a',
  '[a.',
  '`a`.',
  '/*',
  '/*!0',
  '/**/',
  "'/**/",
  '--',
  '#a',
  '$a$',
  'x.y..',
  '{a ',
  '1e1',
  '0x',
  '%27',
  '%2525',
  '&#39;',
  '\\x27',
  '\ufdfa',
  '\u2019',
  // Where patterns begin.
  'case when 1 then ',
  'union select ',
  'select a,',
  "1 or sleep('a",
  "' and a=",
  "' or concat('a',",
  'x=(1=1)',
  ';if(1,',
  'a+b*',
  'copy a to ',
  'load data ',
  'order by 1,',
];

/** The fastest of several tries: what the value takes, not what disturbed it. */
function millisOf(value: string): number {
  let millis = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const began = performance.now();
    classifySqlInjection(value);
    millis = Math.min(millis, performance.now() - began);
  }
  return millis;
}

describe('a value is judged within bounds', () => {
  it.each(units)('%j, repeated', (unit) => {
    const once = unit.repeat(Math.ceil(MAX_CHARACTERS / unit.length)).slice(0, MAX_CHARACTERS);
    const openings = ['', "a' or ", '1 union select ', "a' #", "a' or b='", "a'/*"];
    const within = openings.map((opening) => `${opening}${once}`.slice(0, MAX_CHARACTERS));
    for (const value of within) expect(millisOf(value)).toBeLessThan(GUARD_MS);
  });

  it('however long it is', () => {
    for (const unit of units) expect(millisOf(unit.repeat(1_000_000 / unit.length))).toBeLessThan(GUARD_MS);
  });
});
