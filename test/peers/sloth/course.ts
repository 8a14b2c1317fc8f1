/** Eighty hours of made-up counters, minute by minute, as a scrape shows them: calm, incidents, low traffic and silence. */
import type { ScrapedSeries } from '../parity/engine.ts';

const HOUR = 60;
export const MINUTES = 80 * HOUR;

/** How many events a minute has, and the shares of them that are bad. */
interface Course {
  readonly mutations: number;
  readonly failing: number;
  /** Longer than half a second. */
  readonly slow: number;
  /** Longer than one second. */
  readonly stalled: number;
  readonly keys: number;
  readonly duplicated: number;
}

const CALM: Course = { mutations: 40, failing: 0.004, slow: 0.012, stalled: 0.001, keys: 20, duplicated: 0.002 };

/** From and to in hours; later ones hold. */
export const PERIODS = {
  young: { from: 0, to: 0.5, what: { failing: 0.97 } },
  calm: { from: 16, to: 28, what: {} },
  fastBurn: { from: 30, to: 32, what: { failing: 0.97 } },
  slowBurn: { from: 36, to: 46, what: { failing: 0.24 } },
  slowLatency: { from: 48, to: 66, what: { slow: 0.4, stalled: 0.12 } },
  duplicateStorm: { from: 50, to: 53, what: { duplicated: 0.3 } },
  lowTraffic: { from: 72, to: 75, what: { mutations: 0.25, failing: 1, keys: 0.25 } },
  lastBurn: { from: 75, to: 76, what: { failing: 0.97 } },
  silence: { from: 76, to: 78, what: { mutations: 0, keys: 0 } },
} as const satisfies Readonly<Record<string, { from: number; to: number; what: Partial<Course> }>>;

function courseAt(minute: number): Course {
  const hour = minute / HOUR;
  const now = Object.values(PERIODS).filter(({ from, to }) => hour >= from && hour < to);
  return Object.assign({}, CALM, ...now.map(({ what }) => what));
}

/** Which counters grow by what in a minute. */
const COUNTERS: readonly (readonly [name: string, le: string | undefined, grows: (course: Course) => number])[] = [
  ['graphql_mutation_total', undefined, ({ mutations }) => mutations],
  ['graphql_mutation_failure_total', undefined, ({ mutations, failing }) => mutations * failing],
  ['graphql_server_mutation_duration_seconds_count', undefined, ({ mutations }) => mutations],
  ['graphql_server_mutation_duration_seconds_bucket', '0.5', ({ mutations, slow }) => mutations * (1 - slow)],
  ['graphql_server_mutation_duration_seconds_bucket', '1', ({ mutations, stalled }) => mutations * (1 - stalled)],
  ['celery_idempotency_requests_total', undefined, ({ keys }) => keys],
  ['celery_idempotency_duplicate_hits_total', undefined, ({ keys, duplicated }) => keys * duplicated],
];

/** Counters of whole events: what is due of a fraction comes when it is one. */
export function makeCounters(): ScrapedSeries[] {
  return COUNTERS.map(([name, le, grows]) => {
    const values = new Float64Array(MINUTES);
    let due = 0;
    for (let minute = 0; minute < MINUTES; minute++) {
      due += grows(courseAt(minute));
      // A sum of fractions may lack the last bit of a whole number.
      values[minute] = Math.floor(due + 1e-6);
    }
    return { name, labels: { job: 'vigil', ...(le === undefined ? {} : { le }) }, values };
  });
}
