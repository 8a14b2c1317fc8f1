/** What an objective's counts must be, added up from what happened: no store, no histogram, no query. */
import { type EventCounts, eventCounts } from '../../../aggregator/domain/objective.ts';
import type { Slo } from '../../../aggregator/reports/report.ts';
import { COARSE_EDGES, senderOf } from './senders.ts';
import type { Minute } from './stretch.ts';

export interface Truth {
  /** Events of the minutes from <= minute < to. */
  counts(from: number, to: number): EventCounts;
  /** Of these the events that a histogram cannot place on either side of the threshold; 0 where there is none. */
  unplaced(from: number, to: number): number;
  /** The part of the indicator alone, which may exceed the total. */
  part(from: number, to: number): number;
}

interface Counted {
  readonly total: number;
  readonly part: number;
  readonly unplaced: number;
}

export function truthOf({ id, indicator }: Slo, stretch: readonly Minute[]): Truth {
  const { atMost } = indicator.part;
  const count = (minute: Minute): Counted => {
    if (id === 'task-duplicates') return { total: minute.keys, part: minute.duplicated, unplaced: 0 };
    return atMost === undefined ? failures(minute) : quickOnes(minute, atMost);
  };
  const counted = stretch.map(count);
  const sums = (of: (minute: Counted) => number): ((from: number, to: number) => number) => {
    let sum = 0;
    const before = Float64Array.from([0, ...counted.map((minute) => (sum += of(minute)))]);
    return (from, to) => before[Math.max(0, to)] - before[Math.max(0, from)];
  };
  const [total, part, unplaced] = [
    sums((minute) => minute.total),
    sums((minute) => minute.part),
    sums((minute) => minute.unplaced),
  ];
  return { counts: (from, to) => eventCounts(indicator.partIs, part(from, to), total(from, to)), unplaced, part };
}

function failures({ mutations }: Minute): Counted {
  const failed = mutations.filter(({ outcome }) => outcome === 'failure');
  return { total: mutations.length, part: failed.length, unplaced: 0 };
}

function quickOnes({ mutations }: Minute, seconds: number): Counted {
  const upper = COARSE_EDGES.find((edge) => edge >= seconds) ?? Infinity;
  const lower = COARSE_EDGES.findLast((edge) => edge < seconds) ?? 0;
  const settled = mutations
    .map((mutation, i) => ({ ...mutation, isCoarse: senderOf(i) === 'coarse' }))
    .filter(({ outcome }) => outcome !== 'aborted');
  return {
    total: settled.length,
    part: settled.filter((mutation) => mutation.seconds <= seconds).length,
    unplaced: settled.filter(({ isCoarse, seconds: took }) => isCoarse && took > lower && took <= upper).length,
  };
}
