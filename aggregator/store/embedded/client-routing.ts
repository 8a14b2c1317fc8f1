/** Points about clients go to their own tables and all others to series: told apart by the sign of a series' number. */

import type { IncrementSink } from '../../otlp/increments.ts';
import type { SeriesNumbers } from '../../otlp/streams.ts';
import type { ClientTables } from './clients.ts';

/** Numbers of clients begin below -1, which stands for "none yet". */
const FIRST = -2;

/** The attributes of `vigil.security.clients`, in the order of the registry. */
type ClientValues = readonly [address: string, category: string, pattern: string];

/** Numbers for series, and negative ones for clients. */
export function withClientNumbers(series: SeriesNumbers, clients: ClientTables): SeriesNumbers {
  return {
    resolve(key) {
      if (key.metric !== 'vigil.security.clients') return series.resolve(key);
      const [address, category, pattern] = key.values as ClientValues;
      return FIRST - clients.resolve({ service: key.service, address, category, pattern });
    },
    bounds: (edges) => series.bounds(edges),
  };
}

/** Numbers of clients among those in use. */
export function clientNumbers(inUse: ReadonlySet<number>): Set<number> {
  return new Set([...inUse].filter((number) => number <= FIRST).map((number) => FIRST - number));
}

/** Takes counts of clients out, and passes everything else on. */
export function withClientTables(sink: IncrementSink, clients: ClientTables): IncrementSink {
  return {
    number(series, minute, value) {
      if (series <= FIRST) clients.add(FIRST - series, minute, value);
      else sink.number(series, minute, value);
    },
    explicit: (series, minute, values, at) => sink.explicit(series, minute, values, at),
    exponential: (series, minute, values, at) => sink.exponential(series, minute, values, at),
    edges: (bounds) => sink.edges(bounds),
  };
}
