/**
 * How often what is random is tried, where that takes seconds: as often as `npm test` can wait for, times what the
 * variable TEST_RUNS says. `.ci/run` tries four times as much.
 */
const factor = Number(process.env['TEST_RUNS'] ?? 1);
// With none, everything would pass untried.
if (!(factor > 0)) throw new Error(`TEST_RUNS is no number above zero: ${process.env['TEST_RUNS']}`);

/** @param usual of `npm test` */
export function runs(usual: number): number {
  return Math.ceil(usual * factor);
}
