/**
 * How well and how fast SQL-injection attempts are told from everything else. The corpus is a folder of files, one value a
 * line, percent-encoded where it must be: `sqli.*` are attempts, `benign.*` are none. What the measuring tells about a
 * corpus holds for that corpus; the tests have their own values.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { classifySqlInjection, type SqlInjectionAttempt } from '../../instrumentation/security-blocks/sqli/classify.ts';
import { mayBeInjection } from '../../instrumentation/security-blocks/sqli/prefilter.ts';
import type { Benchmark } from './main.ts';
import { median, printTable, surroundings } from './report.ts';
import { searchSlowValues } from './sqli-worst.ts';

const ROUNDS = 7;
/** A round judges each value of a kind often enough to last some milliseconds. */
const JUDGED_PER_ROUND = 20_000;
const MIN_CHARACTERS = 4;
/** Classes of sources that name them otherwise. */
const otherNames: Readonly<Record<string, string>> = { union_query: 'union' };

interface Part {
  readonly name: string;
  readonly hostile: boolean;
  /** The class that all values have, where the file's name says so. */
  readonly class: string | undefined;
  readonly values: readonly string[];
  readonly leftOut: number;
}

export const benchmark: Benchmark = {
  about: 'SQL injection: found and false by file, classes, µs a value, worst case; --corpus FOLDER [--seconds 20]',
  async run(args) {
    const { values: options } = parseArgs({
      args: [...args],
      options: { corpus: { type: 'string' }, seconds: { type: 'string', default: '20' } },
    });
    if (options.corpus === undefined) throw new Error('which values? npm run bench -- sqli --corpus FOLDER');
    const parts = readCorpus(options.corpus);
    console.log(`${surroundings([])}\n`);
    printVerdicts(parts);
    printSpeed(parts);
    printWorst(parts, Number(options.seconds));
  },
};

function readCorpus(folder: string): readonly Part[] {
  const files = readdirSync(folder).filter((file) => /^(?:sqli|benign)\..*\.?txt$/.test(file));
  if (files.length === 0) throw new Error(`${folder} has no file sqli.*.txt or benign.*.txt`);
  return files.toSorted().map((file) => {
    const all = readFileSync(join(folder, file), 'utf8').split('\n').filter(Boolean).map(decode);
    const hostile = file.startsWith('sqli.');
    const values = hostile ? all.filter(saysSomething) : all;
    const technique = /^sqli\.sqlmap\.(\w+)\.txt$/.exec(file)?.[1];
    return {
      name: file.replace(/\.txt$/, ''),
      hostile,
      class: technique === undefined ? undefined : (otherNames[technique] ?? technique),
      values,
      leftOut: all.length - values.length,
    };
  });
}

function decode(line: string): string {
  try {
    return decodeURIComponent(line);
  } catch {
    return line;
  }
}

/** Lists of attempts have crumbs in them: a quote, a word. */
function saysSomething(value: string): boolean {
  return value.length >= MIN_CHARACTERS && !/^\w+$/.test(value);
}

function printVerdicts(parts: readonly Part[]): void {
  console.log(
    `Attempts of under ${MIN_CHARACTERS} characters and single words are left out; how many, tells the third column.\n`,
  );
  const rows = parts.map((part) => {
    const attempts = part.values.map(classifySqlInjection).filter((attempt) => attempt !== undefined);
    const reported = percent(attempts.length, part.values.length);
    return [
      part.name,
      `${part.values.length}`,
      `${part.leftOut}`,
      part.hostile ? reported : '',
      part.hostile ? '' : reported,
      ...classColumns(part, attempts),
    ];
  });
  printTable(['', 'values', 'left out', 'found %', 'false %', 'class right %', 'among its classes %'], rows);
}

function classColumns(part: Part, attempts: readonly SqlInjectionAttempt[]): readonly string[] {
  const expected = part.class;
  if (expected === undefined) return ['', ''];
  const named = attempts.filter((attempt) => attempt.class === expected).length;
  const among = attempts.filter(({ classes }) => (classes as readonly string[]).includes(expected)).length;
  return [percent(named, attempts.length), percent(among, attempts.length)];
}

function percent(count: number, total: number): string {
  return ((100 * count) / total).toFixed(2);
}

function printSpeed(parts: readonly Part[]): void {
  const kinds: readonly (readonly [name: string, values: readonly string[]])[] = [
    ['plain (nothing an injection could be made of)', select(parts, (_, value) => !mayBeInjection(value))],
    ['suspicious, and none', select(parts, ({ hostile }, value) => !hostile && mayBeInjection(value))],
    ['attempts', select(parts, ({ hostile }) => hostile)],
  ];
  const micros = kinds.map(() => [] as number[]);
  for (let round = 0; round <= ROUNDS; round++)
    for (const [kind, [, values]] of kinds.entries()) {
      const measured = microsPerValue(values);
      // The first round warms up.
      if (round > 0) micros[kind]!.push(measured);
    }
  console.log(`\nMedians of ${ROUNDS} interleaved rounds:\n`);
  const rows = kinds.map(([name, values], kind) => {
    const characters = values.reduce((sum, { length }) => sum + length, 0) / values.length;
    return [name, `${values.length}`, characters.toFixed(0), median(micros[kind]!).toFixed(2)];
  });
  printTable(['', 'values', 'mean characters', 'µs a value'], rows);
}

function select(parts: readonly Part[], fits: (part: Part, value: string) => boolean): readonly string[] {
  return parts.flatMap((part) => part.values.filter((value) => fits(part, value)));
}

function microsPerValue(values: readonly string[]): number {
  const times = Math.ceil(JUDGED_PER_ROUND / values.length);
  const began = process.hrtime.bigint();
  for (let i = 0; i < times; i++) for (const value of values) classifySqlInjection(value);
  return Number(process.hrtime.bigint() - began) / 1e3 / (times * values.length);
}

function printWorst(parts: readonly Part[], seconds: number): void {
  const seeds = parts.flatMap(({ values }) => values.filter((_, i) => i % 37 === 0));
  const found = searchSlowValues(seeds, seconds);
  console.log(`\nThe slowest values of 1 KiB that ${seconds} s of climbing from ${seeds.length} values found:\n`);
  printTable(
    ['', 'µs'],
    found.map(({ value, micros }) => [JSON.stringify(value.slice(0, 80)), micros.toFixed(0)]),
  );
}
