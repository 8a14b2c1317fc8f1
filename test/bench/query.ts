/** How long the store takes to answer the percentiles of 200 mutations over any window, and how much disk a minute needs. */
import { quantiles } from '../../aggregator/domain/histogram.ts';
import type { Store } from '../../aggregator/store/port.ts';
import { printDisk } from './disk.ts';
import { DAYS, fillStore, openAt, SERIES } from './filled-store.ts';
import type { Benchmark } from './main.ts';
import { pinLoad } from './processes.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';

const MINUTE_MS = 60_000;
const WINDOWS: readonly (readonly [name: string, minutes: number])[] = [
  ['5 min', 5],
  ['60 min', 60],
  ['24 h', 1440],
  ['168 h', 10_080],
];
const ROUNDS = 400;

export const benchmark: Benchmark = {
  about:
    'time of p50/p95/p99 of 200 mutations over 5 min to 168 h; bytes on the disk. Argument: a folder to keep the store in',
  async run([kept]) {
    pinLoad();
    const directory = fillStore({ kept });
    console.log(surroundings([]));
    console.log(
      `${SERIES} series of 200 mutations, ${DAYS} days by the minute, blocks and the sums of windows asked for again are kept.\n`,
    );
    const opened = openAt(directory);
    const rows: string[][] = [];
    for (const [name, minutes] of WINDOWS) rows.push(await measure(opened.store, name, () => minutes));
    rows.push(await measure(opened.store, 'any', () => 5 + Math.floor(Math.random() * 10_075)));
    printTable(['window', 'first, ms', 'median, ms', 'p95, ms', 'p99, ms', 'longest, ms'], rows);
    opened.close();
    printDisk(directory);
  },
};

async function measure(store: Store, name: string, minutes: () => number): Promise<string[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    // A kept store has no newer minutes than its last.
    const toMs = Math.ceil((store.state().newestPointMs ?? Date.now()) / MINUTE_MS) * MINUTE_MS;
    const range = { fromMs: toMs - minutes() * MINUTE_MS, toMs };
    const began = performance.now();
    const rows = await store.histograms({ metric: 'vigil.mutation.duration', range, by: ['vigil.mutation.name'] });
    for (const { histogram } of rows) quantiles(histogram, [0.5, 0.95, 0.99]);
    times.push(performance.now() - began);
    if (rows.length !== 200) throw new Error(`${rows.length} mutations were found`);
  }
  const [first, ...rest] = times;
  const shown = [first, median(rest), quantileOf(rest, 0.95), quantileOf(rest, 0.99), Math.max(...rest)];
  return [name, ...shown.map((ms) => ms.toFixed(2))];
}
