import { EXPLICIT, type PointBatch, recordLength } from './batch.ts';
import type { Entry, Instance, StreamTable } from './streams.ts';

/** What a record says about its points' streams; points name streams and lists of edges by their place in it. */
interface Dictionary {
  readonly instances: Instance[];
  readonly entries: Entry[];
  /** Instance and entry of each stream; an empty list where the bound on streams was reached. */
  readonly streams: number[][];
  readonly edges: number[][];
}

/**
 * Writes a batch so that it can be read back by any stream table: the form in which the journal keeps the points of a
 * body that held strings not known to be clean. Layout: length of the dictionary u32, the dictionary as JSON, padding
 * to eight bytes, the batch's values.
 */
export function encodeBatch(batch: PointBatch, streams: StreamTable, edges: readonly Float64Array[]): Uint8Array {
  const instances = new Places<number>();
  const entries = new Places<number>();
  const places = new Places<number>();
  const bounds = new Places<number>();
  const values = batch.values.slice(0, batch.length);
  for (let at = 0; at < values.length; at += recordLength(values, at)) {
    values[at + 1] = places.of(values[at + 1]);
    if (values[at] === EXPLICIT) values[at + 8] = bounds.of(values[at + 8]);
  }
  const dictionary: Dictionary = {
    streams: places.keys.map((id) =>
      id < 0 ? [] : [instances.of(streams.instanceOf[id]), entries.of(streams.entryOf[id])],
    ),
    instances: instances.keys.map((id) => streams.instances[id] as Instance),
    entries: entries.keys.map((id) => streams.entries[id] as Entry),
    edges: bounds.keys.map((id) => Array.from(edges[id])),
  };
  const text = Buffer.from(JSON.stringify(dictionary));
  const start = (4 + text.length + 7) & ~7;
  const out = Buffer.alloc(start + values.byteLength);
  out.writeUInt32LE(text.length, 0);
  text.copy(out, 4);
  out.set(new Uint8Array(values.buffer, 0, values.byteLength), start);
  return out;
}

/** Reads what `encodeBatch` wrote. */
export function decodeBatch(bytes: Uint8Array, streams: StreamTable, batch: PointBatch): void {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const textLength = view.readUInt32LE(0);
  const dictionary = JSON.parse(view.toString('utf8', 4, 4 + textLength)) as Dictionary;
  const instances = dictionary.instances.map((instance) => streams.addInstance(instance));
  const entries = dictionary.entries.map((entry) => streams.addEntry(entry));
  const ids = dictionary.streams.map(([instance, entry]) =>
    instance === undefined ? -1 : streams.stream(instances[instance], entries[entry]),
  );
  const bounds = dictionary.edges.map((list) => streams.bounds(list, list.length));
  const values = new Float64Array(new Uint8Array(view.subarray((4 + textLength + 7) & ~7)).buffer);
  batch.reset();
  batch.reserve(values.length).set(values);
  batch.length = values.length;
  for (let at = 0; at < values.length; at += recordLength(values, at)) {
    batch.values[at + 1] = ids[values[at + 1]];
    if (values[at] === EXPLICIT) batch.values[at + 8] = bounds[values[at + 8]];
    // Edges that find no room any more: the point is not taken, like one without a stream.
    if (values[at] === EXPLICIT && batch.values[at + 8] < 0) batch.values[at + 1] = -1;
    batch.points++;
  }
}

/** Gives each key its place in the order of first mention. */
class Places<Key> {
  readonly keys: Key[] = [];
  readonly #places = new Map<Key, number>();

  of(key: Key): number {
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.keys.length);
    this.keys.push(key);
    return this.keys.length - 1;
  }
}
