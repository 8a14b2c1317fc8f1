import { attributes as attributeDefinitions, type MetricName, metrics, OTHER } from '@vigil/semconv';
import { EXPLICIT, type PointKind } from '../../otlp/batch.ts';

/** What makes a series: one attribute set of one metric of one service and version, whatever instance it comes from. */
export interface SeriesKey {
  readonly metric: MetricName;
  readonly kind: PointKind;
  readonly service: string;
  readonly version: string;
  /** Declared attributes only, in the order of the registry; '' where one is absent. */
  readonly values: readonly string[];
  /** Number of the list of bucket edges; -1 unless the kind is EXPLICIT. */
  readonly bounds: number;
  /**
   * When its version lost its name, or it was last in use after that, Unix ms, to half a day; absent while it has the
   * name. Not a part of what makes the series.
   */
  readonly retiredMs?: number;
}

export interface SeriesLimits {
  readonly total: number;
  readonly perMetric: number;
  /** The newest so many versions of a service are told apart; older ones become one. */
  readonly versionsPerService: number;
  /** Different lists of bucket edges; points with further ones are rejected. */
  readonly edgeLists: number;
}

export const DEFAULT_SERIES_LIMITS: SeriesLimits = {
  total: 20_000,
  perMetric: 2_000,
  versionsPerService: 10,
  edgeLists: 256,
};

/** How often it is noted that a series is in use whose version has no name. */
const IN_USE_GRAIN_MS = 12 * 3_600_000;

/**
 * Gives numbers to series and to lists of bucket edges, within bounds: what comes above them goes to one overflow series
 * per metric, and versions that are no longer among a service's newest lose their names.
 */
export class SeriesDirectory {
  /** By number; undefined where a number is free. Several numbers may have equal keys: see `canonical`. */
  readonly series: (SeriesKey | undefined)[] = [];
  readonly edges: Float64Array[] = [];
  /** Changes whenever a number is given, taken back, or gets another key. */
  revision = 0;
  /** Times that a new series was sent to an overflow series. */
  overflowed = 0;
  /** Numbers whose key is new since they were last saved. */
  readonly changed = new Set<number>();
  readonly limits: SeriesLimits;
  #services: readonly string[] | undefined;
  readonly #byKey = new Map<string, number>();
  readonly #perMetric = new Map<MetricName, number>();
  /** Versions of each service, the newest last. */
  readonly #versions = new Map<string, string[]>();
  readonly #edgesByKey = new Map<string, number>();
  readonly #free: number[] = [];

  readonly #now: () => number;

  constructor(limits: SeriesLimits = DEFAULT_SERIES_LIMITS, now: () => number = Date.now) {
    this.limits = limits;
    this.#now = now;
  }

  /** Every `service.name` that has a series, sorted. */
  get services(): readonly string[] {
    this.#services ??= [...new Set(this.series.flatMap((key) => key?.service ?? []))].sort();
    return this.#services;
  }

  /** Versions of each service that have a name, the newest last. */
  get versions(): ReadonlyMap<string, readonly string[]> {
    return this.#versions;
  }

  /** Number of different series. */
  get size(): number {
    return this.#byKey.size;
  }

  /** Number of the series, new or known, or of its overflow series. */
  resolve(key: SeriesKey): number {
    this.#noteVersion(key.service, key.version);
    const known = this.#byKey.get(keyText(key));
    if (known !== undefined) return known;
    const ofMetric = this.#perMetric.get(key.metric) ?? 0;
    if (this.size < this.limits.total && ofMetric < this.limits.perMetric) return this.#add(key);
    this.overflowed++;
    const overflow = overflowKey(key);
    return this.#byKey.get(keyText(overflow)) ?? this.#add(overflow);
  }

  /** Brings back a series at its number. */
  restore(id: number, key: SeriesKey): void {
    while (this.series.length < id) this.#free.push(this.series.push(undefined) - 1);
    this.series[id] = key;
    if (key.version !== OTHER) this.#noteVersion(key.service, key.version);
    this.#name(id, key);
  }

  /** The one number that stands for all that have this one's key. */
  canonical(id: number): number {
    const key = this.series[id];
    return key === undefined ? id : (this.#byKey.get(keyText(key)) ?? id);
  }

  /**
   * Gives the numbers of retired versions free.
   * @param retiredBeforeMs no block that is still kept was written before this
   * @param inUse numbers that streams refer to, of which blocks may still be written
   * @returns the numbers that are free now
   */
  release(retiredBeforeMs: number, inUse: ReadonlySet<number>): number[] {
    const gone: number[] = [];
    const renewedMs = this.#now();
    this.series.forEach((key, id) => {
      if (key?.retiredMs === undefined) return;
      const isUsed = inUse.has(id);
      const isDue = key.retiredMs < (isUsed ? renewedMs - IN_USE_GRAIN_MS : retiredBeforeMs);
      if (!isDue || this.canonical(id) === id) return;
      if (!isUsed) gone.push(id);
      else {
        this.series[id] = { ...key, retiredMs: renewedMs };
        this.changed.add(id);
      }
    });
    for (const id of gone) {
      this.series[id] = undefined;
      this.changed.delete(id);
      this.#free.push(id);
    }
    this.#services = undefined;
    this.revision++;
    return gone;
  }

  /** Number of a list of ascending bucket edges; -1 when it is new and the bound is reached. */
  bounds(edges: ArrayLike<number>): number {
    const copy = Float64Array.from(edges);
    const known = this.#edgesByKey.get(copy.join(','));
    if (known !== undefined) return known;
    return this.edges.length < this.limits.edgeLists ? this.restoreEdges(copy) : -1;
  }

  /** Brings back the next list of edges, whatever the bound is now. */
  restoreEdges(edges: Float64Array): number {
    this.#edgesByKey.set(edges.join(','), this.edges.length);
    return this.edges.push(edges) - 1;
  }

  /** The key of a number that is in use. */
  key(id: number): SeriesKey {
    return this.series[id] as SeriesKey;
  }

  /** Cells of an explicit histogram of this series. */
  cells(id: number): number {
    const { kind, bounds } = this.key(id);
    return kind === EXPLICIT ? this.edges[bounds].length + 1 : 0;
  }

  #add(key: SeriesKey): number {
    const id = this.#free.pop() ?? this.series.length;
    this.series[id] = key;
    this.changed.add(id);
    this.#name(id, key);
    return id;
  }

  #name(id: number, key: SeriesKey): void {
    this.#services = undefined;
    this.revision++;
    const text = keyText(key);
    if (this.#byKey.has(text)) return;
    this.#byKey.set(text, id);
    this.#perMetric.set(key.metric, (this.#perMetric.get(key.metric) ?? 0) + 1);
  }

  #noteVersion(service: string, version: string): void {
    const versions = this.#versions.get(service);
    if (versions === undefined) this.#versions.set(service, [version]);
    else if (!versions.includes(version)) {
      versions.push(version);
      if (versions.length > this.limits.versionsPerService) this.#retire(service, versions.shift() as string);
    }
  }

  /** Takes a version's name from its series. They keep their numbers: blocks hold them. */
  #retire(service: string, version: string): void {
    this.series.forEach((key, id) => {
      if (key?.service !== service || key.version !== version) return;
      if (this.#byKey.get(keyText(key)) === id) {
        this.#byKey.delete(keyText(key));
        this.#perMetric.set(key.metric, (this.#perMetric.get(key.metric) ?? 1) - 1);
      }
      const renamed = { ...key, version: OTHER, retiredMs: this.#now() };
      this.series[id] = renamed;
      this.changed.add(id);
      this.#name(id, renamed);
    });
  }
}

/** Keeps what comes from closed sets, so that outcomes still add up; everything else is one. */
function overflowKey(key: SeriesKey): SeriesKey {
  const names = metrics[key.metric].attributes;
  const values = key.values.map((value, i) => (attributeDefinitions[names[i]].values?.includes(value) ? value : OTHER));
  return { ...key, service: OTHER, version: '', values };
}

function keyText(key: SeriesKey): string {
  return JSON.stringify([key.metric, key.kind, key.service, key.version, key.values, key.bounds]);
}
