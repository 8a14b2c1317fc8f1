/** What memory streams and series cost: each case in a process of its own, weighed after garbage collection. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Benchmark } from './main.ts';
import { printTable, surroundings } from './report.ts';

const CASES: readonly (readonly [name: string, kind: string, unit: string])[] = [
  ['a delta stream of a counter', 'delta-sums', 'B'],
  ['a cumulative stream of a counter', 'cumulative-sums', 'B'],
  ['a delta stream, mixed (a quarter explicit, a quarter exponential)', 'delta-mixed', 'B'],
  ['a cumulative stream, mixed', 'cumulative-mixed', 'B'],
  ['a series with 26 h of minutes, all of them asked for', 'series', 'KB'],
];

export const benchmark: Benchmark = {
  about: 'bytes of memory a stream and a series',
  async run() {
    console.log(surroundings([]));
    const worker = join(import.meta.dirname, 'memory-worker.ts');
    const rows = CASES.map(([name, kind, unit]) => {
      const out = execFileSync(process.execPath, ['--expose-gc', worker, kind], { encoding: 'utf8' });
      const { each, of, decoder } = JSON.parse(out) as { each: number; of: number; decoder: number };
      const shown = unit === 'KB' ? each / 1000 : each;
      return [name, of.toLocaleString('en'), `${shown.toFixed(0)} ${unit}`, `${decoder.toFixed(0)} B`];
    });
    printTable(['memory of', 'measured with', 'each', 'the decoder beside'], rows);
    console.log(
      '\nHeap and buffers after garbage collection, store and decoder apart: the decoder remembers bytes and order of what\n' +
        'comes, and can forget them at any time.',
    );
  },
};
