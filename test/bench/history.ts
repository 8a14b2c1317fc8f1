/** Minutes of mutations as they would have been: what filled stores hold, so that their size on the disk means something. */
import { type Attributes, type HistogramValues, SCALE } from './bodies.ts';
import { mutationSeries, randomFrom } from './telemetry.ts';

/** Cells to the doubling. */
const PER_DOUBLING = 2 ** SCALE;
/** Cells that are looked at: 0.1 ms to 100 s. */
const FIRST = Math.floor(Math.log2(0.0001) * PER_DOUBLING);
const CELLS = Math.ceil(Math.log2(100) * PER_DOUBLING) - FIRST;
/** Executions a minute of a series, before the time of day: as many as the bodies of the receiving benchmarks hold. */
const SLOWEST_RATE = 40;
const FASTEST_RATE = 840;
/** A cell that takes less than this share of the executions takes none. */
const NEGLIGIBLE = 1e-6;
const MINUTES_OF_A_DAY = 1440;

interface Series {
  readonly attributes: Attributes;
  /** Executions a minute. */
  readonly rate: number;
  /** The share of executions that each cell takes. */
  readonly shares: Float64Array;
  /** By how many cells latency has drifted. */
  drift: number;
}

/**
 * Minutes of so many series, one after the other. Each series has its own rate, median and spread; durations are
 * log-normal, arrivals are a Poisson process. The rate follows the time of day, latency drifts.
 */
export function createHistory(series: number): (minute: number) => HistogramValues[] {
  const random = randomFrom(7);
  const all = mutationSeries(series).map((attributes): Series => {
    const median = 0.005 * 25 ** random();
    const spread = 0.5 + random() / 2;
    const rate = SLOWEST_RATE + random() * (FASTEST_RATE - SLOWEST_RATE);
    return { attributes, rate, shares: logNormalShares(median, spread), drift: 0 };
  });
  return (minute) => {
    const wave = 1 - 0.6 * Math.cos((2 * Math.PI * (minute % MINUTES_OF_A_DAY)) / MINUTES_OF_A_DAY);
    return all.map((one) => {
      if (random() < 1 / 60) one.drift = Math.max(-4, Math.min(4, one.drift + (random() < 0.5 ? -1 : 1)));
      return minuteOf(one, one.rate * wave, random);
    });
  };
}

function minuteOf({ attributes, shares, drift }: Series, executions: number, random: () => number): HistogramValues {
  const cells = new Array<number>(CELLS).fill(0);
  let first = CELLS;
  let last = 0;
  let count = 0;
  let sum = 0;
  for (let i = 0; i < CELLS; i++) {
    const n = shares[i] === 0 ? 0 : poisson(executions * shares[i], random);
    if (n === 0) continue;
    cells[i] = n;
    first = Math.min(first, i);
    last = i;
    count += n;
    // Values are spread evenly within their cell; of many the mean is as good as the sum of each.
    const even = n === 1 ? random() : 0.5 + (normal(random) * 0.29) / Math.sqrt(n);
    sum += n * valueAt(i + drift, even);
  }
  if (count === 0) return minuteOf({ attributes, shares, drift, rate: executions }, 1, random);
  const lowest = valueAt(first + drift, random());
  const highest = count === 1 ? lowest : Math.max(lowest, valueAt(last + drift, random()));
  const counts = cells.slice(first, last + 1);
  const offset = FIRST + first + drift;
  return { attributes, counts, offset, count, sum: count === 1 ? lowest : sum, min: lowest, max: highest };
}

/** A value within a cell, 0 at its lower edge and 1 at its upper one. */
function valueAt(cell: number, within: number): number {
  const lower = 2 ** ((FIRST + cell) / PER_DOUBLING);
  return lower + (2 ** (1 / PER_DOUBLING) - 1) * lower * within;
}

function logNormalShares(median: number, spread: number): Float64Array {
  const shares = new Float64Array(CELLS);
  let below = 0;
  for (let i = 0; i < CELLS; i++) {
    const edge = 2 ** ((FIRST + i + 1) / PER_DOUBLING);
    const upTo = normalBelow(Math.log(edge / median) / spread);
    shares[i] = upTo - below < NEGLIGIBLE ? 0 : upTo - below;
    below = upTo;
  }
  return shares;
}

/** The share of a normal distribution below `x`, to six digits (Abramowitz and Stegun 26.2.17). */
function normalBelow(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const above = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * tail;
  return x > 0 ? 1 - above : above;
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** How many arrivals of a Poisson process there are where `mean` are expected. */
function poisson(mean: number, random: () => number): number {
  if (mean > 10) return Math.max(0, Math.round(mean + normal(random) * Math.sqrt(mean)));
  const chance = random();
  let share = Math.exp(-mean);
  let upTo = share;
  let n = 0;
  while (chance > upTo && n < 50) {
    share *= mean / ++n;
    upTo += share;
  }
  return n;
}
