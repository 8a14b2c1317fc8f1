import { z } from 'zod';
import { graphqlThreat } from '../domain/threat.ts';
import { rounded } from './quantities.ts';
import type { Report } from './report.ts';
import { countBlocks, readBlocks, readGraphql, readThreat } from './security-facts.ts';

export const securityGraphqlSchema = z.object({
  total_requests: z.number(),
  blocked_requests: z.number(),
  csrf_violations: z.number(),
  rate_limit_violations: z.number(),
  origin_violations: z.number(),
  query_analysis_failures: z.number(),
  threat_score: z
    .number()
    .nullable()
    .describe(
      '0 to 1, of the last 24 hours: blocked share, CSRF, origin and rate limit; null before any data arrived.',
    ),
});

/** What was refused at GraphQL, and how much of a threat that is. */
export const reportSecurityGraphql: Report<z.infer<typeof securityGraphqlSchema>> = async (store, asked) => {
  const [blocks, { requests, blocked }, threat] = await Promise.all([
    readBlocks(store, asked),
    readGraphql(store, asked),
    readThreat(store, asked.window.range.toMs, asked.service),
  ]);
  const violations = (category: string) => countBlocks(blocks, { category, surface: 'graphql' });
  return {
    total_requests: requests,
    blocked_requests: blocked,
    csrf_violations: violations('csrf'),
    rate_limit_violations: violations('rate_limit'),
    origin_violations: violations('origin'),
    query_analysis_failures: violations('query_analysis'),
    threat_score: threat === undefined ? null : rounded(graphqlThreat(threat)),
  };
};
