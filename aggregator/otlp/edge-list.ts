import { MAX_BUCKETS } from './judgement.ts';
import { malformed, type WireReader } from './wire.ts';

/** The bucket edges of one point: as a rule one packed field, left in the body where it stands. */
export class EdgeList {
  /** May be above `MAX_BUCKETS`; only so many are kept then. */
  length = 0;
  /** Where they stand in the body, -1 where they had to be gathered. */
  #start = -1;
  #gathered = new Float64Array(64);

  clear(): void {
    this.length = 0;
    this.#start = -1;
  }

  /** Takes the doubles from the reader's position to `end`. */
  append({ dataView, pos }: WireReader, end: number): void {
    const n = (end - pos) / 8;
    if (!Number.isInteger(n)) malformed();
    if (n === 0) return;
    if (this.length === 0) {
      this.#start = pos;
      this.length = n;
      return;
    }
    for (let i = 0; this.#start >= 0 && i < this.length; i++)
      this.#keep(i, dataView.getFloat64(this.#start + i * 8, true));
    this.#start = -1;
    for (let p = pos; p < end; p += 8) this.#keep(this.length++, dataView.getFloat64(p, true));
  }

  #keep(i: number, edge: number): void {
    if (i >= MAX_BUCKETS) return;
    if (i >= this.#gathered.length) {
      const grown = new Float64Array(this.#gathered.length * 2);
      grown.set(this.#gathered);
      this.#gathered = grown;
    }
    this.#gathered[i] = edge;
  }

  /** Whether they are these. */
  equals({ dataView }: WireReader, edges: Float64Array): boolean {
    if (this.length !== edges.length) return false;
    for (let i = 0; i < edges.length; i++) if (this.#at(dataView, i) !== edges[i]) return false;
    return true;
  }

  toArray({ dataView }: WireReader): Float64Array {
    const edges = new Float64Array(Math.min(this.length, MAX_BUCKETS));
    for (let i = 0; i < edges.length; i++) edges[i] = this.#at(dataView, i);
    return edges;
  }

  #at(view: DataView, i: number): number {
    return this.#start < 0 ? this.#gathered[i] : view.getFloat64(this.#start + i * 8, true);
  }
}
