/**
 * Three and a third days of made-up work, minute by minute, from a seed: what happened, before anybody counted it. Minutes
 * are numbered from 0; times of day do not matter.
 */
const HOUR = 60;

export const MINUTES = 80 * HOUR;

/** What lasts for a while. Where periods overlap, the later entry holds. */
interface Period {
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly what: Partial<Course>;
}

/** How things go in one minute. */
interface Course {
  /** Mutations a minute, over all senders; below 1 one comes now and then. */
  readonly mutations: number;
  /** Share of the mutations that fail. */
  readonly failing: number;
  /** Share of the mutations that take longer than half a second, and less than one. */
  readonly slow: number;
  /** Share of the mutations that take longer than one. */
  readonly stalled: number;
  /** Idempotency keys admitted a minute. */
  readonly keys: number;
  /** Keys that meet their first duplicate, a minute; they may be of keys that were admitted hours before. */
  readonly duplicated: number;
  readonly isAttacked: boolean;
  /** Whether senders report at all. */
  readonly isReporting: boolean;
}

const NORMAL: Course = {
  mutations: 40,
  failing: 0.004,
  slow: 0.012,
  stalled: 0.001,
  keys: 20,
  duplicated: 0.04,
  isAttacked: false,
  isReporting: true,
};

const hours = (from: number, to: number, what: Partial<Course>): Period => ({
  fromMinute: Math.round(from * HOUR),
  toMinute: Math.round(to * HOUR),
  what,
});

/** When each part of the stretch is, for whoever asks what it shows. */
export const PERIODS = {
  /** Everything fails before an hour of data is there: it would page, were the window taken for covered. */
  young: hours(5 / 60, 45 / 60, { failing: 0.97 }),
  duplicateStorm: hours(7, 8.5, { duplicated: 8 }),
  fastBurn: hours(16, 18.25, { failing: 0.97 }),
  stall: hours(21, 21.75, { stalled: 0.6 }),
  slowBurn: hours(25, 37, { failing: 0.24 }),
  slowLatency: hours(40, 74, { slow: 0.09 }),
  secondBurn: hours(52, 53.25, { failing: 1 }),
  /** Nothing happens; senders repeat their totals. */
  silence: hours(53.25, 55.25, { mutations: 0, keys: 0, duplicated: 0 }),
  /** Nothing arrives. */
  absence: hours(55.25, 57.25, { mutations: 0, keys: 0, duplicated: 0, isReporting: false }),
  /** All of few mutations fail: too few for an alert over one hour. */
  lowTraffic: hours(57.25, 63, { mutations: 0.15, keys: 0, duplicated: 0 }),
  lowFailing: hours(57.25, 59, { mutations: 0.15, failing: 1, keys: 0, duplicated: 0 }),
  /** More duplicates of older keys than new keys, which are too few for an alert. */
  lateDuplicates: hours(60, 61, { mutations: 0.15, keys: 0.2, duplicated: 1 }),
  attack: hours(64, 65, { isAttacked: true }),
} as const satisfies Readonly<Record<string, Period>>;

/** Minutes before which a sender starts anew and counts from 0. */
export const RESTART_MINUTES: readonly number[] = [14 * HOUR + 7, 17 * HOUR];

/** Seconds; none of the quick ones lies above half a second. */
const QUICK_SECONDS = [0.02, 0.06, 0.14, 0.3, 0.45];
const SLOW_SECONDS = [0.6, 0.75, 0.9];
const STALLED_SECONDS = [1.4, 3];

export interface Mutation {
  readonly name: 'CreateJob' | 'Pay';
  readonly outcome: 'success' | 'partial' | 'failure' | 'aborted';
  readonly seconds: number;
}

export interface Minute {
  readonly mutations: readonly Mutation[];
  readonly keys: number;
  readonly duplicated: number;
  readonly isAttacked: boolean;
  readonly isReporting: boolean;
}

/** The same stretch for the same seed. */
export function makeStretch(seed: number): readonly Minute[] {
  const random = generator(seed);
  return Array.from({ length: MINUTES }, (_, minute) => makeMinute(courseOf(minute), random));
}

function courseOf(minute: number): Course {
  const now = Object.values(PERIODS).filter(({ fromMinute, toMinute }) => minute >= fromMinute && minute < toMinute);
  return Object.assign({}, NORMAL, ...now.map(({ what }) => what));
}

function makeMinute(course: Course, random: () => number): Minute {
  const { mutations, keys, duplicated, isAttacked, isReporting } = course;
  return {
    mutations: Array.from({ length: number(mutations, random) }, () => makeMutation(course, random)),
    keys: number(keys, random),
    duplicated: number(duplicated, random),
    isAttacked,
    isReporting,
  };
}

function makeMutation({ failing, slow, stalled }: Course, random: () => number): Mutation {
  const rank = random();
  const durations = rank < stalled ? STALLED_SECONDS : rank < stalled + slow ? SLOW_SECONDS : QUICK_SECONDS;
  const seconds = pick(durations, random);
  const outcome =
    random() < failing ? 'failure' : random() < 0.01 ? 'partial' : random() < 0.005 ? 'aborted' : 'success';
  return { name: random() < 0.7 ? 'CreateJob' : 'Pay', outcome, seconds };
}

/** A whole number near a mean: a tenth more or less, and the rest by chance. */
function number(mean: number, random: () => number): number {
  return Math.floor(mean * (0.9 + 0.2 * random()) + random());
}

function pick(values: readonly number[], random: () => number): number {
  return values[Math.floor(random() * values.length)];
}

/** Mulberry32. @returns numbers in [0, 1) */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
