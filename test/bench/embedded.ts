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
  /** Writing everything out and closing, in milliseconds: a checkpoint, which otherwise comes once a minute. */
  readonly closeMs: number | undefined;
}

const SECONDS = 25;

export const benchmark: Benchmark = {
  about: "the event loop's delay and processor time of an application with 200 mutations that holds an aggregator",
  async run([seconds = String(SECONDS)]) {
    const receiver = await startAggregator();
    const rows: string[][] = [];
    try {
      for (const variant of variants) rows.push(rowOf(variant, await measure(variant, seconds, receiver.url)));
    } finally {
      await receiver.stop();
    }
    console.log(surroundings(['@opentelemetry/sdk-metrics', 'graphql']));
    console.log(
      `200 mutations in turn, 100 a second, ${seconds} s each after 5 s of warming up; delays beyond the timer's 5 ms.\n`,
    );
    printTable(['', 'CPU ms/min', 'delay p50 ms', 'p99 ms', 'max ms', 'close ms'], rows);
  },
};

async function measure(variant: Variant, seconds: string, url: string): Promise<Cost> {
  const sending = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${KEY}`,
  };
  const worker = endWithUs(
    fork(new URL('./embedded-worker.ts', import.meta.url), [variant, seconds], {
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

function rowOf(variant: Variant, cost: Cost): string[] {
  const { cpuMsPerMinute, delayP50Ms, delayP99Ms, delayMaxMs, closeMs } = cost;
  const delays = [delayP50Ms, delayP99Ms, delayMaxMs].map((ms) => ms.toFixed(1));
  return [variant, cpuMsPerMinute.toFixed(0), ...delays, closeMs?.toFixed(0) ?? ''];
}
