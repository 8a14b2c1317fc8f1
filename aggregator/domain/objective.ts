/** Events of one metric: those whose attributes have one of the given values. */
export interface EventSelection<Metric extends string = string> {
  readonly metric: Metric;
  /** Values by attribute key; an attribute that is not named may have any. */
  readonly where: Readonly<Record<string, readonly string[]>>;
  /** Of a histogram only the events of at most this value, in the metric's unit. */
  readonly atMost?: number;
}

/** How good events are told from bad ones: all of them, and those of one sort. */
export interface Indicator<Metric extends string = string> {
  readonly total: EventSelection<Metric>;
  readonly part: EventSelection<Metric>;
  readonly partIs: 'good' | 'bad';
}

/** A service level objective: which share of events should be good over a rolling window. */
export interface Objective<Metric extends string = string> {
  /** Lower-case letters, digits and hyphens; the OpenSLO `metadata.name`. */
  readonly id: string;
  /** For people, on one line. */
  readonly name: string;
  readonly description: string;
  /** OpenSLO's `spec.service`: what the objective is about. */
  readonly subject: string;
  /** Ratio of good events aimed at, in (0, 1). */
  readonly objective: number;
  /** Length of the rolling window in whole days, at least 1. */
  readonly windowDays: number;
  readonly indicator: Indicator<Metric>;
}

/** Events of one stretch of time, 0 <= good <= total. Estimates inside a histogram's cell may be fractions. */
export interface EventCounts {
  readonly good: number;
  readonly total: number;
}

export const NO_EVENTS: EventCounts = { good: 0, total: 0 };

/**
 * Events from the two counts of an indicator. The part may exceed the whole where both are counted at different moments
 * (a duplicate of an older key): good events then are none, or all, and never fewer than 0.
 */
export function eventCounts(partIs: Indicator['partIs'], part: number, total: number): EventCounts {
  const inside = Math.min(Math.max(0, part), total);
  return { good: partIs === 'good' ? inside : total - inside, total };
}

export function addEvents(a: EventCounts, b: EventCounts): EventCounts {
  return { good: a.good + b.good, total: a.total + b.total };
}
