/**
 * Telemetry for the benchmarks of receiving: bodies of a quarter explicit histograms (16 buckets), a quarter exponential
 * ones (about 45 buckets) and a half sums, under Vigil's own names, as many instances of one service send them.
 */
import { gzipSync } from 'node:zlib';
import {
  type Attributes,
  EDGES,
  type HistogramValues,
  type Moment,
  resourceOf,
  SCALE,
  type Template,
  writeJson,
  writeProtobuf,
} from './bodies.ts';

export interface BodyOptions {
  /** Points of a body; a multiple of 4. */
  readonly points: number;
  readonly cumulative: boolean;
  readonly encoding: 'protobuf' | 'json';
  /** 'mixed' when absent; 'mutations': exponential histograms of 200 mutations or more; 'sums': counters only. */
  readonly kind?: 'mixed' | 'mutations' | 'sums';
}

const OUTCOMES = ['success', 'partial', 'failure', 'aborted'];

/** A generator with a seed: every run measures the same bytes. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

let random = randomFrom(42);
/** Log-normal, about 25 ms. */
function duration(): number {
  const normal = random() + random() + random() + random() + random() + random() - 3;
  return Math.exp(3.2 + normal * 1.1) / 1000;
}

function valuesOf(
  attributes: Attributes,
  indexOf: (value: number) => number,
  cells: number | undefined,
): HistogramValues {
  const durations = Array.from({ length: 20 + Math.floor(random() * 400) }, duration);
  const indexes = durations.map(indexOf);
  const offset = cells === undefined ? Math.min(...indexes) : 0;
  const counts = new Array<number>(cells ?? Math.max(...indexes) - offset + 1).fill(0);
  for (const index of indexes) counts[index - offset]++;
  const sum = durations.reduce((a, b) => a + b, 0);
  return {
    attributes,
    counts,
    offset,
    count: durations.length,
    sum,
    min: Math.min(...durations),
    max: Math.max(...durations),
  };
}

const explicitIndex = (value: number) => {
  const at = EDGES.findIndex((edge) => value <= edge);
  return at < 0 ? EDGES.length : at;
};
const exponentialIndex = (value: number) => Math.ceil(Math.log2(value) * 2 ** SCALE) - 1;

/** So many mutations, each in up to four outcomes. */
const MUTATIONS = 200;

/** Attributes of so many series of mutations: first all with their first outcome. */
export function mutationSeries(series: number): Attributes[] {
  const mutations = Math.max(MUTATIONS, Math.ceil(series / OUTCOMES.length));
  return Array.from({ length: series }, (_, i) => [
    ['vigil.mutation.name', `mutation${i % mutations}`],
    ['vigil.mutation.outcome', OUTCOMES[Math.floor(i / mutations)]],
  ]);
}

function createMutations(points: number): Template {
  const exponential = mutationSeries(points).map((attributes) => valuesOf(attributes, exponentialIndex, undefined));
  return { explicit: [], exponential, sums: [] };
}

function createTemplate(points: number): Template {
  const quarter = points / 4;
  const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
  return {
    explicit: numbers(quarter).map((i) =>
      valuesOf(
        [
          ['vigil.lock.system', 'redis'],
          ['vigil.lock.release', 'released'],
          ['vigil.task.name', `task${i}`],
        ],
        explicitIndex,
        16,
      ),
    ),
    exponential: numbers(quarter).map((i) =>
      valuesOf(
        [
          ['vigil.mutation.name', `mutation${Math.floor(i / 4)}`],
          ['vigil.mutation.outcome', OUTCOMES[i % 4]],
        ],
        exponentialIndex,
        undefined,
      ),
    ),
    sums: numbers(2 * quarter).map((i) => ({
      attributes: [
        ['vigil.task.name', `task${Math.floor(i / 2)}`],
        ['vigil.idempotency.scope', 'global'],
        ['vigil.idempotency.outcome', i % 2 ? 'executed' : 'prevented'],
      ],
      value: 1 + Math.floor(random() * 5000),
    })),
  };
}

export interface BodySource {
  readonly points: number;
  readonly isCumulative: boolean;
  readonly headers: Readonly<Record<string, string>>;
  /** One gzipped body. */
  body(instance: number, moment: Moment): Buffer;
  /** The same before compression. */
  plain(instance: number, moment: Moment): Buffer;
}

/** The same options make the same bytes in every process, whatever was made before: what arrives is compared with them. */
export function createBodySource({ points, cumulative, encoding, kind }: BodyOptions): BodySource {
  random = randomFrom(42);
  const mixed = createTemplate(kind === 'sums' ? 2 * points : points);
  const template =
    kind === 'mutations'
      ? createMutations(points)
      : kind === 'sums'
        ? { ...mixed, explicit: [], exponential: [] }
        : mixed;
  const write = encoding === 'json' ? writeJson : writeProtobuf;
  const plain = (instance: number, moment: Moment) => write(template, resourceOf(instance), moment, cumulative ? 2 : 1);
  return {
    points,
    isCumulative: cumulative,
    headers: {
      'Content-Type': encoding === 'json' ? 'application/json' : 'application/x-protobuf',
      'Content-Encoding': 'gzip',
    },
    plain,
    body: (instance, moment) => gzipSync(plain(instance, moment)),
  };
}
