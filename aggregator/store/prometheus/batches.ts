/**
 * Questions of the same moment go to the server together, equal ones once, and answers are kept for a short time.
 */

import { type Sample, samplesOf } from './samples.ts';
import { type MetricsServer, QueryRefused } from './server.ts';

/** The steps of a range query; the last moment of each. */
export interface Grid {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly stepSeconds: number;
}

export interface Asking {
  readonly expression: string;
  /** One answer at the times in the expression itself when absent. */
  readonly grid?: Grid;
  /** Whether what is asked for changes no more. */
  readonly isSealed?: boolean;
}

export type Ask = (asking: Asking) => Promise<readonly Sample[]>;

export interface BatchOptions {
  readonly server: MetricsServer;
  /** How long an answer may be given again; 0 only joins equal questions that are under way. */
  readonly ttlMs: number;
  /** Unix ms. */
  readonly nowMs: () => number;
}

/** VictoriaMetrics takes 16 KiB of query. */
const MAX_QUERY_LENGTH = 12_000;
const MAX_TOGETHER = 24;
/** Kept values and cells of histograms, together. */
const MAX_KEPT_NUMBERS = 500_000;
/** A sealed answer is asked for again after this time: a sender's queue may still have brought something. */
const SEALED_TTL_MS = 3_600_000;
/** Tells the questions of a batch apart. */
const TAG = 'vigil_question';

interface Waiting extends Asking {
  resolve(samples: readonly Sample[]): void;
  reject(error: unknown): void;
}

interface Kept {
  readonly answer: Promise<readonly Sample[]>;
  /** Infinity while it is under way. */
  expiresMs: number;
  numbers: number;
}

export function createBatches({ server, ttlMs, nowMs }: BatchOptions): Ask {
  const kept = new Map<string, Kept>();
  let waiting: Waiting[] = [];
  let keptNumbers = 0;

  function forget(key: string): void {
    keptNumbers -= kept.get(key)?.numbers ?? 0;
    kept.delete(key);
  }

  function keep(key: string, entry: Kept, lifeMs: number, numbers: number): void {
    if (kept.get(key) !== entry) return;
    if (lifeMs <= 0) {
      forget(key);
      return;
    }
    entry.expiresMs = nowMs() + lifeMs;
    // An empty answer takes room, too.
    entry.numbers = numbers + 1;
    keptNumbers += entry.numbers;
    // Questions name their time: most are never asked again.
    for (const [old, { expiresMs }] of kept) if (expiresMs <= nowMs()) forget(old);
    for (const [oldest, { expiresMs }] of kept) {
      if (keptNumbers <= MAX_KEPT_NUMBERS) break;
      if (expiresMs !== Infinity) forget(oldest);
    }
  }

  function flush(): void {
    const all = waiting;
    waiting = [];
    for (const alike of Map.groupBy(all, gridKey).values()) for (const batch of batchesOf(alike)) void answer(batch);
  }

  async function answer(batch: readonly Waiting[]): Promise<void> {
    try {
      const samples = await query(server, batch, nowMs());
      const byTag = Map.groupBy(samples, ({ labels }) => labels[TAG] ?? '0');
      for (const [i, { resolve }] of batch.entries()) resolve(byTag.get(String(i)) ?? []);
    } catch (error) {
      // One question that is too much must not take those of other readers with it.
      if (error instanceof QueryRefused && batch.length > 1) for (const one of batch) void answer([one]);
      else for (const { reject } of batch) reject(error);
    }
  }

  return (asking) => {
    const key = `${gridKey(asking)} ${asking.expression}`;
    const known = kept.get(key);
    if (known !== undefined && known.expiresMs > nowMs()) return known.answer;
    forget(key);
    const entry: Kept = {
      answer: new Promise((resolve, reject) => {
        if (waiting.push({ ...asking, resolve, reject }) === 1) setImmediate(flush);
      }),
      expiresMs: Infinity,
      numbers: 0,
    };
    kept.set(key, entry);
    entry.answer.then(
      (samples) => keep(key, entry, asking.isSealed ? SEALED_TTL_MS : ttlMs, numbersIn(samples)),
      () => kept.get(key) === entry && forget(key),
    );
    return entry.answer;
  };
}

function numbersIn(samples: readonly Sample[]): number {
  return samples.reduce((sum, { histogram }) => sum + 1 + (histogram?.cells.length ?? 0), 0);
}

function gridKey({ grid }: Asking): string {
  return grid === undefined ? '' : `${grid.firstMs} ${grid.lastMs} ${grid.stepSeconds}`;
}

function batchesOf(askings: readonly Waiting[]): Waiting[][] {
  const batches: Waiting[][] = [];
  let length = Infinity;
  for (const asking of askings) {
    const more = asking.expression.length + 64;
    if (length + more > MAX_QUERY_LENGTH || batches[batches.length - 1].length >= MAX_TOGETHER) {
      batches.push([]);
      length = 0;
    }
    batches[batches.length - 1].push(asking);
    length += more;
  }
  return batches;
}

async function query(server: MetricsServer, batch: readonly Asking[], nowMs: number): Promise<Sample[]> {
  const tagged = batch.map(({ expression }, i) => `label_replace(${expression}, "${TAG}", "${i}", "", "")`);
  const text = batch.length === 1 ? batch[0].expression : tagged.join(' or ');
  const [{ grid }] = batch;
  // VictoriaMetrics would move times to its own grid, and leave out the last half minute.
  const common = { query: text, nocache: '1' };
  if (grid === undefined)
    return samplesOf(await server.get('query', { ...common, time: String(Math.floor(nowMs / 1000)) }));
  const { firstMs, lastMs, stepSeconds } = grid;
  const times = { start: unix(firstMs), end: unix(lastMs), step: String(stepSeconds) };
  return samplesOf(await server.get('query_range', { ...common, ...times }));
}

function unix(ms: number): string {
  return (ms / 1000).toFixed(3);
}
