import { z } from 'zod';
import { blocksOf, type Client, RISK_LEVELS, reputationScore, riskOf } from '../domain/clients.ts';
import { worstClients } from '../domain/threat-patterns.ts';
import type { Store } from '../store/port.ts';
import { descending, rounded } from './quantities.ts';
import type { Asked, Report } from './report.ts';
import { type BlockFacts, countBlocks, readAllClients, readBlocks, readClients } from './security-facts.ts';

const MAX_PATTERNS = 10;
const MAX_ATTACKERS = 10;
const HOUR_SECONDS = 3600;

const reputationSchema = z.object({
  reputation_score: z.number().describe('0 worst to 100 clean; decays back with a half-life of six hours.'),
  risk_level: z.enum(RISK_LEVELS),
  first_seen: z.string().describe('To the minute, within the eight days that clients are kept.'),
  last_seen: z.string(),
  patterns: z.array(z.string()),
});

export const securitySqliSchema = z.object({
  total_attempts: z.number(),
  blocked_attempts: z.number(),
  unique_ips: z.number(),
  unique_ips_is_lower_bound: z.boolean().describe('Whether there were more clients than are told apart and kept.'),
  violations_by_hour: z.array(z.object({ timestamp: z.string(), count: z.number() })).describe('Oldest first.'),
  pattern_distribution: z.array(z.object({ pattern: z.string(), count: z.number() })),
  top_attackers: z.array(
    z.object({ ip_address: z.string(), violation_count: z.number(), reputation: reputationSchema }),
  ),
});

/** SQL-injection attempts: when, of which classes, and who. */
export const reportSecuritySqli: Report<z.infer<typeof securitySqliSchema>> = async (store, asked) => {
  const { window, service } = asked;
  const [blocks, within, all, byHour] = await Promise.all([
    readBlocks(store, asked),
    readClients(store, window.range, service),
    readAllClients(store, window.range.toMs, service),
    attemptsByHour(store, asked),
  ]);
  const attackers = clientsWith(within.clients, 'sqli');
  const known = new Map(all.clients.map((client) => [client.address, client]));
  return {
    total_attempts: countBlocks(blocks, { category: 'sqli' }),
    blocked_attempts: countBlocks(blocks, { category: 'sqli', action: 'blocked' }),
    unique_ips: attackers.length,
    unique_ips_is_lower_bound: !within.isComplete,
    violations_by_hour: byHour,
    pattern_distribution: patternDistribution(blocks).slice(0, MAX_PATTERNS),
    top_attackers: attackers.slice(0, MAX_ATTACKERS).map((client) => ({
      ip_address: client.address,
      violation_count: blocksOf(client, 'sqli'),
      reputation: reputationBody(known.get(client.address) ?? client, window.range.toMs),
    })),
  };
};

/** Clients with blocks of a category, most first. */
export function clientsWith(clients: readonly Client[], category: string): Client[] {
  return worstClients(clients, category);
}

/** SQL-injection attempts by class, most first. */
export function patternDistribution(blocks: readonly BlockFacts[]): { pattern: string; count: number }[] {
  const ofSqli = blocks.filter(({ category }) => category === 'sqli');
  const rows = [...Map.groupBy(ofSqli, ({ pattern }) => pattern)].map(([pattern, of]) => {
    return { pattern, count: countBlocks(of, {}) };
  });
  return descending(
    rows,
    (row) => row.count,
    (row) => row.pattern,
  );
}

/** One count for each hour of the window, also where nothing happened; the first has the minute that it was widened by, too. */
async function attemptsByHour(store: Store, { window, service }: Asked) {
  const hours = Math.max(1, Math.round(window.seconds / HOUR_SECONDS));
  const fromMs = window.range.toMs - hours * HOUR_SECONDS * 1000;
  const question = {
    metric: 'vigil.security.blocks',
    where: { 'vigil.security.category': ['sqli'] },
    service,
  } as const;
  const [steps, before] = await Promise.all([
    store.countSteps({ ...question, range: { fromMs, toMs: window.range.toMs }, stepSeconds: HOUR_SECONDS }),
    store.counts({ ...question, range: { fromMs: window.range.fromMs, toMs: fromMs } }),
  ]);
  const counts = new Map(steps.map(({ startMs, rows }) => [startMs, rows.reduce((sum, { value }) => sum + value, 0)]));
  counts.set(fromMs, (counts.get(fromMs) ?? 0) + before.reduce((sum, { value }) => sum + value, 0));
  return Array.from({ length: hours }, (_, i) => {
    const startMs = fromMs + i * HOUR_SECONDS * 1000;
    return { timestamp: new Date(startMs).toISOString(), count: counts.get(startMs) ?? 0 };
  });
}

function reputationBody({ blocks }: Client, nowMs: number): z.infer<typeof reputationSchema> {
  const score = reputationScore(blocks, nowMs);
  const first = blocks.reduce((ms, { firstMs }) => Math.min(ms, firstMs), Infinity);
  const last = blocks.reduce((ms, { lastMs }) => Math.max(ms, lastMs), -Infinity);
  return {
    reputation_score: rounded(score),
    risk_level: riskOf(score),
    first_seen: new Date(first).toISOString(),
    last_seen: new Date(last).toISOString(),
    patterns: [...new Set(blocks.map(({ pattern }) => pattern))].sort(),
  };
}
