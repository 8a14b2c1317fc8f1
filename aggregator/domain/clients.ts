/** What is known of one client's blocks: its reputation, and the patterns of attack that it is a part of. */
import { decay, sqliWeight } from './threat.ts';

/** Blocks of one kind by one client within an hour. */
export interface ClientBlocks {
  readonly category: string;
  readonly pattern: string;
  readonly count: number;
  /** Unix ms, to the minute. */
  readonly firstMs: number;
  readonly lastMs: number;
}

export interface Client {
  /** As it is kept: an address, a network or a pseudonym. */
  readonly address: string;
  readonly blocks: readonly ClientBlocks[];
  /** Most hostile requests in one minute. */
  readonly heaviestMinute: { readonly startMs: number; readonly count: number };
}

/** Categories that nobody meets by accident; a rate limit or a mistyped password anybody may meet. */
export const HOSTILE_CATEGORIES: readonly string[] = ['sqli', 'csrf', 'origin', 'query_analysis'];

const HOUR_MS = 3_600_000;
/** Penalty at which a client has lost half of its good name. */
const HALF_POINT = 15;
/** What each kind beyond the first adds to a client's penalty. */
const VARIETY = 0.25;
const SQLI_PENALTY = 5;
const PENALTIES: Readonly<Record<string, number>> = {
  csrf: 3,
  origin: 3,
  query_analysis: 2,
  authentication: 1,
  rate_limit: 0.5,
};

/** What one block of this kind adds to a penalty. */
export function penalty(category: string, pattern: string): number {
  if (category === 'sqli') return SQLI_PENALTY * sqliWeight(pattern);
  return Object.hasOwn(PENALTIES, category) ? PENALTIES[category] : 1;
}

/** @returns 0 worst to 100 clean; without blocks 100 */
export function reputationScore(blocks: readonly ClientBlocks[], nowMs: number): number {
  const kinds = new Set(blocks.map(({ category }) => category)).size;
  const weights = blocks.map(({ category, pattern, count, firstMs, lastMs }) => {
    return penalty(category, pattern) * count * decay((nowMs - (firstMs + lastMs) / 2) / HOUR_MS);
  });
  const total = weights.toSorted((a, b) => a - b).reduce((sum, weight) => sum + weight, 0);
  return 100 * 2 ** ((-total * (1 + VARIETY * Math.max(0, kinds - 1))) / HALF_POINT);
}

const RISKS = [
  { risk: 'CLEAN', from: 80 },
  { risk: 'LOW', from: 60 },
  { risk: 'MEDIUM', from: 40 },
  { risk: 'HIGH', from: 20 },
  { risk: 'CRITICAL', from: -Infinity },
] as const;

export type Risk = (typeof RISKS)[number]['risk'];

/** Every risk, mildest first. */
export const RISK_LEVELS: readonly Risk[] = RISKS.map(({ risk }) => risk);

export function riskOf(score: number): Risk {
  return RISKS.find(({ from }) => score >= from)?.risk ?? 'CRITICAL';
}

export function blocksOf(client: Client, category?: string): number {
  return client.blocks.reduce(
    (sum, of) => sum + (category === undefined || of.category === category ? of.count : 0),
    0,
  );
}

/** The same client's hours, or its services, as one. */
export function mergeClients(clients: Iterable<Client>): Client[] {
  const byAddress = Map.groupBy(clients, ({ address }) => address);
  return [...byAddress].map(([address, parts]) => ({
    address,
    blocks: parts.flatMap(({ blocks }) => blocks),
    heaviestMinute: parts.map((part) => part.heaviestMinute).reduce((a, b) => (b.count > a.count ? b : a)),
  }));
}
