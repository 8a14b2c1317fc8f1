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
}

export interface SeriesLimits {
  readonly total: number;
  readonly perMetric: number;
  readonly versionsPerService: number;
}

export const DEFAULT_SERIES_LIMITS: SeriesLimits = { total: 20_000, perMetric: 2_000, versionsPerService: 20 };

/** Gives numbers to series and to lists of bucket edges, within bounds; what comes above them goes to one overflow series per metric. */
export class SeriesDirectory {
  readonly series: SeriesKey[] = [];
  readonly edges: Float64Array[] = [];
  /** Times that a new series was sent to an overflow series. */
  overflowed = 0;
  readonly #limits: SeriesLimits;
  readonly #byKey = new Map<string, number>();
  readonly #perMetric = new Map<MetricName, number>();
  readonly #versions = new Map<string, Set<string>>();
  readonly #edgesByKey = new Map<string, number>();

  constructor(limits: SeriesLimits = DEFAULT_SERIES_LIMITS) {
    this.#limits = limits;
  }

  /** Number of the series, new or known, or of its overflow series. */
  resolve(key: SeriesKey): number {
    const bounded = { ...key, version: this.#boundedVersion(key.service, key.version) };
    const text = keyText(bounded);
    const known = this.#byKey.get(text);
    if (known !== undefined) return known;
    const ofMetric = this.#perMetric.get(key.metric) ?? 0;
    if (this.series.length < this.#limits.total && ofMetric < this.#limits.perMetric) return this.restore(bounded);
    this.overflowed++;
    const overflow = overflowKey(bounded);
    return this.#byKey.get(keyText(overflow)) ?? this.restore(overflow);
  }

  /** Adds a series as the next number, unjudged. */
  restore(key: SeriesKey): number {
    const id = this.series.length;
    this.series.push(key);
    this.#byKey.set(keyText(key), id);
    this.#perMetric.set(key.metric, (this.#perMetric.get(key.metric) ?? 0) + 1);
    this.#boundedVersion(key.service, key.version);
    return id;
  }

  /** Number of a list of ascending bucket edges. */
  bounds(edges: ArrayLike<number>): number {
    const copy = Float64Array.from(edges);
    const text = copy.join(',');
    const known = this.#edgesByKey.get(text);
    if (known !== undefined) return known;
    const id = this.edges.length;
    this.edges.push(copy);
    this.#edgesByKey.set(text, id);
    return id;
  }

  /** Cells of an explicit histogram of this series. */
  cells(series: number): number {
    const { kind, bounds } = this.series[series];
    return kind === EXPLICIT ? this.edges[bounds].length + 1 : 0;
  }

  #boundedVersion(service: string, version: string): string {
    const versions = this.#versions.get(service);
    if (versions === undefined) {
      this.#versions.set(service, new Set([version]));
      return version;
    }
    if (versions.has(version) || versions.size < this.#limits.versionsPerService) {
      versions.add(version);
      return version;
    }
    return OTHER;
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
