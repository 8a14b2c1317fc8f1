import type { MutationSpan, SpanQuestion } from '../port.ts';

const HOUR_MS = 3_600_000;
/** Of each mutation and hour: so many of the slowest, and so many of the newest that failed. */
const SLOWEST = 5;
const FAILED = 5;
/** Mutations of one hour whose spans are kept; what comes beyond is dropped. */
const MUTATIONS_PER_HOUR = 500;

interface Kept {
  /** Slowest first. */
  readonly slowest: MutationSpan[];
  /** Newest first. */
  readonly failed: MutationSpan[];
}

/** Spans of slow and failed mutations, a bounded number an hour, so that an answer can name traces worth opening. */
export class SpanShelf {
  /** By hour since 1970, then by service and mutation. */
  readonly #hours = new Map<number, Map<string, Kept>>();
  /** Hours that changed since they were last saved. */
  readonly dirtyHours = new Set<number>();

  /** Whether the span is among the slowest or the newest failed of its hour so far. */
  wants(span: MutationSpan): boolean {
    const mutations = this.#hours.get(hourOf(span));
    const kept = mutations?.get(keyOf(span));
    if (kept === undefined) return (mutations?.size ?? 0) < MUTATIONS_PER_HOUR;
    return (
      placeOf(kept.slowest, span, SLOWEST, bySlowness) >= 0 ||
      (span.outcome === 'failure' && placeOf(kept.failed, span, FAILED, byNewness) >= 0)
    );
  }

  /** Keeps the span where it is wanted. */
  offer(span: MutationSpan): void {
    if (!this.wants(span)) return;
    const hour = hourOf(span);
    const mutations = this.#hours.get(hour) ?? new Map<string, Kept>();
    this.#hours.set(hour, mutations);
    const kept = mutations.get(keyOf(span)) ?? { slowest: [], failed: [] };
    mutations.set(keyOf(span), kept);
    place(kept.slowest, span, SLOWEST, bySlowness);
    if (span.outcome === 'failure') place(kept.failed, span, FAILED, byNewness);
    this.dirtyHours.add(hour);
  }

  slowest(question: SpanQuestion, limit: number): MutationSpan[] {
    return this.#select(question, 'slowest').sort(bySlowness).slice(0, limit);
  }

  failed(question: SpanQuestion, limit: number): MutationSpan[] {
    return this.#select(question, 'failed').sort(byNewness).slice(0, limit);
  }

  /** Every span kept of an hour, each once. */
  ofHour(hour: number): MutationSpan[] {
    const all = [...(this.#hours.get(hour)?.values() ?? [])].flatMap(({ slowest, failed }) => [...slowest, ...failed]);
    return [...new Set(all)];
  }

  /** Forgets whole hours. @returns the hours that were forgotten */
  dropBefore(ms: number): number[] {
    const gone = [...this.#hours.keys()].filter((hour) => (hour + 1) * HOUR_MS <= ms);
    for (const hour of gone) this.#hours.delete(hour);
    return gone;
  }

  #select({ range, service, mutation }: SpanQuestion, list: keyof Kept): MutationSpan[] {
    const out: MutationSpan[] = [];
    for (const [hour, mutations] of this.#hours) {
      if ((hour + 1) * HOUR_MS <= range.fromMs || hour * HOUR_MS >= range.toMs) continue;
      for (const kept of mutations.values())
        for (const span of kept[list])
          if (
            span.endMs >= range.fromMs &&
            span.endMs < range.toMs &&
            (service === undefined || span.service === service) &&
            (mutation === undefined || span.mutation === mutation)
          )
            out.push(span);
    }
    return out;
  }
}

function hourOf(span: MutationSpan): number {
  return Math.floor(span.endMs / HOUR_MS);
}

function keyOf(span: MutationSpan): string {
  return JSON.stringify([span.service, span.mutation]);
}

type Order = (a: MutationSpan, b: MutationSpan) => number;
const bySlowness: Order = (a, b) => b.durationMs - a.durationMs;
const byNewness: Order = (a, b) => b.endMs - a.endMs;

/** Where a span belongs in a short sorted list; -1 when it is there already or there is no place for it. */
function placeOf(list: readonly MutationSpan[], span: MutationSpan, most: number, order: Order): number {
  if (list.some((known) => known.spanId === span.spanId && known.traceId === span.traceId)) return -1;
  const at = list.findIndex((known) => order(span, known) < 0);
  if (at >= 0) return at;
  return list.length < most ? list.length : -1;
}

function place(list: MutationSpan[], span: MutationSpan, most: number, order: Order): void {
  const at = placeOf(list, span, most, order);
  if (at < 0) return;
  list.splice(at, 0, span);
  list.length = Math.min(list.length, most);
}
