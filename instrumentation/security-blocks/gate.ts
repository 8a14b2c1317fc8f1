/**
 * Who gets a series of their own in `vigil.security.clients`: a bounded number of clients, the heaviest for certain.
 *
 * A table of space-saving counters (Metwally, Agrawal, El Abbadi, "Efficient computation of frequent and top-k elements
 * in data streams", 2005): a newcomer takes the place of the lightest client and its weight, so that of N blocks nobody
 * with more than N / places of them is ever missed. Weights only decide who stays; counts are exact, what cannot be told
 * apart is counted as `_other`, and all points together are all blocks.
 */
import { OTHER_CLIENTS } from '@vigil/semconv';
import { pushItem, removeItem, sink, type Weighted } from './heap.ts';
import type { Kind, SecurityCategory } from './kinds.ts';
import { createRecent } from './recent.ts';

/** How many blocks of a category, within the window, make a client worth a series: one attack, but not one mistake. */
const ADMITTED_AT: Readonly<Record<SecurityCategory, number>> = {
  sqli: 1,
  csrf: 1,
  origin: 1,
  query_analysis: 1,
  rate_limit: 10,
  authentication: 3,
};
const ADMISSION_WINDOW_MS = 60_000;
/** Clients that may still reach the number; those that came first are forgotten first. */
const MOST_CANDIDATES = 10_000;
/** Weights are halved this often, so that the heavy ones of last month do not keep out those of today. */
const HALF_LIFE_MS = 60_000;
/** A client that has been quiet for so long is forgotten. */
const IDLE_MS = 600_000;

interface Client extends Weighted {
  name: string;
  lastMs: number;
  /** Blocks since the last collection, each kind once. Few kinds are of one client: a list is lighter than a map. */
  counts: KindCount[];
}

interface KindCount {
  readonly kind: Kind;
  count: number;
}

/** Blocks of one client and kind since the last collection; `client` is `_other` for the rest. */
export interface ClientCount {
  readonly client: string;
  readonly kind: Kind;
  readonly count: number;
}

export interface ClientGate {
  /** @param client undefined where it is not known */
  record(client: string | undefined, kind: Kind, nowMs: number): void;
  /** What was recorded since the last call. */
  take(nowMs: number): ClientCount[];
  /** How many clients have a series now. */
  readonly size: number;
}

/** @param places most clients with a series of their own at a time, at least 1 */
export function createClientGate(places: number): ClientGate {
  const clients = new Map<string, Client>();
  const heap: Client[] = [];
  const candidates = createCandidates();
  const rest = new Map<Kind, number>();
  let halvedMs = Number.NEGATIVE_INFINITY;

  /** In a flood nearly every block admits somebody: the place of the lightest is taken over as it stands. */
  function admit(name: string): Client {
    if (heap.length >= places) {
      const client = heap[0]!;
      release(client);
      client.name = name;
      clients.set(name, client);
      return client;
    }
    const client: Client = { name, weight: 0, position: 0, lastMs: 0, counts: [] };
    clients.set(name, client);
    pushItem(heap, client);
    return client;
  }

  /** Its place is then free; what it did and nobody has collected is counted with the rest. */
  function release(client: Client): void {
    clients.delete(client.name);
    for (const { kind, count } of client.counts) addToRest(kind, count);
    client.counts = [];
  }

  function addToRest(kind: Kind, count: number): void {
    rest.set(kind, (rest.get(kind) ?? 0) + count);
  }

  function halve(nowMs: number): void {
    const halvings = Math.floor((nowMs - halvedMs) / HALF_LIFE_MS);
    if (halvings < 1) return;
    // All alike: their order stays.
    for (const client of heap) client.weight *= 0.5 ** halvings;
    halvedMs = halvedMs === Number.NEGATIVE_INFINITY ? nowMs : halvedMs + halvings * HALF_LIFE_MS;
  }

  return {
    record(name, kind, nowMs) {
      halve(nowMs);
      let client = name === undefined ? undefined : clients.get(name);
      if (client === undefined && name !== undefined && candidates.isDue(name, kind.category, nowMs))
        client = admit(name);
      if (client === undefined) {
        addToRest(kind, 1);
        return;
      }
      client.lastMs = nowMs;
      client.weight++;
      sink(heap, client);
      add(client.counts, kind);
    },
    take(nowMs) {
      const taken: ClientCount[] = [];
      for (const client of [...heap]) {
        for (const { kind, count } of client.counts) taken.push({ client: client.name, kind, count });
        client.counts = [];
        if (nowMs - client.lastMs <= IDLE_MS) continue;
        release(client);
        removeItem(heap, client);
      }
      for (const [kind, count] of rest) taken.push({ client: OTHER_CLIENTS, kind, count });
      rest.clear();
      return taken;
    },
    get size() {
      return heap.length;
    },
  };
}

function add(counts: KindCount[], kind: Kind): void {
  for (const one of counts) {
    if (one.kind !== kind) continue;
    one.count++;
    return;
  }
  counts.push({ kind, count: 1 });
}

interface Candidates {
  /** Whether this block makes its client worth a series. */
  isDue(name: string, category: SecurityCategory, nowMs: number): boolean;
}

/** Times of the latest blocks of clients and categories that one block alone does not admit. */
function createCandidates(): Candidates {
  const times = createRecent<number[]>(MOST_CANDIDATES);
  return {
    isDue(name, category, nowMs) {
      const needed = ADMITTED_AT[category];
      if (needed === 1) return true;
      const key = `${category} ${name}`;
      let latest = times.get(key);
      if (latest === undefined) times.set(key, (latest = []));
      latest.push(nowMs);
      if (latest.length < needed) return false;
      const isDue = nowMs - latest.shift()! <= ADMISSION_WINDOW_MS;
      if (isDue) times.delete(key);
      return isDue;
    },
  };
}
