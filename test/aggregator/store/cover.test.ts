import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { cover, periodOf, TIER_MINUTES } from '../../../aggregator/store/embedded/tiers.ts';

const OLDEST_MINUTE = 3 * 1440 + 7;
const SPAN = 6 * 1440;

/** The minutes that blocks were read for; how often each. */
function minutesRead(spans: readonly (readonly [from: number, to: number])[], sealed: readonly number[]): number[] {
  const read: number[] = new Array(SPAN + 10).fill(0);
  for (const [from, to] of spans) {
    const runs = cover(from, to, OLDEST_MINUTE, sealed);
    expect(runs.length).toBeLessThanOrEqual(10);
    for (const run of runs) {
      if (run.tier === 0) expect(run.from).toBeGreaterThanOrEqual(Math.min(OLDEST_MINUTE, sealed[1]));
      expect(run.to).toBeLessThanOrEqual(sealed[run.tier]);
      for (const edge of [run.from, run.to]) expect(edge % TIER_MINUTES[run.tier]).toBe(0);
      for (let minute = run.from; minute < run.to; minute++) read[minute]++;
    }
  }
  return read;
}

/** Each tier is sealed up to the end of one of its periods, and none beyond the next finer one. */
const seals = fc.array(fc.nat({ max: SPAN }), { minLength: 4, maxLength: 4 }).map((minutes) => {
  const sealed = [Infinity];
  for (const [i, minute] of minutes.toSorted((a, b) => b - a).entries())
    sealed.push(periodOf(i + 1, Math.min(minute, sealed[i])));
  return sealed;
});

test('adjoining spans read every minute once, where old ones adjoin on whole ten minutes; no minute that was dropped, no block that is not sealed', () => {
  const minute = fc.nat({ max: SPAN }).map((at) => (at < OLDEST_MINUTE + 10 ? Math.floor(at / 10) * 10 : at));
  fc.assert(
    fc.property(fc.uniqueArray(minute, { minLength: 2, maxLength: 6 }), seals, (some, sealed) => {
      const edges = some.toSorted((a, b) => a - b);
      const spans = edges.slice(1).map((to, i) => [edges[i], to] as const);
      const read = minutesRead(spans, sealed);
      const wrong = read.findIndex((times, at) => times !== (at >= edges[0] && at < edges[edges.length - 1] ? 1 : 0));
      expect(wrong).toBe(-1);
    }),
  );
});
