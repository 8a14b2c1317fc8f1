import type { MetricName } from '@vigil/semconv';
import type { PointKind } from './batch.ts';

/** A value of an attribute as OTLP knows it; arrays, maps and bytes come as their JSON text. */
export type AttributeValue = string | number | boolean;

/** Attributes in the order of the wire, the last of two equal keys wins. */
export type Attributes = ReadonlyArray<readonly [key: string, value: AttributeValue]>;

/** OTLP's aggregation temporality; 0 stands for gauges, which have none. */
export type Temporality = 0 | 1 | 2;
export const DELTA = 1;
export const CUMULATIVE = 2;

/** What the points of one metric of one scope have in common. */
export interface MetricIdentity {
  readonly name: MetricName;
  /** Name and version of the instrumentation scope, one text; part of a stream's identity, not of a series'. */
  readonly scope: string;
  readonly kind: PointKind;
  readonly temporality: Temporality;
  /** Only for NUMBER: whether the sum never falls. */
  readonly monotonic: boolean;
}

/**
 * Gives numbers to what sends: the decoder turns bytes into these numbers once and remembers the bytes.
 *
 * - an *instance* is one process that sends, told by its resource attributes;
 * - an *entry* is one attribute set of one metric of one scope and service: shared by all instances;
 * - a *stream* is one entry of one instance: the unit that has a start time and a temporality.
 */
export interface Identities {
  /** Changes whenever numbers given earlier are no longer valid: the decoder then forgets what it remembered. */
  readonly generation: number;
  /** Number of the instance with these resource attributes, or -1 when the bound on instances is reached. */
  instance(resource: Attributes): number;
  /** Number of the entry, or -1 when the instance is -1 or the bound on entries is reached; attributes outside the metric's declared ones separate streams, not series. */
  entry(instance: number, metric: MetricIdentity, attributes: Attributes): number;
  /** Number of the stream, or -1 when one of both is -1 or the bound on streams is reached. */
  stream(instance: number, entry: number): number;
  /** Number of the stream, or -1 when it has none yet. */
  findStream(instance: number, entry: number): number;
  /** Number of an interned list of explicit bucket edges, or -1 when the bound on lists is reached. `edges` is copied. */
  bounds(edges: ArrayLike<number>, n: number): number;
}
