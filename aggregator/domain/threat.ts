/**
 * The threat score: six components, each of which saturates, so that no single kind of attack hides the others.
 * Counts decay with a half-life and are scaled to the rate of a day; distinct clients decay and are not scaled.
 */

/** What stopped six hours ago counts half. */
export const HALF_LIFE_HOURS = 6;

/** The score always looks back this far. */
export const THREAT_WINDOW_HOURS = 24;

/** A steady flow of n events a day, decayed, sums up to n / this. */
const DAY_SCALE = (24 * Math.LN2) / HALF_LIFE_HOURS;

/** Requests added to those that came, so that a handful of requests cannot make a share. */
const BLOCKED_SHARE_FLOOR = 1000;

/** How much worse than a plain attempt a class of SQL injection is. A class that is not listed counts as 1. */
export const SQLI_WEIGHTS: Readonly<Record<string, number>> = {
  comment: 0.75,
  boolean_blind: 1,
  union: 1.25,
  error_based: 1.25,
  time_blind: 1.5,
  stacked_queries: 2,
  out_of_band: 2,
  command_execution: 2,
};

export function sqliWeight(pattern: string): number {
  return Object.hasOwn(SQLI_WEIGHTS, pattern) ? SQLI_WEIGHTS[pattern] : 1;
}

/** @param ageHours how long ago, at least 0 @returns in (0, 1] */
export function decay(ageHours: number): number {
  return 2 ** (-Math.max(0, ageHours) / HALF_LIFE_HOURS);
}

export type ThreatComponentName = 'sql_injection' | 'attackers' | 'blocked_share' | 'csrf' | 'origin' | 'rate_limit';

/** Most points that each component can give, and the value at which it gives half of them. */
export const THREAT_COMPONENTS: Readonly<
  Record<ThreatComponentName, { readonly points: number; readonly halfPoint: number }>
> = {
  sql_injection: { points: 40, halfPoint: 100 },
  attackers: { points: 15, halfPoint: 20 },
  blocked_share: { points: 15, halfPoint: 0.01 },
  csrf: { points: 10, halfPoint: 50 },
  origin: { points: 10, halfPoint: 50 },
  rate_limit: { points: 10, halfPoint: 300 },
};

/** Events of one kind that lie equally far back. */
export interface ThreatEvents {
  readonly ageHours: number;
  readonly sqli?: readonly { readonly pattern: string; readonly count: number }[];
  readonly csrf?: number;
  readonly origin?: number;
  readonly rateLimit?: number;
  readonly requests?: number;
  readonly blocked?: number;
}

export interface ThreatInput {
  /** In any order. */
  readonly events: readonly ThreatEvents[];
  /** How long ago each distinct hostile client was last seen. */
  readonly clientAgesHours: readonly number[];
}

export interface ThreatComponent {
  readonly component: ThreatComponentName;
  /** In [0, most points of the component). */
  readonly points: number;
  /** What the points were made from: weighted, decayed, a rate of a day; a ratio for the blocked share. */
  readonly value: number;
  readonly halfPoint: number;
}

export interface ThreatScore {
  /** In [0, 100): the sum of the components' points. */
  readonly score: number;
  readonly components: readonly ThreatComponent[];
}

/** Scores the events and clients of the last 24 hours. No events give 0. */
export function threatScore({ events, clientAgesHours }: ThreatInput): ThreatScore {
  const rate = (count: (of: ThreatEvents) => number): number =>
    DAY_SCALE * sum(events.map((of) => decay(of.ageHours) * count(of)));
  const requests = rate((of) => of.requests ?? 0);
  const blocked = rate((of) => of.blocked ?? 0);
  const values: Readonly<Record<ThreatComponentName, number>> = {
    sql_injection: rate((of) => sum((of.sqli ?? []).map(({ pattern, count }) => sqliWeight(pattern) * count))),
    attackers: sum(clientAgesHours.map(decay)),
    // A refusal may be counted where its request is not.
    blocked_share: blocked / (Math.max(requests, blocked) + BLOCKED_SHARE_FLOOR),
    csrf: rate((of) => of.csrf ?? 0),
    origin: rate((of) => of.origin ?? 0),
    rate_limit: rate((of) => of.rateLimit ?? 0),
  };
  const components = (Object.keys(THREAT_COMPONENTS) as ThreatComponentName[]).map((component) => {
    const { points, halfPoint } = THREAT_COMPONENTS[component];
    const value = values[component];
    return { component, points: (points * value) / (value + halfPoint), value, halfPoint };
  });
  return { score: sum(components.map(({ points }) => points)), components };
}

const LEVEL_BOUNDS = [
  { level: 'low', below: 20 },
  { level: 'guarded', below: 40 },
  { level: 'elevated', below: 60 },
  { level: 'high', below: 75 },
  { level: 'critical', below: Infinity },
] as const;

export type ThreatLevel = (typeof LEVEL_BOUNDS)[number]['level'] | 'unknown';

/** Every level, mildest first, then what is said before any data arrived. */
export const THREAT_LEVELS: readonly ThreatLevel[] = [...LEVEL_BOUNDS.map(({ level }) => level), 'unknown'];

/** @param score in [0, 100]; undefined where no data has ever arrived */
export function threatLevel(score: number | undefined): ThreatLevel {
  if (score === undefined) return 'unknown';
  return LEVEL_BOUNDS.find(({ below }) => score < below)?.level ?? 'critical';
}

const GRAPHQL_COMPONENTS: readonly ThreatComponentName[] = ['blocked_share', 'csrf', 'origin', 'rate_limit'];

/** The part of a score that concerns GraphQL, as a share of what its components can give. @returns in [0, 1) */
export function graphqlThreat({ components }: ThreatScore): number {
  const of = components.filter(({ component }) => GRAPHQL_COMPONENTS.includes(component));
  return sum(of.map(({ points }) => points)) / sum(GRAPHQL_COMPONENTS.map((name) => THREAT_COMPONENTS[name].points));
}

/** Smallest first, so that the order of what is added never shows. */
function sum(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b).reduce((total, number) => total + number, 0);
}
