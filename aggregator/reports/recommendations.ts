import { z } from 'zod';
import type { Recommendation, SignalUnit } from '../domain/recommendations.ts';
import { rounded } from './quantities.ts';

export const recommendationSchema = z.object({
  id: z.string(),
  area: z.string(),
  level: z.enum(['critical', 'warning', 'info']),
  message: z.string(),
  action: z.string(),
  evidence: z.object({
    window_seconds: z
      .number()
      .describe('What the evidence was read over; 0 where it is about now, or about all since the service started.'),
    events: z.number().describe('Events that the value was made from.'),
    signal: z.string().nullable(),
    value: z.number().nullable(),
    threshold: z.number().nullable(),
    unit: z.enum(['percent', 'ms', 'count']).nullable(),
    source: z.string().nullable(),
    trace_ids: z.array(z.string()),
  }),
  link: z.string(),
});

export type RecommendationBody = z.infer<typeof recommendationSchema>;

const BODY_UNITS: Readonly<Record<SignalUnit, { readonly unit: 'percent' | 'ms' | 'count'; readonly factor: number }>> =
  {
    ratio: { unit: 'percent', factor: 100 },
    seconds: { unit: 'ms', factor: 1000 },
    count: { unit: 'count', factor: 1 },
  };

/** What stands beside every recommendation of one answer. */
export interface EvidenceContext {
  readonly windowSeconds: number;
  /** Of what does not say itself what it was made from. */
  readonly events: number;
  readonly traceIds: Readonly<Record<Recommendation['traces'], readonly string[]>>;
}

/** A recommendation as bodies show it: percent and milliseconds, rounded. */
export function recommendationBody(recommendation: Recommendation, context: EvidenceContext): RecommendationBody {
  const { id, area, level, message, action, evidence, traces, link } = recommendation;
  const shown = evidence && BODY_UNITS[evidence.unit];
  return {
    id,
    area,
    level,
    message,
    action,
    evidence: {
      window_seconds: context.windowSeconds,
      events: evidence?.events ?? context.events,
      signal: evidence?.signal ?? null,
      value: evidence && shown ? rounded(evidence.value * shown.factor) : null,
      threshold: evidence && shown ? rounded(evidence.threshold * shown.factor) : null,
      unit: shown?.unit ?? null,
      source: evidence?.source ?? null,
      trace_ids: [...context.traceIds[traces]],
    },
    link,
  };
}
