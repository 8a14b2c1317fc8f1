/** Who met refusals: by the minute for the last day, by the hour before, since older blocks hardly weigh any more. */
import { OTHER, OTHER_CLIENTS } from '@vigil/semconv';
import { type Client, HOSTILE_CATEGORIES, penalty } from '../../domain/clients.ts';
import type { ClientsAnswer, ClientsQuestion, TimeRange } from '../port.ts';
import type { Ask, Grid } from './batches.ts';
import { countExpression } from './expressions.ts';
import { keyOf, type Reading } from './groups.ts';
import type { Sample } from './samples.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const FINE_MS = 24 * HOUR_MS;
/** Kinds of blocks of one step that the server answers, those with most. */
const MAX_KINDS_PER_STEP = 1000;
const MAX_CLIENTS_PER_HOUR = 1000;
const REST: ReadonlySet<string> = new Set(['', OTHER, OTHER_CLIENTS]);
const KEYS = ['service.name', 'client.address', 'vigil.security.category', 'vigil.security.pattern'] as const;

interface Kind {
  readonly category: string;
  readonly pattern: string;
  count: number;
  firstMs: number;
  lastMs: number;
}

/** One client of one service in one hour. */
interface ClientHour {
  readonly address: string;
  readonly kinds: Map<string, Kind>;
  /** Hostile requests by minute. */
  readonly hostile: Map<number, number>;
}

export async function readClients(
  { range, service }: ClientsQuestion,
  { ask, reading, nowMs }: { readonly ask: Ask; readonly reading: Reading; readonly nowMs: number },
): Promise<ClientsAnswer> {
  const fromMs = Math.floor(range.fromMs / HOUR_MS) * HOUR_MS;
  const nextMinuteMs = (Math.floor(nowMs / MINUTE_MS) + 1) * MINUTE_MS;
  const toMs = Math.min(Math.ceil(range.toMs / HOUR_MS) * HOUR_MS, Math.max(nextMinuteMs, range.toMs));
  const fineMs = Math.max(fromMs, Math.floor((toMs - FINE_MS) / HOUR_MS) * HOUR_MS);
  const scope = { metric: 'vigil.security.clients', by: KEYS, service } as const;
  const stepsOf = (part: TimeRange, stepMs: number): Promise<readonly Sample[]> => {
    if (part.fromMs >= part.toMs) return Promise.resolve([]);
    const sum = countExpression(scope, { lengthMs: stepMs }, reading.label);
    return ask({ expression: `topk(${MAX_KINDS_PER_STEP}, ${sum} > 0)`, grid: gridOf(part, stepMs) });
  };
  const [coarse, fine] = await Promise.all([
    stepsOf({ fromMs, toMs: fineMs }, HOUR_MS),
    stepsOf({ fromMs: fineMs, toMs }, MINUTE_MS),
  ]);
  const hours = new Map<number, Map<string, ClientHour>>();
  const allTold = [addSteps(hours, coarse, HOUR_MS, reading), addSteps(hours, fine, MINUTE_MS, reading)].every(Boolean);
  const kept = [...hours.values()].map((clients) => worstOf([...clients.values()]));
  const isComplete = allTold && [...hours.values()].every(({ size }) => size <= MAX_CLIENTS_PER_HOUR);
  return { clients: kept.flat().map(asClient), isComplete };
}

/** Steps by their last moments. */
export function gridOf({ fromMs, toMs }: TimeRange, stepMs: number): Grid {
  const steps = Math.ceil((toMs - fromMs) / stepMs);
  return { firstMs: fromMs + stepMs - 1, lastMs: fromMs + steps * stepMs - 1, stepSeconds: stepMs / 1000 };
}

/** @returns whether every client was told apart */
function addSteps(
  hours: Map<number, Map<string, ClientHour>>,
  samples: readonly Sample[],
  stepMs: number,
  reading: Reading,
): boolean {
  const inStep = new Map<number, number>();
  let isComplete = true;
  for (const sample of samples) {
    const startMs = sample.timeMs + 1 - stepMs;
    const kinds = (inStep.get(startMs) ?? 0) + 1;
    inStep.set(startMs, kinds);
    const [service, address, category, pattern] = keyOf(sample, KEYS, reading);
    if (REST.has(address) || kinds >= MAX_KINDS_PER_STEP) isComplete = false;
    const count = Math.round(sample.value);
    if (REST.has(address) || !(count > 0)) continue;
    const client = clientAt(hours, startMs, service, address);
    addKind(client, { category, pattern, count, firstMs: startMs, lastMs: startMs + stepMs - MINUTE_MS });
    if (!HOSTILE_CATEGORIES.includes(category)) continue;
    // Of an hour as a whole it is known that one of its minutes had at least so many.
    const inMinute = Math.ceil((count * MINUTE_MS) / stepMs);
    client.hostile.set(startMs, (client.hostile.get(startMs) ?? 0) + inMinute);
  }
  return isComplete;
}

function clientAt(
  hours: Map<number, Map<string, ClientHour>>,
  timeMs: number,
  service: string,
  address: string,
): ClientHour {
  const number = Math.floor(timeMs / HOUR_MS);
  let clients = hours.get(number);
  if (clients === undefined) hours.set(number, (clients = new Map()));
  const key = JSON.stringify([service, address]);
  let client = clients.get(key);
  if (client === undefined) clients.set(key, (client = { address, kinds: new Map(), hostile: new Map() }));
  return client;
}

function addKind({ kinds }: ClientHour, more: Kind): void {
  const key = JSON.stringify([more.category, more.pattern]);
  const known = kinds.get(key);
  if (known === undefined) kinds.set(key, more);
  else {
    known.count += more.count;
    known.firstMs = Math.min(known.firstMs, more.firstMs);
    known.lastMs = Math.max(known.lastMs, more.lastMs);
  }
}

function worstOf(clients: readonly ClientHour[]): readonly ClientHour[] {
  if (clients.length <= MAX_CLIENTS_PER_HOUR) return clients;
  const weight = ({ kinds }: ClientHour) =>
    [...kinds.values()].reduce((sum, { category, pattern, count }) => sum + penalty(category, pattern) * count, 0);
  return clients
    .map((client) => ({ client, weight: weight(client) }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, MAX_CLIENTS_PER_HOUR)
    .map(({ client }) => client);
}

function asClient({ address, kinds, hostile }: ClientHour): Client {
  const [startMs, count] = [...hostile].reduce((a, b) => (b[1] > a[1] ? b : a), [0, 0]);
  return { address, blocks: [...kinds.values()], heaviestMinute: { startMs, count } };
}
