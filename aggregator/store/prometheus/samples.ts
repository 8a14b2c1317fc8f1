/** What the HTTP API of Prometheus answers, checked once as it comes in. */

export interface NativeHistogram {
  readonly count: number;
  readonly sum: number;
  readonly cells: readonly Cell[];
}

/** Values v with lower < v <= upper. */
export interface Cell {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly timeMs: number;
  /** NaN where it is a histogram. */
  readonly value: number;
  readonly histogram?: NativeHistogram;
}

/** The answer is none of Prometheus' API. */
export class UnreadableAnswer extends Error {
  override readonly name = 'UnreadableAnswer';
}

type Fields = Readonly<Record<string, unknown>>;

/** The samples of a vector or a matrix, those of a matrix one after the other. @throws UnreadableAnswer */
export function samplesOf(data: unknown): Sample[] {
  const { resultType, result } = fieldsOf(data);
  if ((resultType !== 'vector' && resultType !== 'matrix') || !Array.isArray(result))
    throw new UnreadableAnswer('the answer is neither a vector nor a matrix');
  const samples: Sample[] = [];
  for (const row of result) {
    const { metric, value, values, histogram, histograms } = fieldsOf(row);
    const labels = fieldsOf(metric) as Readonly<Record<string, string>>;
    for (const pair of listOf(values, value)) samples.push({ labels, timeMs: timeOf(pair), value: Number(pair[1]) });
    for (const pair of listOf(histograms, histogram))
      samples.push({ labels, timeMs: timeOf(pair), value: Number.NaN, histogram: nativeOf(fieldsOf(pair[1])) });
  }
  return samples;
}

/** A list of strings, such as the values of a label. @throws UnreadableAnswer */
export function textsOf(data: unknown): string[] {
  if (!Array.isArray(data)) throw new UnreadableAnswer('the answer is no list');
  return data.filter((value) => typeof value === 'string');
}

function nativeOf({ count, sum, buckets = [] }: Fields): NativeHistogram {
  if (!Array.isArray(buckets)) throw new UnreadableAnswer('a histogram has no buckets');
  const cells = buckets.map((bucket): Cell => {
    if (!Array.isArray(bucket) || bucket.length !== 4) throw new UnreadableAnswer('a bucket of a histogram is none');
    // The cell around zero reaches below it; what Vigil measures does not.
    return { lower: Math.max(0, Number(bucket[1])), upper: Number(bucket[2]), count: Number(bucket[3]) };
  });
  return { count: Number(count), sum: Number(sum), cells };
}

function listOf(many: unknown, one: unknown): readonly unknown[][] {
  const list = many ?? (one === undefined ? [] : [one]);
  if (!Array.isArray(list) || !list.every(Array.isArray)) throw new UnreadableAnswer('a series has no samples');
  return list;
}

function timeOf([unixSeconds]: readonly unknown[]): number {
  return Math.round(Number(unixSeconds) * 1000);
}

export function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new UnreadableAnswer('the answer lacks an object');
  return value as Fields;
}
