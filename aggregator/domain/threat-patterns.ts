/** Patterns of attack: rules as data over the clients of a window. A number here is a bound from which chance is no explanation. */
import { blocksOf, type Client, type ClientBlocks } from './clients.ts';
import type { ThreatLevel } from './threat.ts';

export interface ThreatPattern {
  readonly name: string;
  readonly level: ThreatLevel;
  /** Blocks that belong to it. */
  readonly events: number;
  readonly clients: number;
  readonly firstMs: number;
  readonly lastMs: number;
  /** What was seen, and the bound that it passed. */
  readonly evidence: string;
}

interface PatternRule {
  readonly name: string;
  readonly level: ThreatLevel;
  readonly isMeant: (block: ClientBlocks) => boolean;
  /** Smallest number that makes one client a part of the pattern. */
  readonly fromOneClient: number;
  /** What is counted of one client. */
  readonly measure: (client: Client, meant: readonly ClientBlocks[]) => number;
  /** Clients and blocks that it takes together. */
  readonly together?: { readonly clients: number; readonly blocks: number };
  /** `{n}` stands for the largest measure, `{bound}` for the smallest that counts, `{clients}` and `{blocks}` for totals. */
  readonly evidence: string;
}

const count = (_: Client, meant: readonly ClientBlocks[]): number => meant.reduce((sum, of) => sum + of.count, 0);
const kinds = (_: Client, meant: readonly ClientBlocks[]): number => new Set(meant.map(({ pattern }) => pattern)).size;
const of = (category: string) => (block: ClientBlocks) => block.category === category;

/** In the order in which they are shown where levels are equal. */
const PATTERN_RULES: readonly PatternRule[] = [
  {
    name: 'injection_campaign',
    level: 'high',
    isMeant: of('sqli'),
    fromOneClient: 3,
    measure: kinds,
    evidence: 'One client tried {n} classes of SQL injection; {bound} are no accident.',
  },
  {
    name: 'attack_wave',
    level: 'high',
    isMeant: ({ category }) => category !== 'rate_limit' && category !== 'authentication',
    fromOneClient: 15,
    measure: (client) => client.heaviestMinute.count,
    evidence: 'One client sent {n} hostile requests within a minute; {bound} make a wave.',
  },
  {
    name: 'credential_stuffing',
    level: 'high',
    isMeant: of('authentication'),
    fromOneClient: 1,
    measure: count,
    together: { clients: 10, blocks: 50 },
    evidence: '{blocks} logins failed over {clients} clients; 50 over 10 are no forgotten passwords.',
  },
  {
    name: 'brute_force',
    level: 'elevated',
    isMeant: of('authentication'),
    fromOneClient: 20,
    measure: count,
    evidence: 'One client failed to log in {n} times; {bound} are more than a forgotten password.',
  },
  {
    name: 'denial_of_service',
    level: 'elevated',
    isMeant: of('rate_limit'),
    fromOneClient: 300,
    measure: count,
    evidence: 'One client went over a rate limit {n} times; {bound} are a flood.',
  },
  {
    name: 'enumeration',
    level: 'guarded',
    isMeant: of('query_analysis'),
    fromOneClient: 3,
    measure: kinds,
    evidence: 'One client met {n} different limits of queries; {bound} mean that it looks for what is allowed.',
  },
];

/** Every pattern that the clients of a window show; which clients belong to it does not depend on their order. */
export function detectPatterns(clients: readonly Client[]): ThreatPattern[] {
  return PATTERN_RULES.flatMap((rule) => {
    const parts = clients.flatMap((client) => {
      const meant = client.blocks.filter(rule.isMeant);
      const measure = meant.length === 0 ? 0 : rule.measure(client, meant);
      return measure >= rule.fromOneClient ? [{ meant, measure, blocks: count(client, meant) }] : [];
    });
    const events = parts.reduce((sum, part) => sum + part.blocks, 0);
    const { together = { clients: 1, blocks: 0 } } = rule;
    if (parts.length < together.clients || events < together.blocks) return [];
    const blocks = parts.flatMap(({ meant }) => meant);
    const largest = parts.reduce((most, { measure }) => Math.max(most, measure), 0);
    return {
      name: rule.name,
      level: rule.level,
      events,
      clients: parts.length,
      firstMs: blocks.reduce((first, { firstMs }) => Math.min(first, firstMs), Infinity),
      lastMs: blocks.reduce((last, { lastMs }) => Math.max(last, lastMs), -Infinity),
      evidence: rule.evidence
        .replace('{n}', String(largest))
        .replace('{bound}', String(rule.fromOneClient))
        .replace('{blocks}', String(events))
        .replace('{clients}', String(parts.length)),
    };
  });
}

/** Clients with most blocks of a category first; equal ones by address. */
export function worstClients(clients: readonly Client[], category?: string): Client[] {
  return clients
    .filter((client) => blocksOf(client, category) > 0)
    .sort((a, b) => blocksOf(b, category) - blocksOf(a, category) || (a.address < b.address ? -1 : 1));
}
