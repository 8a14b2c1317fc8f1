/**
 * Metric families as Prometheus knows them, and the service's own health in that form. Imports nothing, so that the
 * receiver and the stores can count what they do without knowing how it is shown.
 */
export type FamilyType = 'counter' | 'gauge' | 'summary' | 'histogram';

export type Labels = ReadonlyArray<readonly [name: string, value: string]>;

/** One measured event behind a number. */
export interface Exemplar {
  readonly labels: Labels;
  readonly value: number;
  readonly unixSeconds: number;
}

export interface Sample {
  readonly suffix?: '_sum' | '_count' | '_bucket';
  readonly labels: Labels;
  readonly value: number;
  readonly exemplar?: Exemplar;
}

export interface MetricFamily {
  /** As users are promised it: a counter's ends in `_total`. */
  readonly name: string;
  readonly type: FamilyType;
  /** One sentence. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Values that each label may have: the bound on a metric's samples. */
export type LabelValues = Readonly<Record<string, readonly string[]>>;

/** The values of one sample's labels; every label of the metric has one. */
export type LabelSet<Allowed extends LabelValues> = { readonly [Name in keyof Allowed]: Allowed[Name][number] };

export interface OwnCounter<Allowed extends LabelValues> {
  /** Adds to one sample. A value outside the declared ones is the caller's mistake: TypeError. */
  add(labels: LabelSet<Allowed>, by?: number): void;
}

/** The service's own metrics. All names begin with `aggregator_`; counters start at 0 for every set of labels. */
export interface OwnMetrics {
  counter<const Allowed extends LabelValues>(name: string, help: string, labels: Allowed): OwnCounter<Allowed>;
  /** `read` is called when somebody looks; undefined leaves the sample out. */
  gauge(name: string, help: string, read: () => number | undefined): void;
  /** A number that only rises and that somebody else keeps. */
  observedCounter(name: string, help: string, read: () => number): void;
  families(): readonly MetricFamily[];
}

export function createOwnMetrics(): OwnMetrics {
  const readers = new Map<string, () => MetricFamily>();
  const register = (name: string, type: 'counter' | 'gauge', help: string, samples: () => readonly Sample[]): void => {
    if (!/^aggregator_[a-z_]+$/.test(name) || (type === 'counter') !== name.endsWith('_total'))
      throw new TypeError(`${name} is no name for a ${type} of the aggregator`);
    if (readers.has(name)) throw new TypeError(`${name} is registered twice`);
    readers.set(name, () => ({ name, type, help, samples: samples() }));
  };
  return {
    counter(name, help, labels) {
      const { counter, samples } = countByLabels(labels);
      register(name, 'counter', help, samples);
      return counter;
    },
    gauge: (name, help, read) =>
      register(name, 'gauge', help, () => {
        const value = read();
        return value === undefined ? [] : [{ labels: [], value }];
      }),
    observedCounter: (name, help, read) => register(name, 'counter', help, () => [{ labels: [], value: read() }]),
    families: () => [...readers.values()].map((read) => read()),
  };
}

function countByLabels<Allowed extends LabelValues>(
  allowed: Allowed,
): { readonly counter: OwnCounter<Allowed>; readonly samples: () => readonly Sample[] } {
  const names = Object.keys(allowed);
  const rows = new Map(
    labelSets(allowed).map((labels) => [keyOf(names, Object.fromEntries(labels)), { labels, value: 0 }]),
  );
  return {
    counter: {
      add(labels, by = 1) {
        const row = rows.get(keyOf(names, labels));
        if (row === undefined) throw new TypeError(`these values of ${names.join(', ')} were not declared`);
        row.value += by;
      },
    },
    samples: () => [...rows.values()].map(({ labels, value }) => ({ labels, value })),
  };
}

/** One value as a rule: counters are asked for often, and a text that was never made is found the fastest. */
function keyOf(names: readonly string[], labels: Readonly<Record<string, string>>): string {
  let key = labels[names[0]] ?? '';
  for (let i = 1; i < names.length; i++) key += `\u0000${labels[names[i]]}`;
  return key;
}

/** Every combination of the declared values. */
function labelSets(allowed: LabelValues): Labels[] {
  return Object.entries(allowed).reduce<Labels[]>(
    (sets, [name, values]) => sets.flatMap((set) => values.map((value): Labels => [...set, [name, value]])),
    [[]],
  );
}
