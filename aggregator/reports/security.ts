import { z } from 'zod';
import { type Recommendation, recommend, sortByLevel } from '../domain/recommendations.ts';
import { securityHealthy, securityRules, securitySilent } from '../domain/security-rules.ts';
import { THREAT_LEVELS, type ThreatScore, threatLevel } from '../domain/threat.ts';
import { detectPatterns, recommendPatterns, type ThreatPattern } from '../domain/threat-patterns.ts';
import { rounded } from './quantities.ts';
import { recommendationBody, recommendationSchema } from './recommendations.ts';
import type { Report } from './report.ts';
import { type BlockFacts, countBlocks, readBlocks, readClients, readGraphql, readThreat } from './security-facts.ts';
import { clientsWith, patternDistribution } from './security-sqli.ts';

export const threatLevelSchema = z
  .enum(THREAT_LEVELS)
  .describe('low below 20, guarded below 40, elevated below 60, high below 75; unknown before any data arrived.');

export const securitySchema = z.object({
  overall_threat_score: z.number().nullable().describe('0 to 100, of the last 24 hours; null before any data arrived.'),
  threat_level: threatLevelSchema,
  threat_components: z
    .array(
      z.object({
        component: z.string(),
        points: z.number(),
        evidence: z.object({
          value: z.number().describe('Weighted and decayed: a rate of a day, clients, or a ratio.'),
          half_point: z.number().describe('The value that gives half of the points.'),
        }),
      }),
    )
    .describe('Their points add up to the score.'),
  sqli_summary: z.object({
    total_attempts: z.number(),
    unique_ips: z.number(),
    most_common_pattern: z.string().describe('none when there are none.'),
  }),
  graphql_summary: z.object({
    total_requests: z.number(),
    blocked_requests: z.number(),
    csrf_violations: z.number(),
    rate_limit_violations: z.number(),
  }),
  recommendations: z.array(recommendationSchema),
});

type Body = z.infer<typeof securitySchema>;

/** How much the service is under attack, and what to do about it. */
export const reportSecurity: Report<Body> = async (store, asked) => {
  const { window, service } = asked;
  const [blocks, graphql, threat, { clients }] = await Promise.all([
    readBlocks(store, asked),
    readGraphql(store, asked),
    readThreat(store, window.range.toMs, service),
    readClients(store, window.range, service),
  ]);
  const context = {
    windowSeconds: window.seconds,
    events: countBlocks(blocks, {}),
    traceIds: { slowest: [], failed: [], none: [] },
  };
  return {
    ...threatBody(threat),
    sqli_summary: {
      total_attempts: countBlocks(blocks, { category: 'sqli' }),
      unique_ips: clientsWith(clients, 'sqli').length,
      most_common_pattern: patternDistribution(blocks)[0]?.pattern ?? 'none',
    },
    graphql_summary: {
      total_requests: graphql.requests,
      blocked_requests: graphql.blocked,
      csrf_violations: countBlocks(blocks, { category: 'csrf', surface: 'graphql' }),
      rate_limit_violations: countBlocks(blocks, { category: 'rate_limit', surface: 'graphql' }),
    },
    recommendations: recommendSecurity(blocks, threat, detectPatterns(clients)).map((one) =>
      recommendationBody(one, context),
    ),
  };
};

/** The score is the sum of the points as they are shown, so that a reader who adds them up gets it. */
function threatBody(threat: ThreatScore | undefined) {
  const components = (threat?.components ?? []).map(({ component, points, value, halfPoint }) => ({
    component,
    points: rounded(points),
    evidence: {
      value: component === 'blocked_share' ? Math.round(value * 1e6) / 1e6 : rounded(value),
      half_point: halfPoint,
    },
  }));
  const score = threat && rounded(components.reduce((sum, { points }) => sum + points, 0));
  return {
    overall_threat_score: score ?? null,
    threat_level: threatLevel(threat?.score),
    threat_components: components,
  };
}

/** What is to be said about a window: for the endpoint, and for whoever shows all recommendations. */
export function recommendSecurity(
  blocks: readonly BlockFacts[],
  threat: ThreatScore | undefined,
  patterns: readonly ThreatPattern[],
): readonly Recommendation[] {
  const known = threat !== undefined;
  const [sqli, rateLimits, detected] = [
    countBlocks(blocks, { category: 'sqli' }),
    countBlocks(blocks, { category: 'rate_limit' }),
    countDetected(blocks),
  ];
  const signals = {
    threat_score: threat?.score,
    sqli_attempts: known ? sqli : undefined,
    rate_limit_violations: known ? rateLimits : undefined,
    detected_only: known ? detected : undefined,
  };
  const events = { sqli_attempts: sqli, rate_limit_violations: rateLimits, detected_only: detected };
  const said = recommend(securityRules, signals, { healthy: securityHealthy, silent: securitySilent }, events);
  const ofPatterns = recommendPatterns(patterns);
  // Where there is a pattern, "nothing stands out" would not be true.
  return sortByLevel([...said.filter(({ level }) => ofPatterns.length === 0 || level !== 'info'), ...ofPatterns]);
}

/**
 * Attacks that something detects and could refuse. A foreign origin is none: CORS hides answers and stops no request. Nor
 * is a rate limit: a handler of the application's own let it pass.
 */
function countDetected(blocks: readonly BlockFacts[]): number {
  return countBlocks(
    blocks.filter(({ category }) => category !== 'origin' && category !== 'rate_limit'),
    { action: 'detected' },
  );
}
