/** Planned periods that objectives leave out. Times are Unix milliseconds; a span holds from <= t < to. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface MaintenancePeriod extends Span {
  /** For people: why it is left out. */
  readonly reason: string;
  /** Ids of the objectives that leave it out; all of them when absent. */
  readonly objectives?: readonly string[];
}

/** Periods that an objective leaves out. */
export function periodsOf(periods: readonly MaintenancePeriod[], id: string): readonly MaintenancePeriod[] {
  return periods.filter(({ objectives }) => objectives === undefined || objectives.includes(id));
}

/**
 * What remains of a span without some others, oldest first.
 * @param grainMs every span left out is widened to whole multiples of this: finer the store cannot tell apart
 */
export function without(span: Span, leftOut: readonly Span[], grainMs: number): Span[] {
  let remaining: Span[] = span.fromMs < span.toMs ? [span] : [];
  for (const out of leftOut) {
    const fromMs = Math.floor(out.fromMs / grainMs) * grainMs;
    const toMs = Math.ceil(out.toMs / grainMs) * grainMs;
    remaining = remaining
      .flatMap((each) => [
        { fromMs: each.fromMs, toMs: Math.min(each.toMs, fromMs) },
        { fromMs: Math.max(each.fromMs, toMs), toMs: each.toMs },
      ])
      .filter((part) => part.fromMs < part.toMs);
  }
  return remaining;
}
