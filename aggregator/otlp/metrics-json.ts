import { admitPoint, admitResource, admitScope, type Door, OPEN_DOOR, type RawAttributes } from './attributes.ts';
import { EXPLICIT, NUMBER, PointBatch, type RejectReason, recordLength } from './batch.ts';
import type { Attributes, Identities, MetricIdentity } from './identity.ts';
import { readExplicit, readExponential, readNumber, temporalityOf } from './json-points.ts';
import {
  attributesKey,
  attributesOf,
  countOf,
  type JsonObject,
  listOf,
  malformedJson,
  objectOf,
  parseBody,
  textOf,
} from './json-reader.ts';
import {
  areEdges,
  BOUNDS,
  EXPONENTIAL_DATA,
  explicitProblem,
  exponentialProblem,
  GAUGE_DATA,
  HISTOGRAM_DATA,
  judgeMetric,
  numberProblem,
  RECORD_ROOM,
  STREAM,
  SUM_DATA,
  SUMMARY_DATA,
} from './judgement.ts';

/** Names of a Metric's data, and their numbers in protobuf. */
const DATA = {
  gauge: GAUGE_DATA,
  sum: SUM_DATA,
  histogram: HISTOGRAM_DATA,
  exponentialHistogram: EXPONENTIAL_DATA,
  summary: SUMMARY_DATA,
} as const;

/** Remembered attribute sets and resources; beyond, all are forgotten before the next body. */
const MAX_REMEMBERED = 1 << 18;

/** One resource in one generation of the identities. */
interface JsonSender {
  readonly attributes: Attributes;
  /** Tells apart what entries are told apart by. */
  readonly service: string;
  /** Undefined until a body with it was read to its end. */
  instance: number | undefined;
}

/** One metric of one resource in the body that is read. */
interface JsonMetric {
  readonly sender: JsonSender;
  readonly identity: MetricIdentity;
  /** Entries by the JSON text of the attributes; shared by the senders of a service. */
  readonly entries: Map<string, number>;
}

/** What a staged record lacks until the whole body was read. */
interface Pending {
  readonly metric: JsonMetric;
  readonly key: string;
  /** Only where the key is not remembered. */
  readonly attributes: RawAttributes | undefined;
  readonly edges: readonly number[] | undefined;
}

/**
 * Reads the metrics of OTLP/JSON bodies into batches, with the same checks as protobuf. Such a batch is never clean: in
 * JSON a string can hide where no reader looks, in a key that stands twice.
 *
 * Records are staged first and get their numbers when the whole body has been read, so that one that cannot be read
 * leaves no trace.
 */
export class JsonMetricsDecoder {
  readonly #identities: Identities;
  readonly #door: Door;
  #generation: number;
  #senders = new Map<string, JsonSender>();
  #entries = new Map<string, Map<string, number>>();
  #remembered = 0;
  #lastEdges: readonly number[] = [Number.NaN];
  #lastBounds = -1;
  #pending: Pending[] = [];
  #batch = new PointBatch();

  constructor(identities: Identities, door: Door = OPEN_DOOR) {
    this.#identities = identities;
    this.#door = door;
    this.#generation = identities.generation;
  }

  /** See `MetricsDecoder.decode`. @throws BodyError 'malformed': the batch is then empty */
  decode(body: Uint8Array, batch: PointBatch): void {
    if (this.#generation !== this.#identities.generation || this.#remembered > MAX_REMEMBERED) this.#forget();
    this.#batch = batch;
    this.#pending = [];
    try {
      for (const resourceMetrics of listOf(parseBody(body).resourceMetrics))
        this.#resourceMetrics(objectOf(resourceMetrics));
    } catch (error) {
      batch.reset();
      throw error;
    }
    batch.clean = false;
    this.#number();
    this.#pending = [];
  }

  #forget(): void {
    this.#generation = this.#identities.generation;
    this.#senders = new Map();
    this.#entries = new Map();
    this.#remembered = 0;
    this.#lastEdges = [Number.NaN];
  }

  #resourceMetrics({ resource, scopeMetrics }: JsonObject): void {
    const sender = this.#sender(objectOf(resource).attributes);
    for (const item of listOf(scopeMetrics)) {
      const { scope, metrics } = objectOf(item);
      const { name, version, attributes } = objectOf(scope);
      const { text } = admitScope(this.#door, textOf(name), textOf(version), attributesOf(attributes));
      for (const metric of listOf(metrics)) this.#metric(sender, text, objectOf(metric));
    }
  }

  #sender(attributes: unknown): JsonSender {
    const key = JSON.stringify(attributes ?? []);
    const known = this.#senders.get(key);
    if (known !== undefined) return known;
    const admitted = admitResource(this.#door, attributesOf(attributes));
    const byKey = new Map(admitted.attributes);
    const service = JSON.stringify([byKey.get('service.name') ?? '', byKey.get('service.version') ?? '']);
    const sender: JsonSender = { attributes: admitted.attributes, service, instance: undefined };
    this.#senders.set(key, sender);
    this.#remembered++;
    return sender;
  }

  #metric(sender: JsonSender, scope: string, metric: JsonObject): void {
    const names = (Object.keys(DATA) as (keyof typeof DATA)[]).filter((name) => (metric[name] ?? null) !== null);
    if (names.length > 1) malformedJson();
    if (names.length === 0) return;
    const { dataPoints, aggregationTemporality, isMonotonic } = objectOf(metric[names[0]]);
    const points = listOf(dataPoints);
    const judged = judgeMetric({
      name: textOf(metric.name),
      unit: textOf(metric.unit),
      scope,
      data: DATA[names[0]],
      temporality: temporalityOf(aggregationTemporality),
      monotonic: isMonotonic === true,
    });
    if (judged === 'unknown') this.#batch.ignored += points.length;
    else if (typeof judged !== 'string') {
      const entries = this.#entriesOf(sender, judged);
      for (const point of points) this.#point({ sender, identity: judged, entries }, objectOf(point));
    } else if (points.length > 0) this.#batch.reject(judged, points.length);
  }

  #entriesOf(sender: JsonSender, identity: MetricIdentity): Map<string, number> {
    const key = JSON.stringify([sender.service, identity]);
    let entries = this.#entries.get(key);
    if (entries === undefined) this.#entries.set(key, (entries = new Map()));
    return entries;
  }

  /** Stages a point's record, with its place in `#pending` for its stream. */
  #point(metric: JsonMetric, point: JsonObject): void {
    const batch = this.#batch;
    const values = batch.reserve(RECORD_ROOM);
    const at = batch.length;
    const key = attributesKey(point.attributes);
    const attributes = metric.entries.has(key) ? undefined : attributesOf(point.attributes);
    let edges: readonly number[] | undefined;
    let problem: RejectReason | undefined;
    let isEmpty = countOf(point.flags) % 2 === 1;
    if (metric.identity.kind === NUMBER) {
      if (!readNumber(values, at, point)) isEmpty = true;
      problem = numberProblem(values, at);
    } else if (metric.identity.kind === EXPLICIT) {
      const read = readExplicit(values, at, point);
      edges = read.edges;
      problem = explicitProblem(values, at, edges.length, read.total);
      if (problem === undefined && !areEdges(edges, edges.length)) problem = 'malformed histogram';
    } else problem = exponentialProblem(values, at, readExponential(values, at, point));
    if (isEmpty) batch.empty++;
    else if (problem !== undefined) batch.reject(problem);
    else {
      values[at + STREAM] = this.#pending.length;
      this.#pending.push({ metric, key, attributes, edges });
      batch.length += recordLength(values, at);
      batch.points++;
    }
  }

  /** Gives the staged records their streams and bounds, and takes out those that get no stream. */
  #number(): void {
    const batch = this.#batch;
    const { values } = batch;
    let to = 0;
    for (let from = 0; from < batch.length; ) {
      const length = recordLength(values, from);
      const pending = this.#pending[values[from + STREAM]];
      const stream = this.#stream(pending);
      const bounds = pending.edges === undefined ? undefined : this.#bounds(pending.edges);
      if (stream < 0 || (bounds ?? 0) < 0) {
        batch.reject(stream < 0 ? 'too many streams' : 'too many different bucket edges');
        batch.points--;
      } else {
        if (to !== from) values.copyWithin(to, from, from + length);
        values[to + STREAM] = stream;
        if (bounds !== undefined) values[to + BOUNDS] = bounds;
        to += length;
      }
      from += length;
    }
    batch.length = to;
  }

  /** Points that stand together nearly always have the same edges. */
  #bounds(edges: readonly number[]): number {
    const last = this.#lastEdges;
    if (edges.length !== last.length || edges.some((edge, i) => edge !== last[i])) {
      this.#lastEdges = edges;
      this.#lastBounds = this.#identities.bounds(edges, edges.length);
    }
    return this.#lastBounds;
  }

  #stream({ metric, key, attributes }: Pending): number {
    const { sender, identity, entries } = metric;
    sender.instance ??= this.#identities.instance(sender.attributes);
    let entry = entries.get(key);
    if (entry === undefined) {
      const admitted = admitPoint(this.#door, identity.name, attributes as RawAttributes);
      entry = this.#identities.entry(sender.instance, identity, admitted.attributes);
      if (entry >= 0) {
        entries.set(key, entry);
        this.#remembered++;
      }
    }
    return this.#identities.stream(sender.instance, entry);
  }
}
