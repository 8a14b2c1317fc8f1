/** The families about security. Counters are totals since the store began; the score and the attackers are of the last 24 hours. */
import { sqlInjectionPatterns } from '@vigil/semconv';
import { blocksOf, type Client, reputationScore } from '../domain/clients.ts';
import { worstClients } from '../domain/threat-patterns.ts';
import type { MetricFamily } from '../metrics.ts';
import type { ExpositionPart } from './exposition.ts';
import { windowUntil } from './report.ts';
import { BLOCK_KEYS, blockFacts, countBlocks, readAllClients, readClients, readThreat } from './security-facts.ts';

const MAX_ATTACKERS = 20;

/** `security_sqli_attempts_total`. */
export const sqliCounts: ExpositionPart = async (store, { service }) => {
  const blocks = blockFacts(await store.lifetimeCounts({ metric: 'vigil.security.blocks', by: BLOCK_KEYS, service }));
  const seen = blocks.filter(({ category }) => category === 'sqli').map(({ pattern }) => pattern);
  const patterns = [...new Set([...sqlInjectionPatterns, ...seen])];
  return [
    {
      name: 'security_sqli_attempts_total',
      type: 'counter',
      help: 'SQL-injection attempts, blocked or only seen, by class.',
      samples: patterns.map((pattern) => ({
        labels: [['pattern', pattern]],
        value: countBlocks(blocks, { category: 'sqli', pattern }),
      })),
    },
  ];
};

/** `security_graphql_…_violations_total`. */
export const graphqlViolations: ExpositionPart = async (store, { service }) => {
  const blocks = blockFacts(await store.lifetimeCounts({ metric: 'vigil.security.blocks', by: BLOCK_KEYS, service }));
  return [
    ['csrf', 'Requests to GraphQL that failed the check against cross-site forgery.'],
    ['rate_limit', 'Requests to GraphQL above a rate limit.'],
    ['origin', 'Requests to GraphQL from a foreign origin.'],
  ].map(([category, help]) => ({
    name: `security_graphql_${category}_violations_total`,
    type: 'counter',
    help,
    samples: [{ labels: [], value: countBlocks(blocks, { category, surface: 'graphql' }) }],
  }));
};

/** `security_threat_score`. */
export const threatFamilies: ExpositionPart = async (store, { service, nowMs }) => {
  const threat = await readThreat(store, windowUntil(nowMs, 'hours', 1).range.toMs, service);
  return [
    {
      name: 'security_threat_score',
      type: 'gauge',
      help: 'Threat score of the last 24 hours, from 0 to 1; absent before any data arrived.',
      samples: threat === undefined ? [] : [{ labels: [], value: threat.score / 100 }],
    },
  ];
};

/** `security_top_attacker_violations` and `security_top_attacker_reputation`; nothing where addresses must not be shown. */
export const attackerFamilies: ExpositionPart = async (store, { service, nowMs, exposeAttackers = true }) => {
  if (!exposeAttackers) return [];
  const { range } = windowUntil(nowMs, 'hours', 24);
  const [{ clients }, all] = await Promise.all([
    readClients(store, range, service),
    readAllClients(store, range.toMs, service),
  ]);
  const worst = worstClients(clients).slice(0, MAX_ATTACKERS);
  const known = new Map(all.clients.map((client) => [client.address, client]));
  const gauge = (name: string, help: string, value: (client: Client) => number): MetricFamily => ({
    name: `security_top_attacker_${name}`,
    type: 'gauge',
    help,
    samples: worst.map((client) => ({ labels: [['client_address', client.address]], value: value(client) })),
  });
  return [
    gauge('violations', 'Refusals of the clients with most of them in the last 24 hours.', (client) =>
      blocksOf(client),
    ),
    gauge('reputation', 'Reputation of those clients, from 0 worst to 100 clean.', (client) =>
      reputationScore((known.get(client.address) ?? client).blocks, nowMs),
    ),
  ];
};
