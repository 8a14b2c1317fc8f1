/** What all answers about security are made from. */
import { OTHER } from '@vigil/semconv';
import { type Client, HOSTILE_CATEGORIES, mergeClients } from '../domain/clients.ts';
import { THREAT_WINDOW_HOURS, type ThreatEvents, type ThreatScore, threatScore } from '../domain/threat.ts';
import type { CountRow, Store, TimeRange } from '../store/port.ts';
import type { Asked } from './report.ts';

const HOUR_MS = 3_600_000;
/** Fine enough for a half-life of six hours: what is counted in the middle of a step is at most 1 % off. */
const STEP_SECONDS = 600;
/** Clients are kept for eight days; older blocks weigh nothing in a reputation. */
const CLIENT_DAYS = 8;

export const BLOCK_KEYS = [
  'vigil.security.category',
  'vigil.security.pattern',
  'vigil.security.action',
  'vigil.security.surface',
] as const;

export interface BlockFacts {
  readonly category: string;
  readonly pattern: string;
  readonly action: string;
  readonly surface: string;
  readonly count: number;
}

/** Every kind of block of the window. */
export async function readBlocks(store: Store, { window: { range }, service }: Asked): Promise<BlockFacts[]> {
  return blockFacts(await store.counts({ metric: 'vigil.security.blocks', range, by: BLOCK_KEYS, service }));
}

/** Rows by `BLOCK_KEYS`. */
export function blockFacts(rows: readonly CountRow[]): BlockFacts[] {
  return rows.map(({ key: [category, pattern, action, surface], value }) => {
    return { category, pattern: pattern || OTHER, action, surface, count: value };
  });
}

export function countBlocks(blocks: readonly BlockFacts[], like: Partial<Omit<BlockFacts, 'count'>>): number {
  const wanted = Object.entries(like) as [keyof BlockFacts, string][];
  return blocks
    .filter((block) => wanted.every(([name, value]) => block[name] === value))
    .reduce((sum, { count }) => sum + count, 0);
}

export interface GraphqlFacts {
  readonly requests: number;
  readonly blocked: number;
}

export async function readGraphql(store: Store, { window: { range }, service }: Asked): Promise<GraphqlFacts> {
  return graphqlFacts(
    await store.counts({ metric: 'vigil.graphql.requests', range, by: ['vigil.graphql.outcome'], service }),
  );
}

function graphqlFacts(rows: readonly CountRow[]): GraphqlFacts {
  const sum = (of: readonly CountRow[]) => of.reduce((total, { value }) => total + value, 0);
  return { requests: sum(rows), blocked: sum(rows.filter(({ key }) => key[0] === 'blocked')) };
}

export interface ClientFacts {
  /** Each once, with all that is kept of it. */
  readonly clients: readonly Client[];
  /** Whether every client was told apart and kept. */
  readonly isComplete: boolean;
}

/** All clients that are kept, whatever the window: a reputation is made from everything that is known. */
export async function readAllClients(store: Store, untilMs: number, service?: string): Promise<ClientFacts> {
  const range = { fromMs: untilMs - CLIENT_DAYS * 24 * HOUR_MS, toMs: untilMs };
  return readClients(store, range, service);
}

/** Clients of the hours that a range touches, with what they met in the range, to the minute. */
export async function readClients(store: Store, range: TimeRange, service?: string): Promise<ClientFacts> {
  const { clients, isComplete } = await store.clients({ range, service });
  const within = mergeClients(clients).map((client) => ({
    ...client,
    // Blocks of one hour whose times overlap the range are taken whole.
    blocks: client.blocks.filter(({ firstMs, lastMs }) => lastMs >= range.fromMs && firstMs < range.toMs),
  }));
  const isKept = range.toMs - range.fromMs <= CLIENT_DAYS * 24 * HOUR_MS + 60_000;
  return { clients: within.filter(({ blocks }) => blocks.length > 0), isComplete: isComplete && isKept };
}

/**
 * The threat score of the last 24 hours.
 * @param untilMs end of those hours, Unix ms
 * @returns undefined where no Vigil metric has ever arrived
 */
export async function readThreat(store: Store, untilMs: number, service?: string): Promise<ThreatScore | undefined> {
  if (store.state().newestPointMs === undefined) return undefined;
  const range = { fromMs: untilMs - THREAT_WINDOW_HOURS * HOUR_MS, toMs: untilMs };
  const steps = { range, stepSeconds: STEP_SECONDS, service };
  const [blocks, requests, { clients }] = await Promise.all([
    store.countSteps({ metric: 'vigil.security.blocks', by: BLOCK_KEYS, ...steps }),
    store.countSteps({ metric: 'vigil.graphql.requests', by: ['vigil.graphql.outcome'], ...steps }),
    readClients(store, range, service),
  ]);
  const ageHours = (startMs: number) => (untilMs - startMs - (STEP_SECONDS * 1000) / 2) / HOUR_MS;
  return threatScore({
    events: [
      ...blocks.map(({ startMs, rows }) => blockEvents(ageHours(startMs), blockFacts(rows))),
      ...requests.map(({ startMs, rows }) => ({ ageHours: ageHours(startMs), ...graphqlFacts(rows) })),
    ],
    clientAgesHours: clients.flatMap((client) => hostileAge(client, untilMs)),
  });
}

function blockEvents(ageHours: number, blocks: readonly BlockFacts[]): ThreatEvents {
  return {
    ageHours,
    sqli: blocks.filter(({ category }) => category === 'sqli'),
    csrf: countBlocks(blocks, { category: 'csrf' }),
    origin: countBlocks(blocks, { category: 'origin' }),
    rateLimit: countBlocks(blocks, { category: 'rate_limit' }),
  };
}

/** Hours since a client was last hostile; none for one that only met a limit. */
function hostileAge({ blocks }: Client, untilMs: number): number[] {
  const times = blocks.filter(({ category }) => HOSTILE_CATEGORIES.includes(category)).map(({ lastMs }) => lastMs);
  return times.length === 0 ? [] : [(untilMs - times.reduce((a, b) => Math.max(a, b))) / HOUR_MS];
}
