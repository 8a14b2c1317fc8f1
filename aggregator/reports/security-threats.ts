import { z } from 'zod';
import { detectPatterns } from '../domain/threat-patterns.ts';
import type { Report } from './report.ts';
import { threatLevelSchema } from './security.ts';
import { readClients } from './security-facts.ts';

export const securityThreatsSchema = z.object({
  detected_patterns: z.number(),
  patterns: z.array(
    z.object({
      pattern_name: z.string(),
      threat_level: threatLevelSchema,
      detection_count: z.number().describe('Refusals that belong to it.'),
      affected_users_count: z.null().describe('Users are never recorded.'),
      affected_ips_count: z.number(),
      affected_ips: z.array(z.string()).describe('Those with most refusals, 10 at most.'),
      first_seen: z.string().describe('To the minute.'),
      last_seen: z.string(),
      evidence: z.string(),
    }),
  ),
});

/** Patterns of attack in what clients met. */
export const reportSecurityThreats: Report<z.infer<typeof securityThreatsSchema>> = async (store, asked) => {
  const { clients } = await readClients(store, asked.window.range, asked.service);
  const patterns = detectPatterns(clients);
  return {
    detected_patterns: patterns.length,
    patterns: patterns.map((pattern) => ({
      pattern_name: pattern.name,
      threat_level: pattern.level,
      detection_count: pattern.events,
      affected_users_count: null,
      affected_ips_count: pattern.clients,
      affected_ips: [...pattern.addresses],
      first_seen: new Date(pattern.firstMs).toISOString(),
      last_seen: new Date(pattern.lastMs).toISOString(),
      evidence: pattern.evidence,
    })),
  };
};
