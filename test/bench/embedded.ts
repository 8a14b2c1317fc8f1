/** What an aggregator costs the application that holds it, beside sending the same telemetry to a service. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { KEY, startAggregator, temporaryDirectory } from '../support/aggregator.ts';
import { endWithUs } from '../support/end-with-us.ts';
import type { Benchmark } from './main.ts';
import { printTable, surroundings } from './report.ts';

export const variants = ['nothing collected', 'sent over OTLP', 'embedded', 'embedded, and read'] as const;
export type Variant = (typeof variants)[number];

export interface Cost {
  /** Processor time used, in milliseconds a minute. */
  readonly cpuMsPerMinute: number;
  /** How late the event loop was, in milliseconds. */
  readonly delayP50Ms: number;
  readonly delayP99Ms: number;
  readonly delayMaxMs: number;
  /** How long the checkpoint that comes once a minute held the event loop up at most, in milliseconds: one is among what was measured. */
  readonly checkpointMs: number | undefined;
}

/** What the application does: mutations of so many names, so many a second. */
const loads = [
  { names: 200, perSecond: 100 },
  { names: 200, perSecond: 1000 },
  { names: 2000, perSecond: 1000 },
] as const;
type Load = (typeof loads)[number];

/** Three exports of our registration's 10 s. */
const SECONDS = 25;
/** A checkpoint comes between 65 and 70 s after the start, of which 8 are for warming up. */
const SECONDS_WITH_CHECKPOINT = 64;

export const benchmark: Benchmark = {
  about:
    "the event loop's delay and processor time of an application that holds an aggregator; -- NUMBER of a load, -- NUMBER all",
  async run([number, which]) {
    const chosen = number === undefined ? loads : loads.slice(Number(number) - 1, Number(number));
    const compared = which === 'all' ? variants : (['sent over OTLP', 'embedded, and read'] as const);
    const receiver = await startAggregator();
    const rows: string[][] = [];
    try {
      for (const load of chosen)
        for (const variant of compared) rows.push(rowOf(load, variant, await measure(load, variant, receiver.url)));
    } finally {
      await receiver.stop();
    }
    console.log(surroundings(['@opentelemetry/sdk-metrics', 'graphql']));
    console.log(
      `${SECONDS} s each, with an aggregator ${SECONDS_WITH_CHECKPOINT} s, after 8 s of warming up; delays beyond the timer's 5 ms.\n`,
    );
    printTable(['', 'CPU ms/min', 'delay p50 ms', 'p99 ms', 'max ms', 'longest slice of a checkpoint, ms'], rows);
  },
};

async function measure({ names, perSecond }: Load, variant: Variant, url: string): Promise<Cost> {
  const seconds = variant.startsWith('embedded') ? SECONDS_WITH_CHECKPOINT : SECONDS;
  const sending = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${KEY}`,
  };
  const worker = endWithUs(
    fork(new URL('./embedded-worker.ts', import.meta.url), [variant, seconds, names, perSecond].map(String), {
      env: {
        ...process.env,
        MONITORING_API_KEY: KEY,
        MONITORING_DATA_DIR: temporaryDirectory(),
        ...(variant === 'sent over OTLP' ? sending : {}),
      },
    }),
  );
  const ended = once(worker, 'exit').then(() => Promise.reject(new Error(`the worker of "${variant}" ended`)));
  const [cost] = (await Promise.race([once(worker, 'message'), ended])) as [Cost];
  worker.kill();
  await ended.catch(() => {});
  return cost;
}

function rowOf({ names, perSecond }: Load, variant: Variant, cost: Cost): string[] {
  const { cpuMsPerMinute, delayP50Ms, delayP99Ms, delayMaxMs, checkpointMs } = cost;
  const delays = [delayP50Ms, delayP99Ms, delayMaxMs].map((ms) => ms.toFixed(1));
  const what = `${names} names, ${perSecond}/s: ${variant}`;
  return [what, cpuMsPerMinute.toFixed(0), ...delays, checkpointMs?.toFixed(0) ?? ''];
}
