import { readAttributes } from './attribute-reader.ts';
import { admitPoint, type Door } from './attributes.ts';
import { EXPLICIT, NUMBER, PointBatch, type RejectReason } from './batch.ts';
import { HistogramReader } from './histogram-reader.ts';
import type { Identities } from './identity.ts';
import {
  areEdges,
  BOUNDS,
  EXPLICIT_COUNTS,
  EXPLICIT_N,
  EXPONENTIAL_COUNTS,
  EXPONENTIAL_N,
  explicitProblem,
  exponentialProblem,
  numberProblem,
  RECORD_ROOM,
  STREAM,
  VALUE,
} from './judgement.ts';
import { checkMessage, METRICS_REQUEST } from './schema.ts';
import type { Memory, SentMetric } from './senders.ts';
import { WireReader } from './wire.ts';

/** Tags of the attribute fields of points, by the kind of their record. */
const ATTRIBUTES_TAG = [0x3a, 0x4a, 0x0a];

/** Brings the points of one body after the other into a batch: what is decided once a point is decided here. */
export class PointStager {
  readonly points = new HistogramReader();
  readonly #identities: Identities;
  readonly #door: Door;
  #memory: Memory;
  #batch = new PointBatch();
  #isBodyChecked = false;

  constructor(identities: Identities, door: Door, memory: Memory) {
    this.#identities = identities;
    this.#door = door;
    this.#memory = memory;
  }

  open(body: Uint8Array, batch: PointBatch, memory: Memory): void {
    this.points.open(body);
    this.#batch = batch;
    this.#memory = memory;
    this.#isBodyChecked = false;
  }

  get isBodyChecked(): boolean {
    return this.#isBodyChecked;
  }

  /** Checks the framing of the whole body, once, before anything new in it gets a number. The reader's position stays. */
  checkBody(): void {
    if (this.#isBodyChecked) return;
    const { reader } = this.points;
    const { pos } = reader;
    reader.pos = 0;
    checkMessage(reader, METRICS_REQUEST, reader.length);
    reader.pos = pos;
    this.#isBodyChecked = true;
  }

  /** There is something that is not read: nobody knows whether it is clean, but its framing is checked. */
  neverLookedAt(): void {
    this.checkBody();
    this.#batch.clean = false;
  }

  /** Stages the points of a metric's data from the reader's position to `end`. */
  stage(sent: SentMetric, end: number): void {
    const { reader } = this.points;
    const { kind } = sent.identity;
    let position = 0;
    while (reader.pos < end) {
      const tag = reader.tag(end);
      if (tag !== 0x0a) {
        reader.pass(tag & 7, end);
        continue;
      }
      const pointEnd = reader.payloadEnd(end);
      const start = reader.pos;
      if (kind === NUMBER) this.#number(sent, position++, start, pointEnd);
      else if (kind === EXPLICIT) this.#explicit(sent, position++, start, pointEnd);
      else this.#exponential(sent, position++, start, pointEnd);
      reader.pos = pointEnd;
    }
  }

  #number(sent: SentMetric, position: number, start: number, end: number): void {
    const values = this.#batch.reserve(RECORD_ROOM);
    const at = this.#batch.length;
    this.points.number(values, at, start, end);
    const problem = this.points.empty ? 'empty' : numberProblem(values, at, sent.identity.monotonic);
    if (problem !== undefined) this.#leave(sent, problem);
    else this.#take(sent, position, start, end, VALUE + 1);
  }

  #explicit(sent: SentMetric, position: number, start: number, end: number): void {
    const { points } = this;
    const values = this.#batch.reserve(RECORD_ROOM);
    const at = this.#batch.length;
    points.explicit(values, at, start, end);
    const problem = points.empty ? 'empty' : explicitProblem(values, at, points.edges.length, points.total);
    const edgesProblem = problem === undefined && !this.#isEdgesOf(sent) ? this.#newEdges(sent) : undefined;
    if (problem !== undefined) this.#leave(sent, problem);
    else if (edgesProblem !== undefined) this.#leave(sent, edgesProblem);
    else {
      values[at + BOUNDS] = sent.bounds;
      this.#take(sent, position, start, end, EXPLICIT_COUNTS + values[at + EXPLICIT_N]);
    }
  }

  #exponential(sent: SentMetric, position: number, start: number, end: number): void {
    const values = this.#batch.reserve(RECORD_ROOM);
    const at = this.#batch.length;
    this.points.exponential(values, at, start, end);
    const problem = this.points.empty ? 'empty' : exponentialProblem(values, at, this.points.total);
    if (problem !== undefined) this.#leave(sent, problem);
    else this.#take(sent, position, start, end, EXPONENTIAL_COUNTS + values[at + EXPONENTIAL_N]);
  }

  /** A point that is not taken: empty, or for a reason. */
  #leave(sent: SentMetric, problem: RejectReason | 'empty'): void {
    this.neverLookedAt();
    if (problem === 'empty') this.#batch.empty++;
    else this.#batch.reject(problem, sent.identity.name);
  }

  /** Makes the record after the used part of the batch, `size` long, part of the batch. */
  #take(sent: SentMetric, position: number, start: number, end: number, size: number): void {
    const batch = this.#batch;
    const stream = this.#stream(sent, position, start, end);
    if (this.points.hasMore) batch.clean = false;
    if (stream < 0) batch.reject('too many streams', sent.identity.name);
    else {
      batch.values[batch.length + STREAM] = stream;
      batch.length += size;
      batch.points++;
    }
  }

  #stream(sent: SentMetric, position: number, start: number, end: number): number {
    const { points } = this;
    const reader = points.scattered ? this.#gather(sent, start, end) : points.reader;
    const from = points.scattered ? 0 : Math.max(0, points.attributesStart);
    const length = points.scattered ? reader.length : points.attributesEnd - points.attributesStart;
    const { attributes } = this.#memory;
    const guess = position < sent.entries.length ? sent.entries[position] : -1;
    if (guess >= 0 && attributes.matches(guess, reader.dataView, from, length)) {
      if (attributes.clean[guess] === 0) this.#batch.clean = false;
      return sent.streams[position];
    }
    let known = attributes.find(sent.declaration, reader.dataView, from, length);
    if (known < 0) known = this.#newEntry(sent, reader, from, length);
    if (known < 0) return -1;
    if (attributes.clean[known] === 0) this.#batch.clean = false;
    const stream = this.#identities.stream(sent.instance, attributes.values[known]);
    if (stream >= 0) this.#memory.expect(sent, position, known, stream);
    return stream;
  }

  /** Reads attributes that were not seen before. @returns their number in the memory, or -1 when they get no entry */
  #newEntry(sent: SentMetric, reader: WireReader, from: number, length: number): number {
    this.checkBody();
    const { identity, instance, declaration } = sent;
    const field = ATTRIBUTES_TAG[identity.kind] >>> 3;
    const read = readAttributes(reader, from, from + length, field);
    const admitted = admitPoint(this.#door, identity.name, read.attributes);
    const entry = this.#identities.entry(instance, identity, admitted.attributes);
    const clean = admitted.clean && !read.hasUnknown;
    if (entry < 0) {
      if (!clean) this.#batch.clean = false;
      return -1;
    }
    return this.#memory.attributes.add(declaration, reader.dataView, from, length, entry, clean);
  }

  /** The attribute fields of a point, one after the other, tags included. */
  #gather(sent: SentMetric, start: number, end: number): WireReader {
    const { reader } = this.points;
    const wanted = ATTRIBUTES_TAG[sent.identity.kind];
    const parts: Uint8Array[] = [];
    reader.pos = start;
    while (reader.pos < end) {
      const at = reader.pos;
      const tag = reader.tag(end);
      reader.pass(tag & 7, end);
      if (tag === wanted) parts.push(reader.buf.subarray(at, reader.pos));
    }
    return new WireReader(Buffer.concat(parts));
  }

  #isEdgesOf(sent: SentMetric): boolean {
    return sent.bounds >= 0 && this.points.edges.equals(this.points.reader, sent.edges);
  }

  /** Takes over the bucket edges of the point. @returns why they cannot be taken */
  #newEdges(sent: SentMetric): RejectReason | undefined {
    const edges = this.points.edges.toArray(this.points.reader);
    if (!areEdges(edges, edges.length)) return 'malformed histogram';
    this.checkBody();
    const bounds = this.#identities.bounds(edges, edges.length);
    if (bounds < 0) return 'too many different bucket edges';
    sent.bounds = bounds;
    sent.edges = edges;
    return undefined;
  }
}
