import { admitPoint, type Door, type RawAttributes } from './attributes.ts';
import { EXPLICIT, NUMBER, PointBatch, type RejectReason } from './batch.ts';
import { ByteTable } from './byte-table.ts';
import type { Identities } from './identity.ts';
import type { JsonCursor } from './json-cursor.ts';
import { JsonPointReader, type Slice } from './json-points.ts';
import { attributesOf, doubleOf, hasOnlyAttributes, listOf, malformedJson } from './json-reader.ts';
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
import type { Memory, SentMetric } from './senders.ts';

/** Spellings of lists of bucket edges that are remembered; beyond, all are forgotten before the next body. */
const MAX_EDGE_LISTS = 4096;

/** Brings the points of one JSON body after the other into a batch: `PointStager` for the other encoding. */
export class JsonStager {
  /** Whether what is new may get a number. While a body is read the first time it may not. */
  mayAdd = false;
  /** Whether anything was met that has no number yet: the body must then be read once more. */
  hasNew = false;
  readonly #identities: Identities;
  readonly #door: Door;
  readonly #points: JsonPointReader;
  readonly #cursor: JsonCursor;
  #memory: Memory;
  #batch = new PointBatch();
  /** Lists of bucket edges by their text. */
  #edges = new ByteTable();
  #edgeCounts: number[] = [];
  #lastEdges = -1;

  constructor(identities: Identities, door: Door, memory: Memory, cursor: JsonCursor) {
    this.#identities = identities;
    this.#door = door;
    this.#memory = memory;
    this.#cursor = cursor;
    this.#points = new JsonPointReader(cursor);
  }

  open(batch: PointBatch, memory: Memory): void {
    if (memory !== this.#memory || this.#edges.length > MAX_EDGE_LISTS) {
      this.#edges = new ByteTable();
      this.#edgeCounts = [];
      this.#lastEdges = -1;
    }
    this.#batch = batch;
    this.#memory = memory;
  }

  /** Stages the points of a list, the cursor being in it. */
  stage(sent: SentMetric): void {
    const { kind } = sent.identity;
    let position = 0;
    for (let more = this.#cursor.nextItem(true); more; more = this.#cursor.nextItem(false)) {
      if (kind === NUMBER) this.#number(sent, position);
      else if (kind === EXPLICIT) this.#explicit(sent, position);
      else this.#exponential(sent, position);
      position++;
    }
  }

  #number(sent: SentMetric, position: number): void {
    const values = this.#batch.reserve(RECORD_ROOM);
    const at = this.#batch.length;
    this.#points.number(values, at, this.#memory.attributes, guessOf(sent, position));
    const problem = this.#points.isEmpty ? 'empty' : numberProblem(values, at, sent.identity.monotonic);
    this.#take(sent, position, problem, VALUE + 1);
  }

  #explicit(sent: SentMetric, position: number): void {
    const points = this.#points;
    const values = this.#batch.reserve(RECORD_ROOM);
    const at = this.#batch.length;
    points.explicit(values, at, this.#memory.attributes, guessOf(sent, position), this.#edges, this.#lastEdges);
    const bounds = this.#bounds(points.edges);
    const { problem, n } = bounds;
    values[at + BOUNDS] = bounds.number;
    const whole = points.isEmpty ? 'empty' : (explicitProblem(values, at, n, points.total) ?? problem);
    this.#take(sent, position, whole, EXPLICIT_COUNTS + values[at + EXPLICIT_N]);
  }

  #exponential(sent: SentMetric, position: number): void {
    const values = this.#batch.reserve(RECORD_ROOM);
    const at = this.#batch.length;
    this.#points.exponential(values, at, this.#memory.attributes, guessOf(sent, position));
    const problem = this.#points.isEmpty ? 'empty' : exponentialProblem(values, at, this.#points.total);
    this.#take(sent, position, problem, EXPONENTIAL_COUNTS + values[at + EXPONENTIAL_N]);
  }

  /** Makes the record after the used part of the batch, `size` long, part of the batch, or counts why not. */
  #take(sent: SentMetric, position: number, problem: RejectReason | 'empty' | undefined, size: number): void {
    const batch = this.#batch;
    const { attributes, hasMore } = this.#points;
    const stream =
      attributes.entry >= 0 ? sent.streams[position] : this.#stream(sent, position, attributes, problem === undefined);
    if (hasMore || problem !== undefined) batch.clean = false;
    else if (attributes.entry >= 0 && this.#memory.attributes.clean[attributes.entry] === 0) batch.clean = false;
    if (problem === 'empty') batch.empty++;
    else if (problem !== undefined) batch.reject(problem, sent.identity.name);
    else if (stream < 0) batch.reject('too many streams', sent.identity.name);
    else {
      batch.values[batch.length + STREAM] = stream;
      batch.length += size;
      batch.points++;
    }
  }

  /** The stream of a point whose attributes are others than expected. @param isTaken whether it needs one */
  #stream(sent: SentMetric, position: number, slice: Slice, isTaken: boolean): number {
    const { attributes } = this.#memory;
    const { view } = this.#cursor;
    let known = attributes.find(sent.declaration, view, slice.start, slice.length);
    if (known < 0) known = this.#newEntry(sent, slice, isTaken);
    if (known < 0 || !isTaken) return -1;
    if (attributes.clean[known] === 0) this.#batch.clean = false;
    const entry = attributes.values[known];
    let stream = this.#identities.findStream(sent.instance, entry);
    if (stream < 0) {
      this.hasNew = true;
      if (this.mayAdd) stream = this.#identities.stream(sent.instance, entry);
    }
    if (stream >= 0) this.#memory.expect(sent, position, known, stream);
    return stream;
  }

  /** Reads attributes that were not seen before. @returns their number in the memory, or -1 when they get no entry */
  #newEntry(sent: SentMetric, { start, length }: Slice, isTaken: boolean): number {
    const { attributes, isWhole } = this.readAttributes(start, length);
    if (!isTaken) return -1;
    this.hasNew = true;
    if (!this.mayAdd) return -1;
    const admitted = admitPoint(this.#door, sent.identity.name, attributes);
    const entry = this.#identities.entry(sent.instance, sent.identity, admitted.attributes);
    const clean = admitted.clean && isWhole;
    if (entry >= 0)
      return this.#memory.attributes.add(sent.declaration, this.#cursor.view, start, length, entry, clean);
    if (!clean) this.#batch.clean = false;
    return -1;
  }

  /** A list of attributes, and whether it holds nothing else that may be text. */
  readAttributes(start: number, length: number): { readonly attributes: RawAttributes; readonly isWhole: boolean } {
    if (length === 0) return { attributes: [], isWhole: true };
    const text = this.#cursor.text(start, start + length);
    const list = this.#cursor.parse(start, start + length);
    // A name that stands twice is lost when the text is parsed.
    return { attributes: attributesOf(list), isWhole: hasOnlyAttributes(list) && JSON.stringify(list) === text };
  }

  /** Number of the list of bucket edges, how many there are, and why they cannot be taken. */
  #bounds({ entry, start, length }: Slice): {
    readonly number: number;
    readonly n: number;
    readonly problem?: RejectReason;
  } {
    const { view } = this.#cursor;
    const known = entry >= 0 ? entry : this.#edges.find(0, view, start, length);
    if (known >= 0) {
      this.#lastEdges = known;
      return { number: this.#edges.values[known], n: this.#edgeCounts[known] };
    }
    const list = length === 0 ? [] : listOf(this.#cursor.parse(start, start + length));
    const edges = list.map((edge) => doubleOf(edge) ?? malformedJson());
    const n = edges.length;
    if (!areEdges(edges, n)) return { number: -1, n, problem: 'malformed histogram' };
    this.hasNew = true;
    if (!this.mayAdd) return { number: -1, n };
    const number = this.#identities.bounds(edges, n);
    if (number < 0) return { number, n, problem: 'too many different bucket edges' };
    this.#lastEdges = this.#edges.add(0, view, start, length, number, true);
    this.#edgeCounts.push(n);
    return { number, n };
  }
}

/** Number of the attributes that are expected at this position, -1 where nothing is. */
function guessOf(sent: SentMetric, position: number): number {
  return position < sent.entries.length ? sent.entries[position] : -1;
}
