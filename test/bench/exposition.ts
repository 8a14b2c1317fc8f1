/** How long a scrape of 10,000 series takes, computed anew each time. */
import { renderFamilies } from '../../aggregator/http/exposition.ts';
import { allParts, exposeParts } from '../../aggregator/reports/exposition.ts';
import { fillStore, openAt } from './filled-store.ts';
import type { Benchmark } from './main.ts';
import { pinLoad } from './processes.ts';
import { median, printTable, quantileOf, surroundings } from './report.ts';

const ROUNDS = 60;
/** Series of the store, of 500 mutations in four outcomes: they make the ten thousand samples of a scrape. */
const SERIES = 2000;
const MINUTES = 90;

export const benchmark: Benchmark = {
  about: 'time of a Prometheus scrape of 10,000 series',
  async run() {
    pinLoad();
    const opened = openAt(fillStore({ minutes: MINUTES, series: SERIES }));
    const times: number[] = [];
    let text = '';
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.now();
      const families = await exposeParts(allParts, opened.store, { nowMs: Date.now() });
      text = renderFamilies(families, 'prometheus');
      times.push(performance.now() - began);
    }
    opened.close();
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    console.log(surroundings([]));
    console.log(`${SERIES} series in the store.\n`);
    const warm = times.slice(5);
    const row = [String(samples), ...[median(warm), quantileOf(warm, 0.95)].map((ms) => ms.toFixed(1))];
    const perTenThousand = (1e4 * median(warm)) / samples;
    printTable(
      ['samples of the scrape', 'median, ms', 'p95, ms', 'ms by 10,000 samples'],
      [[...row, perTenThousand.toFixed(1)]],
    );
  },
};
