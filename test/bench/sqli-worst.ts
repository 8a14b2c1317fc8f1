/** Looks for values that take long to judge: climbs from many beginnings, keeping each change that makes a value slower. */
import { classifySqlInjection } from '../../instrumentation/security-blocks/sqli/classify.ts';
import { MAX_CHARACTERS } from '../../instrumentation/security-blocks/sqli/normalise.ts';

export interface SlowValue {
  readonly value: string;
  /** The fastest of several tries: what the value takes, not what disturbed it. */
  readonly micros: number;
}

const POPULATION = 24;
const TRIES = 5;
const FIRST_GUESSES = 1500;

const pieces: readonly string[] = [
  ...'\'"`();,#-/*=<>|&!%\\@$ \n\0+.[]{}:~^?a1'.split(''),
  ...[
    '/*',
    '*/',
    '/*!',
    '--',
    '||',
    '&&',
    '%27',
    '%2527',
    '&#39;',
    '\u2019',
    '\uff07',
    '\ufdfa',
    "''",
    '""',
    "' or ",
    "\\'",
  ],
  ...' or | and | union | select | from | where | case when | then | else | end | like | in | not | order by '.split(
    '|',
  ),
  ...[
    'sleep(',
    'concat(',
    'char(',
    'benchmark(',
    'count(*)',
    '1,',
    'a,',
    'a=',
    '1=1',
    '@@version',
    'x ',
    '0x1',
    '1e1',
    '$$',
  ],
  ...[
    ' waitfor delay ',
    ';drop table ',
    ' into outfile ',
    ' limit 1',
    ' having ',
    'copy a to ',
    '::int',
    '{x ',
    'xp_a',
    ' a b',
  ],
];

/**
 * @param seeds values to begin with, beside repetitions of the pieces that SQL is made of
 * @param seconds how long it may take
 * @returns the slowest, slowest first
 */
export function searchSlowValues(
  seeds: readonly string[],
  seconds: number,
  random = Math.random,
): readonly SlowValue[] {
  const until = performance.now() + seconds * 1000;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!;
  const filled = (unit: string): string =>
    unit.repeat(Math.ceil(MAX_CHARACTERS / unit.length)).slice(0, MAX_CHARACTERS);
  const guesses = [
    ...pieces.map(filled),
    ...seeds.map(filled),
    ...Array.from({ length: FIRST_GUESSES }, () =>
      filled(Array.from({ length: 1 + random() * 5 }, () => pick(pieces)).join('')),
    ),
  ];
  let best = slowest(guesses.map(measure));
  while (performance.now() < until) {
    const changed = best.flatMap(({ value }) => [change(value, pick, random), change(value, pick, random)]);
    best = slowest([...best, ...changed.map(measure)]);
  }
  return slowest(best.map(({ value }) => measure(value))).slice(0, 8);
}

function slowest(values: readonly SlowValue[]): readonly SlowValue[] {
  return values.toSorted((a, b) => b.micros - a.micros).slice(0, POPULATION);
}

/** Puts a piece somewhere, copies a part over another, cuts one out, or repeats one to the end. */
function change(value: string, pick: <T>(from: readonly T[]) => T, random: () => number): string {
  const at = Math.floor(random() * value.length);
  const length = 1 + Math.floor(random() ** 3 * 200);
  const part = value.slice(at, at + length);
  const to = Math.floor(random() * value.length);
  const changed = pick([
    () => value.slice(0, at) + pick(pieces) + value.slice(at),
    () => value.slice(0, to) + part + value.slice(to + part.length),
    () => value.slice(0, at) + value.slice(at + length),
    () => value.slice(0, at) + part.repeat(Math.ceil(MAX_CHARACTERS / Math.max(1, part.length))),
  ])();
  return changed.padEnd(MAX_CHARACTERS, pick(pieces)).slice(0, MAX_CHARACTERS);
}

function measure(value: string): SlowValue {
  let micros = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const began = process.hrtime.bigint();
    classifySqlInjection(value);
    micros = Math.min(micros, Number(process.hrtime.bigint() - began) / 1e3);
  }
  return { value, micros };
}
