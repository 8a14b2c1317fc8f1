import { OTHER, OTHER_CLIENTS } from '@vigil/semconv';
import { type Client, HOSTILE_CATEGORIES, penalty } from '../../domain/clients.ts';
import type { ClientsAnswer, TimeRange } from '../port.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MINUTES_PER_HOUR = 60;
/** Clients of one hour that are kept; while the hour fills there may be twice as many, so that few are weighed often. */
export const MAX_CLIENTS_PER_HOUR = 1000;
/** Kinds of blocks of one client and hour; what comes beyond is one kind a category. */
const MAX_KINDS = 32;
/** What senders call the clients that they do not tell apart. */
const REST: ReadonlySet<string> = new Set(['', OTHER, OTHER_CLIENTS]);

/** One kind of block by one client, as points name it. */
interface Identity {
  readonly service: string;
  readonly address: string;
  readonly category: string;
  readonly pattern: string;
}

interface Kind {
  readonly category: string;
  readonly pattern: string;
  count: number;
  /** Minutes since 1970. */
  first: number;
  last: number;
}

/** One client of one service in one hour. */
interface ClientHour {
  readonly service: string;
  readonly address: string;
  readonly kinds: Kind[];
  /** Hostile requests of the minute that was seen last, and of the one with most. */
  minute: number;
  inMinute: number;
  heaviest: number;
  inHeaviest: number;
}

interface Hour {
  readonly clients: Map<string, ClientHour>;
  /** Whether there were more clients than are kept or were told apart. */
  incomplete: boolean;
}

interface SavedHour {
  readonly incomplete: boolean;
  readonly clients: readonly ClientHour[];
}

/**
 * Who met refusals: a table an hour, kept apart from series, since addresses are as many as clients choose. Only the
 * worst of each hour stay. Times are exact to the minute.
 */
export class ClientTables {
  /** Hours that changed since they were last saved. */
  readonly dirtyHours = new Set<number>();
  readonly #hours = new Map<number, Hour>();
  readonly #identities: (Identity | undefined)[] = [];
  readonly #byKey = new Map<string, number>();
  readonly #free: number[] = [];

  /** Number of a kind of block by a client, for `add`. */
  resolve(identity: Identity): number {
    const key = JSON.stringify(identity);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const id = this.#free.pop() ?? this.#identities.length;
    this.#identities[id] = identity;
    this.#byKey.set(key, id);
    return id;
  }

  /** Gives numbers free. @param inUse numbers that streams refer to */
  release(inUse: ReadonlySet<number>): void {
    this.#identities.forEach((identity, id) => {
      if (identity === undefined || inUse.has(id)) return;
      this.#byKey.delete(JSON.stringify(identity));
      this.#identities[id] = undefined;
      this.#free.push(id);
    });
  }

  add(id: number, minute: number, value: number): void {
    const identity = this.#identities[id];
    if (identity === undefined || !(value > 0)) return;
    const number = Math.floor(minute / MINUTES_PER_HOUR);
    const hour = this.#hour(number);
    this.dirtyHours.add(number);
    if (REST.has(identity.address)) {
      hour.incomplete = true;
      return;
    }
    const client = clientOf(hour, identity);
    countKind(client, identity, minute, value);
    if (HOSTILE_CATEGORIES.includes(identity.category)) countMinute(client, minute, value);
    if (hour.clients.size > 2 * MAX_CLIENTS_PER_HOUR) keepWorst(hour);
  }

  /** Clients of the hours that a range touches, each once an hour. */
  read(range: TimeRange, service: string | undefined): ClientsAnswer {
    const clients: Client[] = [];
    let isComplete = true;
    for (const [number, hour] of this.#hours) {
      if ((number + 1) * HOUR_MS <= range.fromMs || number * HOUR_MS >= range.toMs) continue;
      if (hour.incomplete) isComplete = false;
      for (const client of hour.clients.values())
        if (service === undefined || client.service === service) clients.push(asClient(client));
    }
    return { clients, isComplete };
  }

  /** Forgets whole hours. @returns the hours that were forgotten */
  dropBefore(ms: number): number[] {
    const gone = [...this.#hours.keys()].filter((hour) => (hour + 1) * HOUR_MS <= ms);
    for (const hour of gone) {
      this.#hours.delete(hour);
      this.dirtyHours.delete(hour);
    }
    return gone;
  }

  /** An hour as it is saved: only the worst clients stay. */
  save(number: number): string {
    const hour = this.#hour(number);
    if (hour.clients.size > MAX_CLIENTS_PER_HOUR) keepWorst(hour);
    const saved: SavedHour = { incomplete: hour.incomplete, clients: [...hour.clients.values()] };
    return JSON.stringify(saved);
  }

  restore(number: number, text: string): void {
    const { incomplete, clients } = JSON.parse(text) as SavedHour;
    const byKey = new Map(clients.map((client) => [keyOf(client), client]));
    this.#hours.set(number, { incomplete, clients: byKey });
  }

  #hour(number: number): Hour {
    let hour = this.#hours.get(number);
    if (hour === undefined) this.#hours.set(number, (hour = { clients: new Map(), incomplete: false }));
    return hour;
  }
}

function keyOf({ service, address }: Pick<Identity, 'service' | 'address'>): string {
  return JSON.stringify([service, address]);
}

function clientOf(hour: Hour, { service, address }: Identity): ClientHour {
  const key = keyOf({ service, address });
  let client = hour.clients.get(key);
  if (client === undefined) {
    client = { service, address, kinds: [], minute: 0, inMinute: 0, heaviest: 0, inHeaviest: 0 };
    hour.clients.set(key, client);
  }
  return client;
}

function countKind({ kinds }: ClientHour, { category, pattern }: Identity, minute: number, value: number): void {
  const find = (wanted: string) => kinds.find((kind) => kind.category === category && kind.pattern === wanted);
  const name = find(pattern) !== undefined || kinds.length < MAX_KINDS ? pattern : OTHER;
  const kind = find(name);
  if (kind === undefined) kinds.push({ category, pattern: name, count: value, first: minute, last: minute });
  else {
    kind.count += value;
    kind.first = Math.min(kind.first, minute);
    kind.last = Math.max(kind.last, minute);
  }
}

/** Points nearly always come in the order of their minutes; those that do not are counted to the heaviest where they fit. */
function countMinute(client: ClientHour, minute: number, value: number): void {
  if (minute === client.heaviest) client.inHeaviest += value;
  if (minute === client.minute) client.inMinute += value;
  else if (minute > client.minute) [client.minute, client.inMinute] = [minute, value];
  if (client.inMinute > client.inHeaviest) [client.heaviest, client.inHeaviest] = [client.minute, client.inMinute];
}

function keepWorst(hour: Hour): void {
  const weight = ({ kinds }: ClientHour) =>
    kinds.reduce((sum, { category, pattern, count }) => sum + penalty(category, pattern) * count, 0);
  const worst = [...hour.clients].map(([key, client]) => ({ key, client, weight: weight(client) }));
  worst.sort((a, b) => b.weight - a.weight);
  for (const { key } of worst.slice(MAX_CLIENTS_PER_HOUR)) hour.clients.delete(key);
  hour.incomplete = true;
}

function asClient({ address, kinds, heaviest, inHeaviest }: ClientHour): Client {
  return {
    address,
    heaviestMinute: { startMs: heaviest * MINUTE_MS, count: inHeaviest },
    blocks: kinds.map(({ category, pattern, count, first, last }) => ({
      category,
      pattern,
      count,
      firstMs: first * MINUTE_MS,
      lastMs: last * MINUTE_MS,
    })),
  };
}
