/**
 * Recommendations: rules are data, judged against signals. A rule about a signal that has no value is silent; at least
 * one recommendation always comes out, so that silence can be told from health.
 */
import { durationInWords } from './words.ts';

export type Level = 'critical' | 'warning' | 'info';

/** Worst first. */
export const LEVELS: readonly Level[] = ['critical', 'warning', 'info'];

/** What signals and thresholds are measured in; messages and bodies show percent, milliseconds and plain numbers. */
export type SignalUnit = 'ratio' | 'seconds' | 'count';

export interface RecommendationRule {
  readonly id: string;
  readonly area: string;
  readonly level: Level;
  /** Name of the signal that it judges. */
  readonly signal: string;
  readonly unit: SignalUnit;
  /** On which side of the threshold it speaks; on the threshold itself it is silent, but for `from`, which is at or above. */
  readonly speaks: 'above' | 'from' | 'below';
  readonly threshold: number;
  /** From this value on it is silent: a stricter rule about the same signal speaks instead. */
  readonly until?: number;
  /** Where the threshold comes from. */
  readonly source: string;
  /** `{value}` and `{threshold}` stand for the two numbers with their unit. */
  readonly message: string;
  /** What is said instead, of so few events that the value stands for one of them; `{events}` is their number. */
  readonly few?: { readonly below: number; readonly message: string };
  /** What the message gains when the value is beyond a further threshold. */
  readonly further?: { readonly threshold: number; readonly message: string };
  readonly action: string;
  /** Which kept spans prove it. */
  readonly traces: 'slowest' | 'failed' | 'none';
  /** Path of the endpoint that shows more. */
  readonly link: string;
}

/** What is said when no rule speaks. */
export interface Remark {
  readonly id: string;
  readonly area: string;
  readonly message: string;
  readonly action: string;
  readonly link: string;
}

/** The numbers that a recommendation was made from. */
export interface Evidence {
  readonly signal: string;
  readonly unit: SignalUnit;
  readonly value: number;
  readonly threshold: number;
  readonly source: string;
  /** What the value was made from; absent where it is not made from events, or from those of the whole answer. */
  readonly events?: number;
}

export interface Recommendation {
  readonly id: string;
  readonly area: string;
  readonly level: Level;
  readonly message: string;
  readonly action: string;
  /** Absent where no rule spoke. */
  readonly evidence?: Evidence;
  readonly traces: RecommendationRule['traces'];
  readonly link: string;
}

/** Values by name of signal; undefined where nothing happened. */
export type Signals = Readonly<Record<string, number | undefined>>;

/**
 * Judges all rules.
 * @param otherwise what to say when none speaks: one remark for when at least one signal has a value, one for silence
 * @param events how many each signal was made from, by name of signal, where that is known
 * @returns worst first, in the order of the rules within a level; never empty
 */
export function recommend(
  rules: readonly RecommendationRule[],
  signals: Signals,
  otherwise: { readonly healthy: Remark; readonly silent: Remark },
  events: Readonly<Record<string, number>> = {},
): readonly Recommendation[] {
  const spoken = rules.flatMap((rule) => judge(rule, signals[rule.signal], events[rule.signal]) ?? []);
  if (spoken.length > 0) return sortByLevel(spoken);
  const known = rules.some((rule) => signals[rule.signal] !== undefined);
  return [{ ...(known ? otherwise.healthy : otherwise.silent), level: 'info', traces: 'none' }];
}

/** Worst first; the order within a level stays. */
export function sortByLevel<Item extends { readonly level: Level }>(items: readonly Item[]): Item[] {
  return items.toSorted((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level));
}

function judge(
  rule: RecommendationRule,
  value: number | undefined,
  events: number | undefined,
): Recommendation | undefined {
  if (value === undefined || value >= (rule.until ?? Infinity) || !isBeyond(rule, value, rule.threshold))
    return undefined;
  const { id, area, level, signal, unit, threshold, source, action, traces, link } = rule;
  const further =
    rule.further !== undefined && isBeyond(rule, value, rule.further.threshold) ? rule.further : undefined;
  const plain = events !== undefined && events < (rule.few?.below ?? 0) ? rule.few?.message : undefined;
  const message =
    fill(plain ?? rule.message, unit, value, threshold).replace('{events}', String(events)) +
    (further === undefined ? '' : ` ${fill(further.message, unit, value, further.threshold)}`);
  const evidence = { signal, unit, value, threshold, source, events };
  return { id, area, level, message, action, evidence, traces, link };
}

function isBeyond(rule: RecommendationRule, value: number, threshold: number): boolean {
  if (rule.speaks === 'from') return value >= threshold;
  return rule.speaks === 'above' ? value > threshold : value < threshold;
}

function fill(text: string, unit: SignalUnit, value: number, threshold: number): string {
  return text.replace('{value}', inWords(value, unit)).replace('{threshold}', inWords(threshold, unit));
}

/** 0.931 ratio is "93.1 %", 1.2345 seconds are "1235 ms", 0.0123 are "12.3 ms", 45.316 are "45 s", 3630 are "1 hour". */
export function inWords(value: number, unit: SignalUnit): string {
  if (unit === 'seconds' && value >= 60) return durationInWords(value);
  if (unit === 'seconds' && value >= 10) return `${Math.round(value)} s`;
  const shown = unit === 'ratio' ? value * 100 : unit === 'seconds' ? value * 1000 : value;
  const suffix = unit === 'ratio' ? ' %' : unit === 'seconds' ? ' ms' : '';
  const grain = unit === 'seconds' && shown >= 100 ? 1 : 100;
  return `${Math.round(shown * grain) / grain}${suffix}`;
}
