/** Patterns of attack: rules as data over the clients of a window. A number here is a bound from which chance is no explanation. */
import { blocksOf, type Client, type ClientBlocks } from './clients.ts';
import type { Recommendation } from './recommendations.ts';
import type { ThreatLevel } from './threat.ts';

export interface ThreatPattern {
  readonly name: string;
  readonly level: ThreatLevel;
  /** Blocks that belong to it. */
  readonly events: number;
  readonly clients: number;
  /** Of those with most blocks of it, worst first. */
  readonly addresses: readonly string[];
  readonly firstMs: number;
  readonly lastMs: number;
  /** What was seen, and the bound that it passed. */
  readonly evidence: string;
  /** What to do about it. */
  readonly action: string;
}

/** Addresses that a pattern names. */
const MAX_ADDRESSES = 10;

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
  readonly action: string;
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
    action: 'Block it before it reaches the application, and check that every query is parameterised.',
  },
  {
    name: 'attack_wave',
    level: 'high',
    isMeant: ({ category }) => category !== 'rate_limit' && category !== 'authentication',
    fromOneClient: 15,
    measure: (client) => client.heaviestMinute.count,
    evidence: 'One client sent {n} hostile requests within a minute; {bound} make a wave.',
    action: 'Block it before it reaches the application, or limit its rate.',
  },
  {
    name: 'credential_stuffing',
    level: 'high',
    isMeant: of('authentication'),
    fromOneClient: 1,
    measure: count,
    together: { clients: 10, blocks: 50 },
    evidence: '{blocks} logins failed over {clients} clients; 50 over 10 are no forgotten passwords.',
    action:
      'Limit logins for each account, ask for a second factor, and look for logins that succeeded from these addresses.',
  },
  {
    name: 'brute_force',
    level: 'elevated',
    isMeant: of('authentication'),
    fromOneClient: 20,
    measure: count,
    evidence: 'One client failed to log in {n} times; {bound} are more than a forgotten password.',
    action: 'Limit logins for each account: behind one address may be many people.',
  },
  {
    name: 'denial_of_service',
    level: 'elevated',
    isMeant: of('rate_limit'),
    fromOneClient: 300,
    measure: count,
    evidence: 'One client went over a rate limit {n} times; {bound} are a flood.',
    action: 'Block it before it reaches the application, unless many people stand behind that address.',
  },
  {
    name: 'enumeration',
    level: 'guarded',
    isMeant: of('query_analysis'),
    fromOneClient: 3,
    measure: kinds,
    evidence: 'One client met {n} different limits of queries; {bound} mean that it looks for what is allowed.',
    action: 'See which queries it sends; allow only known ones where clients are your own.',
  },
];

/** Every pattern that the clients of a window show; which clients belong to it does not depend on their order. */
export function detectPatterns(clients: readonly Client[]): ThreatPattern[] {
  return PATTERN_RULES.flatMap((rule) => {
    const parts = clients.flatMap((client) => {
      const meant = client.blocks.filter(rule.isMeant);
      const measure = meant.length === 0 ? 0 : rule.measure(client, meant);
      const { address } = client;
      return measure >= rule.fromOneClient ? [{ address, meant, measure, blocks: count(client, meant) }] : [];
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
      addresses: parts
        .toSorted((a, b) => b.blocks - a.blocks || (a.address < b.address ? -1 : 1))
        .slice(0, MAX_ADDRESSES)
        .map(({ address }) => address),
      firstMs: blocks.reduce((first, { firstMs }) => Math.min(first, firstMs), Infinity),
      lastMs: blocks.reduce((last, { lastMs }) => Math.max(last, lastMs), -Infinity),
      evidence: rule.evidence
        .replace('{n}', String(largest))
        .replace('{bound}', String(rule.fromOneClient))
        .replace('{blocks}', String(events))
        .replace('{clients}', String(parts.length)),
      action: rule.action,
    };
  });
}

/** One for each pattern: a warning, but for what is only looked at. */
export function recommendPatterns(patterns: readonly ThreatPattern[]): readonly Recommendation[] {
  return patterns.map(({ name, level, evidence, action }) => ({
    id: `pattern-${name.replaceAll('_', '-')}`,
    area: 'security',
    level: level === 'guarded' ? 'info' : 'warning',
    message: evidence,
    action,
    traces: 'none',
    link: '/monitoring/security/threats/',
  }));
}

/** Clients with most blocks of a category first; equal ones by address. */
export function worstClients(clients: readonly Client[], category?: string): Client[] {
  return clients
    .filter((client) => blocksOf(client, category) > 0)
    .sort((a, b) => blocksOf(b, category) - blocksOf(a, category) || (a.address < b.address ? -1 : 1));
}
