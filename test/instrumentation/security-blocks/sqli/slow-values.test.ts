/** No value may hold a request up: what `npm run bench -- sqli` found by climbing, and what is slow in other readers of SQL. */
import { describe, expect, it } from 'vitest';
import { classifySqlInjection } from '../../../../instrumentation/security-blocks/sqli/classify.ts';
import { MAX_CHARACTERS } from '../../../../instrumentation/security-blocks/sqli/normalise.ts';

/** The worst takes 0.7 on a small shared machine; a reading that is quadratic takes far longer. */
const GUARD_MS = 10;
const TRIES = 5;

const units: readonly string[] = [
  // Found by climbing: every quote may be closed, every reading differs, and each token is a short one.
  '@@version`;""',
  '!`""',
  '""| else >`',
  '""@@v`a`;',
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
    const within = [once, `a' or ${once}`.slice(0, MAX_CHARACTERS), `1 union select ${once}`.slice(0, MAX_CHARACTERS)];
    for (const value of within) expect(millisOf(value)).toBeLessThan(GUARD_MS);
  });

  it('however long it is', () => {
    for (const unit of units) expect(millisOf(unit.repeat(1_000_000 / unit.length))).toBeLessThan(GUARD_MS);
  });
});
