/**
 * What observing a mutation costs: each variant runs in a process of its own, so that nothing one of them has patched or
 * taught the compiler reaches another, and all variants take turns, so that a slow moment of the machine hits them all.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Benchmark } from './main.ts';
import { median, printTable, surroundings } from './report.ts';

export type Variant = 'bare' | 'metrics' | 'metrics and span' | 'official' | 'official, no resolver spans';
export type Operation = 'mutation' | 'query';

/** What one worker process measures. */
export interface Setting {
  readonly major: 16 | 17;
  readonly operation: Operation;
  readonly variant: Variant;
}

const ROUNDS = 9;

const ours: readonly Variant[] = ['bare', 'metrics', 'metrics and span'];
const settings: readonly Setting[] = [
  ...[...ours, 'official' as const, 'official, no resolver spans' as const].map(setting(16, 'mutation')),
  ...ours.map(setting(17, 'mutation')),
  ...(['bare', 'metrics'] as const).map(setting(16, 'query')),
  ...(['bare', 'metrics'] as const).map(setting(17, 'query')),
];

function setting(major: 16 | 17, operation: Operation): (variant: Variant) => Setting {
  return (variant) => ({ major, operation, variant });
}

interface Measured extends Setting {
  readonly worker: ChildProcess;
  /** Rejects when the worker ends. */
  readonly died: Promise<never>;
  readonly micros: number[];
}

export const benchmark: Benchmark = {
  about: 'µs a GraphQL mutation (and query) bare, with metrics, with a span, and with the official instrumentation',
  async run() {
    const measured = await Promise.all(settings.map(startWorker));
    try {
      for (let round = 0; round <= ROUNDS; round++) {
        for (const one of measured) {
          const micros = await runRound(one);
          // The first round warms up.
          if (round > 0) one.micros.push(micros);
        }
      }
    } finally {
      for (const { worker } of measured) worker.kill();
    }
    print(measured);
  },
};

async function startWorker(what: Setting): Promise<Measured> {
  const worker = fork(new URL('./mutations-worker.ts', import.meta.url), [JSON.stringify(what)]);
  const died = once(worker, 'exit').then(() => Promise.reject(new Error(`the worker of ${what.variant} ended`)));
  // It ends once more when all is done; then nobody waits for it.
  died.catch(() => {});
  await Promise.race([once(worker, 'message'), died]);
  return { ...what, worker, died, micros: [] };
}

async function runRound({ worker, died }: Measured): Promise<number> {
  worker.send('round');
  const [micros] = (await Promise.race([once(worker, 'message'), died])) as [number];
  return micros;
}

function print(measured: readonly Measured[]): void {
  console.log(surroundings(['graphql', 'graphql-16', '@opentelemetry/sdk-metrics', '@opentelemetry/sdk-trace']));
  console.log(
    `@opentelemetry/instrumentation-graphql patches no graphql 17. Medians of ${ROUNDS} interleaved rounds.\n`,
  );
  const rows = measured.map(({ major, operation, variant, micros }) => {
    const bare = measured.find((m) => m.major === major && m.operation === operation && m.variant === 'bare')!;
    const base = median(bare.micros);
    const own = median(micros);
    // Pairs of one round saw the same moment of the machine.
    const added = median(micros.map((value, round) => value - bare.micros[round]!));
    return [
      `${operation}, graphql ${major}, ${variant}`,
      own.toFixed(1),
      signed(added),
      `${(own / base).toFixed(2)} ×`,
    ];
  });
  printTable(['', 'µs', 'added µs', 'ratio'], rows);
}

function signed(value: number): string {
  return (value < 0 ? '' : '+') + value.toFixed(1);
}
