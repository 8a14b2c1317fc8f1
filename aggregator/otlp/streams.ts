import { createHash } from 'node:crypto';
import { type MetricName, metrics } from '@vigil/semconv';
import { Arena, grownLength } from './arena.ts';
import { EXPLICIT, type PointKind } from './batch.ts';
import { type Attributes, CUMULATIVE, type Identities, type MetricIdentity } from './identity.ts';

/** What the stream table asks of the store: numbers for series and for lists of bucket edges. */
export interface SeriesNumbers {
  resolve(key: {
    readonly metric: MetricName;
    readonly kind: PointKind;
    readonly service: string;
    readonly version: string;
    readonly values: readonly string[];
    readonly bounds: number;
  }): number;
  bounds(edges: ArrayLike<number>): number;
}

/** One process that sends. */
export interface Instance {
  /** Digest of what identifies it; the values themselves are not kept. */
  readonly key: string;
  readonly service: string;
  readonly version: string;
  /** Nothing in its resource tells it apart from others of its service. */
  readonly anonymous: boolean;
  /** Whether points of it were taken in an earlier request: a new stream of it then started since. */
  known: boolean;
  lastSeenMs: number;
}

/** One attribute set of one metric of one scope and service. */
export interface Entry {
  readonly service: string;
  readonly version: string;
  readonly metric: MetricIdentity;
  /** All attributes in canonical order, those outside the registry's list as the decoder hashed them. */
  readonly attributes: Attributes;
}

/** Numbers that are free again. */
export interface Forgotten {
  readonly instances: readonly number[];
  readonly entries: readonly number[];
}

/** Doubles at the start of every state block: see `StreamTable.state`. */
export const START = 0;
export const TIME = 1;

/** Bounds of the table; what comes above them is rejected and counted. */
export interface StreamLimits {
  /** Streams with the earlier lives of their senders, and as many entries. */
  readonly streams: number;
  readonly instances: number;
}

export const DEFAULT_STREAM_LIMITS: StreamLimits = { streams: 1_000_000, instances: 100_000 };

/** Bounds of entries that are not explicit, and of those of which no series is known. */
const NO_BOUNDS = -1;
const UNKNOWN_BOUNDS = -2;

/** When an instance was last seen is saved again when what is saved is older than this, ms. */
const LAST_SEEN_GRAIN_MS = 3_600_000;

/**
 * Instances, entries and streams by number, and the state of every stream.
 *
 * A stream's state is a block of `arena`. Cumulative: start, time, then the last values. Delta: the number of recent
 * intervals, then from and to of each. `older` chains the states of earlier lives of a sender that restarted under the
 * same identity, so that points that arrive late and out of order find the life that they belong to.
 */
export class StreamTable implements Identities {
  generation = 0;
  readonly arena = new Arena();
  readonly instances: (Instance | undefined)[] = [];
  /** By number; undefined where a number is free. */
  readonly entries: (Entry | undefined)[] = [];
  /** Entries that are new since they were last saved. */
  readonly newEntries = new Set<number>();
  /** Instances that must be saved: new ones, and those whose saved `lastSeenMs` is over an hour behind. */
  readonly changedInstances = new Set<number>();
  /**
   * A stream that began before this, Unix ms, may have been known and forgotten: of one that is unknown only the growth
   * from now on counts, so that forgetting never doubles. -Infinity while nothing was forgotten.
   */
  forgottenMs = -Infinity;
  /** Whether something was refused because a bound is reached, since the last `evict`. */
  isCrowded = false;
  readonly #savedSeenMs: number[] = [];
  readonly #freeInstances: number[] = [];
  /** Series of each entry, -1 while it is not known; of explicit histograms the one with the bounds seen last. */
  readonly #seriesOfEntry: number[] = [];
  readonly #boundsOfEntry: number[] = [];
  readonly #temporalityOfEntry: number[] = [];
  readonly #instanceByKey = new Map<string, number>();
  readonly #entryByKey = new Map<string, number>();
  readonly #freeEntries: number[] = [];
  readonly #series: SeriesNumbers;
  readonly limits: StreamLimits;

  /** Columns, by stream. */
  entryOf = new Int32Array(1024);
  instanceOf = new Int32Array(1024);
  /** First index of the state in the arena, -1 before the first point. */
  state = new Int32Array(1024).fill(-1);
  /** Doubles asked for when the state was allocated. */
  stateLength = new Uint16Array(1024);
  /** Stream number of an earlier life, -1 at the end of the chain. */
  older = new Int32Array(1024).fill(-1);
  /** Streams that changed since they were last saved, by chunk of `CHUNK`. */
  readonly dirtyChunks = new Set<number>();
  /** Told of a chunk that is about to change for the first time since `dirtyChunks` was cleared. */
  beforeChange: ((chunk: number) => void) | undefined;
  #touched = -1;
  length = 0;
  readonly #free: number[] = [];
  #buckets = new Int32Array(2048).fill(-1);

  constructor(series: SeriesNumbers, limits: StreamLimits = DEFAULT_STREAM_LIMITS) {
    this.#series = series;
    this.limits = limits;
  }

  /** Instances that are in use. */
  get instancesInUse(): number {
    return this.#instanceByKey.size;
  }

  /** Streams that are in use, earlier lives included. */
  get inUse(): number {
    return this.length - this.#free.length;
  }

  instance(resource: Attributes): number {
    return this.addInstance(describeInstance(resource));
  }

  /** Number of the instance with this key, new or known; -1 when the bound is reached. */
  addInstance(instance: Instance): number {
    const known = this.#instanceByKey.get(instance.key);
    if (known !== undefined) return known;
    if (this.instancesInUse >= this.limits.instances) return this.#refused();
    const id = this.#freeInstances.pop() ?? this.instances.length;
    this.restoreInstance(id, instance);
    this.changedInstances.add(id);
    return id;
  }

  /** Brings back an instance at its number; numbers must come in ascending order. */
  restoreInstance(id: number, instance: Instance): void {
    while (this.instances.length < id) this.#freeInstances.push(this.instances.push(undefined) - 1);
    this.instances[id] = instance;
    this.#savedSeenMs[id] = instance.lastSeenMs;
    this.#instanceByKey.set(instance.key, id);
  }

  /** Notes that points of the instance were taken. */
  see(id: number, nowMs: number): void {
    const instance = this.instances[id];
    if (instance === undefined) return;
    if (!instance.known || nowMs - this.#savedSeenMs[id] > LAST_SEEN_GRAIN_MS) {
      this.#savedSeenMs[id] = nowMs;
      this.changedInstances.add(id);
    }
    instance.known = true;
    instance.lastSeenMs = nowMs;
  }

  #refused(): -1 {
    this.isCrowded = true;
    return -1;
  }

  entry(instance: number, metric: MetricIdentity, attributes: Attributes): number {
    if (instance < 0) return -1;
    const { service, version } = this.instances[instance] as Instance;
    const sorted = [...attributes].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
    return this.addEntry({ service, version, metric, attributes: sorted });
  }

  /** Number of the entry, new or known; -1 when the bound is reached. */
  addEntry(entry: Entry): number {
    const key = entryKey(entry);
    const known = this.#entryByKey.get(key);
    if (known !== undefined) return known;
    const id = this.#freeEntries.pop() ?? this.entries.length;
    if (id >= this.limits.streams) return this.#refused();
    this.restoreEntry(id, entry);
    if (entry.metric.kind !== EXPLICIT) this.#findSeries(id, NO_BOUNDS);
    this.newEntries.add(id);
    return id;
  }

  /**
   * Brings back an entry at its number. Its series is found when a point comes: of a version that lost its name, and sends
   * no more, there is none under that name.
   */
  restoreEntry(id: number, entry: Entry): void {
    while (this.entries.length < id) this.#freeEntries.push(this.entries.push(undefined) - 1);
    this.entries[id] = entry;
    this.#entryByKey.set(entryKey(entry), id);
    this.#temporalityOfEntry[id] = entry.metric.temporality;
    this.#boundsOfEntry[id] = UNKNOWN_BOUNDS;
    this.#seriesOfEntry[id] = -1;
  }

  /** The entry of a stream. */
  entryOfStream(stream: number): Entry {
    return this.entries[this.entryOf[stream]] as Entry;
  }

  /** Whether the points of a stream are totals since its start. */
  isCumulative(stream: number): boolean {
    return this.#temporalityOfEntry[this.entryOf[stream]] === CUMULATIVE;
  }

  /** Series that points of known entries go to. */
  seriesInUse(): Set<number> {
    return new Set(this.#seriesOfEntry.filter((_, id) => this.entries[id] !== undefined));
  }

  bounds(edges: ArrayLike<number>, n: number): number {
    return this.#series.bounds(Array.prototype.slice.call(edges, 0, n));
  }

  /** Series that points of this stream go to. @param bounds number of the list of edges, -1 unless explicit */
  seriesOf(stream: number, bounds: number): number {
    const entry = this.entryOf[stream];
    if (this.#boundsOfEntry[entry] !== bounds) this.#findSeries(entry, bounds);
    return this.#seriesOfEntry[entry];
  }

  /** Finds the series of all entries but explicit ones as starts of earlier versions did, which did not save new ones. */
  findAllSeries(): void {
    this.entries.forEach((entry, id) => {
      if (entry !== undefined && entry.metric.kind !== EXPLICIT) this.#findSeries(id, NO_BOUNDS);
    });
  }

  #findSeries(entry: number, bounds: number): void {
    this.#boundsOfEntry[entry] = bounds;
    this.#seriesOfEntry[entry] = this.#resolve(this.entries[entry] as Entry, bounds);
  }

  #resolve(entry: Entry, bounds: number): number {
    const { metric, service, version, attributes } = entry;
    const values = metrics[metric.name].attributes.map((key) => String(findValue(attributes, key) ?? ''));
    return this.#series.resolve({ metric: metric.name, kind: metric.kind, service, version, values, bounds });
  }

  stream(instance: number, entry: number): number {
    if (entry < 0 || instance < 0) return this.#refused();
    const known = this.findStream(instance, entry);
    if (known >= 0) return known;
    const id = this.add(instance, entry);
    if (id >= 0) this.index(id);
    return id;
  }

  findStream(instance: number, entry: number): number {
    let slot = hash(instance, entry) & (this.#buckets.length - 1);
    for (;;) {
      const id = this.#buckets[slot];
      if (id < 0 || (this.entryOf[id] === entry && this.instanceOf[id] === instance)) return id;
      slot = (slot + 1) & (this.#buckets.length - 1);
    }
  }

  /** A new stream outside the index: the state of an earlier life. -1 when the bound is reached. */
  add(instance: number, entry: number): number {
    const id = this.#free.pop() ?? this.length;
    const isNew = id === this.length;
    if (isNew && id >= this.limits.streams) return this.#refused();
    this.touch(id);
    if (isNew) this.#reserve(++this.length);
    this.entryOf[id] = entry;
    this.instanceOf[id] = instance;
    this.state[id] = -1;
    this.older[id] = -1;
    return id;
  }

  /** Makes the stream findable by its instance and entry. */
  index(id: number): void {
    if (this.length * 2 > this.#buckets.length) {
      this.#buckets = new Int32Array(this.#buckets.length * 2).fill(-1);
      this.#reindex();
    } else this.#insert(id);
  }

  /** Notes that a stream must be saved: to be called before anything of it changes. */
  touch(id: number): void {
    const chunk = id >>> CHUNK_BITS;
    // Streams of one chunk come one after the other. The set is only ever cleared as a whole.
    if (chunk === this.#touched && this.dirtyChunks.size > 0) return;
    this.#touched = chunk;
    if (this.dirtyChunks.has(chunk)) return;
    this.beforeChange?.(chunk);
    this.dirtyChunks.add(chunk);
  }

  /** A state block of at least `n` doubles for the stream; an old one is given back, its content copied. */
  resize(id: number, n: number): number {
    const old = this.state[id];
    if (old >= 0 && Arena.capacity(this.stateLength[id]) >= n) {
      if (n > this.stateLength[id]) this.stateLength[id] = n;
      return old;
    }
    const at = this.arena.allocate(n);
    if (old >= 0) {
      this.arena.values.copyWithin(at, old, old + this.stateLength[id]);
      this.arena.release(old, this.stateLength[id]);
    }
    this.state[id] = at;
    this.stateLength[id] = n;
    return at;
  }

  /** Forgets a stream and the earlier lives chained to it. The caller rebuilds the index. */
  release(id: number): void {
    this.touch(id);
    if (this.older[id] >= 0) this.release(this.older[id]);
    if (this.state[id] >= 0) this.arena.release(this.state[id], this.stateLength[id]);
    this.state[id] = -1;
    this.older[id] = -1;
    this.entryOf[id] = -1;
    this.#free.push(id);
  }

  /** Forgets instances not seen since `beforeMs`, their streams, and the entries that no stream is left of. */
  evict(beforeMs: number): Forgotten {
    this.isCrowded = false;
    const gone = new Set<number>();
    this.instances.forEach((instance, id) => {
      if (instance !== undefined && instance.lastSeenMs < beforeMs) gone.add(id);
    });
    if (gone.size === 0) return { instances: [], entries: [] };
    for (let id = 0; id < this.length; id++)
      if (this.entryOf[id] >= 0 && gone.has(this.instanceOf[id])) {
        // Earlier lives are of the same instance: each is met by its own number.
        this.touch(id);
        this.older[id] = -1;
        this.release(id);
      }
    for (const id of gone) this.#forgetInstance(id);
    this.#buckets.fill(-1);
    this.#reindex();
    this.generation++;
    return { instances: [...gone], entries: this.#evictEntries() };
  }

  #forgetInstance(id: number): void {
    const { key, lastSeenMs } = this.instances[id] as Instance;
    this.forgottenMs = Math.max(this.forgottenMs, lastSeenMs);
    this.#instanceByKey.delete(key);
    this.instances[id] = undefined;
    this.changedInstances.delete(id);
    this.#freeInstances.push(id);
  }

  #evictEntries(): number[] {
    const used = new Set(this.entryOf.subarray(0, this.length));
    const gone: number[] = [];
    this.entries.forEach((entry, id) => {
      if (entry === undefined || used.has(id)) return;
      gone.push(id);
      this.#entryByKey.delete(entryKey(entry));
      this.entries[id] = undefined;
      this.newEntries.delete(id);
      this.#freeEntries.push(id);
    });
    return gone;
  }

  /** Brings back a stream at its number: used when a store is opened, before `rebuildIndex`. */
  restore(id: number, instance: number, entry: number, older: number, state: ArrayLike<number>): void {
    this.#reserve(id + 1);
    for (let hole = this.length; hole < id; hole++) {
      this.entryOf[hole] = -1;
      this.#free.push(hole);
    }
    this.length = id + 1;
    this.entryOf[id] = entry;
    this.instanceOf[id] = instance;
    this.older[id] = older;
    this.state[id] = -1;
    if (state.length === 0) return;
    // First the room, then the array that it is in: making room may replace the array.
    const at = this.resize(id, state.length);
    this.arena.values.set(state, at);
  }

  rebuildIndex(): void {
    let size = this.#buckets.length;
    while (this.length * 2 > size) size *= 2;
    this.#buckets = new Int32Array(size).fill(-1);
    this.#reindex();
  }

  #reindex(): void {
    const isOlder = new Set<number>();
    for (let id = 0; id < this.length; id++)
      if (this.entryOf[id] >= 0 && this.older[id] >= 0) isOlder.add(this.older[id]);
    for (let id = 0; id < this.length; id++) if (this.entryOf[id] >= 0 && !isOlder.has(id)) this.#insert(id);
  }

  #insert(id: number): void {
    const mask = this.#buckets.length - 1;
    let slot = hash(this.instanceOf[id], this.entryOf[id]) & mask;
    while (this.#buckets[slot] >= 0) {
      if (this.#buckets[slot] === id) return;
      slot = (slot + 1) & mask;
    }
    this.#buckets[slot] = id;
  }

  #reserve(length: number): void {
    if (length <= this.entryOf.length) return;
    const size = Math.max(grownLength(this.entryOf.length), length);
    this.entryOf = grown(this.entryOf, new Int32Array(size));
    this.instanceOf = grown(this.instanceOf, new Int32Array(size));
    this.state = grown(this.state, new Int32Array(size));
    this.stateLength = grown(this.stateLength, new Uint16Array(size));
    this.older = grown(this.older, new Int32Array(size));
  }
}

/** Streams are saved in chunks of this many. */
export const CHUNK_BITS = 10;
export const CHUNK = 1 << CHUNK_BITS;

function grown<A extends Int32Array | Uint16Array>(from: A, to: A): A {
  to.set(from);
  return to;
}

function hash(instance: number, entry: number): number {
  let h = Math.imul(instance + 1, 0x9e3779b1) ^ Math.imul(entry + 1, 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return (h ^ (h >>> 13)) >>> 0;
}

function entryKey({ service, version, metric, attributes }: Entry): string {
  const identity = [metric.name, metric.scope, metric.kind, metric.temporality, metric.monotonic];
  return JSON.stringify([service, version, identity, attributes]);
}

function findValue(attributes: Attributes, key: string): string | number | boolean | undefined {
  for (let i = attributes.length - 1; i >= 0; i--) if (attributes[i][0] === key) return attributes[i][1];
  return undefined;
}

/** Tells an instance by `service.instance.id`, else by host and process, else not at all. */
function describeInstance(resource: Attributes): Instance {
  const text = (key: string) => String(findValue(resource, key) ?? '');
  const service = text('service.name') || 'unknown_service';
  const namespace = text('service.namespace');
  const id = text('service.instance.id');
  const host = text('host.name');
  const pid = text('process.pid');
  const identity = id !== '' ? ['id', id] : host !== '' && pid !== '' ? ['process', host, pid] : ['none'];
  const version = text('service.version');
  const key = createHash('sha256')
    .update(JSON.stringify([service, namespace, version, ...identity]))
    .digest('base64url')
    .slice(0, 22);
  return { key, service, version, anonymous: identity[0] === 'none', known: false, lastSeenMs: 0 };
}
