import { EXPLICIT, NUMBER, type PointBatch, type RejectReason, recordLength } from '../../aggregator/otlp/batch.ts';
import type { Attributes, Identities, MetricIdentity } from '../../aggregator/otlp/identity.ts';

/** What a batch says about one point, in words. */
export interface DescribedPoint {
  readonly resource: Readonly<Record<string, unknown>>;
  readonly metric: MetricIdentity;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly stream: number;
  readonly start: number;
  readonly time: number;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly edges?: readonly number[];
  readonly scale?: number;
  readonly zeroCount?: number;
  readonly offset?: number;
  readonly counts?: readonly number[];
}

/** Identities in maps, which can say afterwards what each number stands for. */
export class MapIdentities implements Identities {
  generation = 0;
  readonly #numbers = new Map<string, number>();
  readonly #meanings: unknown[] = [];
  readonly #streams = new Map<number, number>();
  readonly #streamKeys: [instance: number, entry: number][] = [];

  /** How many numbers were given. */
  get size(): number {
    return this.#meanings.length + this.#streamKeys.length;
  }

  #number(key: string, meaning: unknown): number {
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#meanings.length;
      this.#numbers.set(key, number);
      this.#meanings.push(meaning);
    }
    return number;
  }

  instance(resource: Attributes): number {
    return this.#number(`instance ${JSON.stringify(resource)}`, resource);
  }

  entry(instance: number, metric: MetricIdentity, attributes: Attributes): number {
    const resource = new Map(this.#meanings[instance] as Attributes);
    const service = [resource.get('service.name'), resource.get('service.version')];
    return this.#number(`entry ${JSON.stringify([service, metric, attributes])}`, { metric, attributes });
  }

  stream(instance: number, entry: number): number {
    const key = instance * 2 ** 26 + entry;
    let stream = this.#streams.get(key);
    if (stream === undefined) {
      stream = this.#streamKeys.length;
      this.#streams.set(key, stream);
      this.#streamKeys.push([instance, entry]);
    }
    return stream;
  }

  findStream(instance: number, entry: number): number {
    return this.#streams.get(instance * 2 ** 26 + entry) ?? -1;
  }

  bounds(edges: ArrayLike<number>, n: number): number {
    // An edge of -0 is one of 0.
    const list = Array.from(edges, (edge) => edge + 0).slice(0, n);
    return this.#number(`bounds ${JSON.stringify(list)}`, list);
  }

  /** The points of a batch whose numbers are of this table. */
  describe(batch: PointBatch): DescribedPoint[] {
    const points: DescribedPoint[] = [];
    for (let at = 0; at < batch.length; at += recordLength(batch.values, at)) {
      const record = batch.values.subarray(at, at + recordLength(batch.values, at));
      const [instance, entry] = this.#streamKeys[record[1]];
      const { metric, attributes } = this.#meanings[entry] as { metric: MetricIdentity; attributes: Attributes };
      points.push({
        resource: Object.fromEntries(this.#meanings[instance] as Attributes),
        metric,
        attributes: Object.fromEntries(attributes),
        stream: record[1],
        start: record[2],
        time: record[3],
        ...this.#measured(record),
      });
    }
    return points;
  }

  #measured(record: Float64Array) {
    if (record[0] === NUMBER) return { value: record[4] };
    const totals = { count: record[4], sum: record[5], min: record[6], max: record[7] };
    if (record[0] === EXPLICIT)
      return { ...totals, edges: this.#meanings[record[8]] as readonly number[], counts: [...record.subarray(10)] };
    return { ...totals, scale: record[8], zeroCount: record[9], offset: record[10], counts: [...record.subarray(12)] };
  }
}

/** What a batch says beside its points. */
export function tally(batch: PointBatch): {
  readonly points: number;
  readonly ignored: number;
  readonly empty: number;
  readonly rejected: Readonly<Partial<Record<RejectReason, number>>>;
} {
  const { points, ignored, empty, rejected } = batch;
  return {
    points,
    ignored,
    empty,
    rejected: Object.fromEntries([...rejected].map(([reason, { points }]) => [reason, points])),
  };
}
