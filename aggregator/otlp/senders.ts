import type { ReadAttributes } from './attribute-reader.ts';
import { admitResource, admitScope, type Door } from './attributes.ts';
import { ByteTable } from './byte-table.ts';
import type { ReadDeclaration, ReadScope } from './declaration-reader.ts';
import type { Attributes, Identities, MetricIdentity } from './identity.ts';
import { judgeMetric, type Refusal } from './judgement.ts';

/** One resource, remembered by its bytes. */
export interface Sender {
  readonly instance: number;
  /** Number of the pair of `service.name` and `service.version`, which is what entries are shared by. */
  readonly service: number;
  readonly clean: boolean;
  /** Its metrics by the number of their declaration. */
  readonly metrics: Map<number, SentMetric>;
}

/** What a metric of one scope and service says of itself, remembered by its bytes. */
export interface Declaration {
  readonly judged: MetricIdentity | Refusal;
  readonly clean: boolean;
}

/** One metric of one sender, and what its points were the last time: points nearly always come in the same order. */
export interface SentMetric {
  readonly instance: number;
  readonly identity: MetricIdentity;
  /** Number of the declaration: the context of attribute bytes. */
  readonly declaration: number;
  /** By the position of the point: its attributes as a number of `Memory.attributes`, -1 where unknown, and its stream. */
  entries: Int32Array;
  streams: Int32Array;
  /** Bucket edges last seen, and their number in the identities; -1 before the first. */
  edges: Float64Array;
  bounds: number;
}

const MAX_SENDERS = 1 << 16;
const MAX_SCOPES = 1 << 16;
const MAX_DECLARATIONS = 1 << 18;
const MAX_TEXTS = 1 << 16;
const MAX_ATTRIBUTE_SETS = 1 << 20;
const MAX_ATTRIBUTE_BYTES = 1 << 27;
const MAX_POSITIONS = 1 << 23;
const FIRST_POSITIONS = 16;

/**
 * What bytes of one encoding stood for the last time. It saves reading them again, and tells at once whether every string
 * in them is clean; all of it can be forgotten at any time between two bodies.
 */
export class Memory {
  readonly attributes = new ByteTable();
  readonly #texts = new ByteTable();
  readonly #textList: string[] = [];
  readonly #senderBytes = new ByteTable();
  readonly #senders: Sender[] = [];
  readonly #scopeBytes = new ByteTable();
  readonly #scopes: string[] = [];
  readonly #declarationBytes = new ByteTable();
  readonly #declarations: Declaration[] = [];
  readonly #services = new Map<string, number>();
  readonly #identities: Identities;
  readonly #door: Door;
  #positions = 0;
  /** The generation of the identities that the numbers belong to. */
  readonly generation: number;

  constructor(identities: Identities, door: Door) {
    this.#identities = identities;
    this.#door = door;
    this.generation = identities.generation;
  }

  /** Whether it has grown to one of its bounds, or its numbers are no longer valid: then a new one must take its place. */
  get isSpent(): boolean {
    return (
      this.generation !== this.#identities.generation ||
      this.#senders.length > MAX_SENDERS ||
      this.#scopes.length > MAX_SCOPES ||
      this.#declarations.length > MAX_DECLARATIONS ||
      this.#texts.length > MAX_TEXTS ||
      this.attributes.length > MAX_ATTRIBUTE_SETS ||
      this.attributes.bytes > MAX_ATTRIBUTE_BYTES ||
      this.#positions > MAX_POSITIONS
    );
  }

  /** Number of the text, or -1. */
  findText(view: DataView, start: number, length: number): number {
    return this.#texts.find(0, view, start, length);
  }

  /** @param text what the bytes say */
  addText(view: DataView, start: number, length: number, text: string): number {
    this.#textList.push(text);
    return this.#texts.add(0, view, start, length, 0, this.#door.sanitise(text) === text);
  }

  /** '' for the number -1. */
  textOf(text: number): string {
    return text < 0 ? '' : this.#textList[text];
  }

  isTextClean(text: number): boolean {
    return this.#texts.clean[text] === 1;
  }

  findSender(view: DataView, start: number, length: number): Sender | undefined {
    const known = this.#senderBytes.find(0, view, start, length);
    return known < 0 ? undefined : this.#senders[known];
  }

  addSender(view: DataView, start: number, length: number, { attributes, hasUnknown }: ReadAttributes): Sender {
    const admitted = admitResource(this.#door, attributes);
    const sender: Sender = {
      instance: this.#identities.instance(admitted.attributes),
      service: this.#service(admitted.attributes),
      clean: admitted.clean && !hasUnknown,
      metrics: new Map(),
    };
    this.#senderBytes.add(0, view, start, length, 0, sender.clean);
    this.#senders.push(sender);
    return sender;
  }

  #service(attributes: Attributes): number {
    const byKey = new Map(attributes);
    const key = JSON.stringify([byKey.get('service.name') ?? '', byKey.get('service.version') ?? '']);
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    const number = this.#services.size;
    this.#services.set(key, number);
    return number;
  }

  /** Number of the scope among those of the service, or -1. */
  findScope(service: number, view: DataView, start: number, length: number): number {
    return this.#scopeBytes.find(service, view, start, length);
  }

  isScopeClean(scope: number): boolean {
    return this.#scopeBytes.clean[scope] === 1;
  }

  addScope(service: number, view: DataView, start: number, length: number, scope: ReadScope): number {
    const { text, clean } = admitScope(this.#door, scope.name, scope.version, scope.attributes);
    this.#scopes.push(text);
    return this.#scopeBytes.add(service, view, start, length, 0, clean && !scope.hasUnknown);
  }

  /** Number of the declaration, or -1. @param context see `declarationContext` */
  findDeclaration(context: number, view: DataView, start: number, length: number): number {
    return this.#declarationBytes.find(context, view, start, length);
  }

  declaration(number: number): Declaration {
    return this.#declarations[number];
  }

  addDeclaration(context: number, view: DataView, start: number, length: number, metric: ReadDeclaration): number {
    const { data, temporality, monotonic, scope } = fromContext(context);
    const { name, unit, description } = metric;
    const judged = judgeMetric({ name, unit, scope: this.#scopes[scope], data, temporality, monotonic });
    const clean = !metric.hasUnknown && this.#door.sanitise(description) === description;
    this.#declarations.push({ judged, clean });
    return this.#declarationBytes.add(context, view, start, length, 0, clean);
  }

  sentMetric(sender: Sender, declaration: number, identity: MetricIdentity): SentMetric {
    const known = sender.metrics.get(declaration);
    if (known !== undefined) return known;
    const sent: SentMetric = {
      instance: sender.instance,
      identity,
      declaration,
      entries: new Int32Array(FIRST_POSITIONS).fill(-1),
      streams: new Int32Array(FIRST_POSITIONS),
      edges: new Float64Array(0),
      bounds: -1,
    };
    this.#positions += FIRST_POSITIONS;
    sender.metrics.set(declaration, sent);
    return sent;
  }

  /** Notes what the point at this position of the metric was. */
  expect(sent: SentMetric, position: number, entry: number, stream: number): void {
    if (position >= sent.entries.length) {
      const size = Math.max(sent.entries.length * 2, position + 1);
      const entries = new Int32Array(size).fill(-1);
      const streams = new Int32Array(size);
      entries.set(sent.entries);
      streams.set(sent.streams);
      this.#positions += size - sent.entries.length;
      sent.entries = entries;
      sent.streams = streams;
    }
    sent.entries[position] = entry;
    sent.streams[position] = stream;
  }
}

/** The context in which the bytes of a declaration mean the same, as one number. @param data OTLP's field number */
export function declarationContext(scope: number, data: number, temporality: number, monotonic: boolean): number {
  return scope * 128 + data * 8 + (temporality <= 2 ? temporality : 0) * 2 + (monotonic ? 1 : 0);
}

function fromContext(context: number) {
  return {
    scope: context >>> 7,
    data: (context >>> 3) & 15,
    temporality: (context >>> 1) & 3,
    monotonic: (context & 1) === 1,
  };
}
