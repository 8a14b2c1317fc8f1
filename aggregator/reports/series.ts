import { z } from 'zod';
import type { Step, TimeRange } from '../store/port.ts';

/** Most points of a series in an answer. */
export const MAX_SERIES_POINTS = 200;

/** Steps that people read easily: 1, 2, 5, 10, 15, 30 minutes, 1, 2, 3, 6, 12 hours, 1 day. */
const STEPS_SECONDS: readonly number[] = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

export const seriesSchema = z.object({
  step_seconds: z.number(),
  points: z
    .array(z.tuple([z.number(), z.number().nullable()]))
    .max(MAX_SERIES_POINTS)
    .describe('Unix seconds of a step’s start, and its value, null where nothing happened; oldest first.'),
});

export type Series = z.infer<typeof seriesSchema>;

/** The finest step with which a range has at most 200 points, and the range on that step's grid. */
export function stepsOf(range: TimeRange): { readonly stepSeconds: number; readonly range: TimeRange } {
  const seconds = (range.toMs - range.fromMs) / 1000;
  // One point fewer, as the grid cuts the range at both ends.
  const fits = (step: number): boolean => seconds / step <= MAX_SERIES_POINTS - 1;
  const days = Math.ceil(seconds / 86400 / (MAX_SERIES_POINTS - 1));
  const stepSeconds = STEPS_SECONDS.find(fits) ?? days * 86400;
  const stepMs = stepSeconds * 1000;
  return {
    stepSeconds,
    range: { fromMs: Math.floor(range.fromMs / stepMs) * stepMs, toMs: Math.ceil(range.toMs / stepMs) * stepMs },
  };
}

/** Every step of the range, also those that the store leaves out because nothing happened. */
export function seriesOf<Row>(
  steps: readonly Step<Row>[],
  { range, stepSeconds }: { readonly range: TimeRange; readonly stepSeconds: number },
  pointOf: (rows: readonly Row[]) => number | null,
): Series {
  const byStart = new Map(steps.map((step) => [step.startMs, step.rows]));
  const points: [number, number | null][] = [];
  for (let startMs = range.fromMs; startMs < range.toMs; startMs += stepSeconds * 1000) {
    points.push([startMs / 1000, pointOf(byStart.get(startMs) ?? [])]);
  }
  return { step_seconds: stepSeconds, points };
}
