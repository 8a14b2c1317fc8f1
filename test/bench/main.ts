/** Runs one benchmark: `npm run bench -- NAME`. Without a name it lists them. */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSpeedometer, describeSpeed } from './machine-speed.ts';

/** A benchmark prints its own table, with the machine and the versions that it was measured on. */
export interface Benchmark {
  readonly about: string;
  /** @param args what follows the benchmark's name */
  run(args: readonly string[]): Promise<void>;
}

const benchmarks: Readonly<Record<string, () => Promise<{ readonly benchmark: Benchmark }>>> = {
  mutations: () => import('./mutations.ts'),
  ingest: () => import('./ingest.ts'),
  query: () => import('./query.ts'),
  latency: () => import('./latency.ts'),
  recovery: () => import('./recovery.ts'),
  memory: () => import('./memory.ts'),
  exposition: () => import('./exposition.ts'),
  scaleout: () => import('./scaleout.ts'),
  soak: () => import('./soak.ts'),
  page: () => import('./page.ts'),
  blocks: () => import('./blocks.ts'),
  sqli: () => import('./sqli.ts'),
  locks: () => import('./locks.ts'),
  embedded: () => import('./embedded.ts'),
  alerts: () => import('./alerts.ts'),
};

// No aggregator that is started here announces itself to the applications of whoever runs this.
process.env['XDG_STATE_HOME'] = join(tmpdir(), `vigil-state-${process.pid}`);

async function main(name: string | undefined, args: readonly string[]): Promise<void> {
  const load = name === undefined ? undefined : benchmarks[name];
  if (load !== undefined) {
    const { benchmark } = await load();
    const speed = createSpeedometer();
    const before = speed();
    await benchmark.run(args);
    console.log(`\n${describeSpeed(before, speed())}`);
    return;
  }
  if (name !== undefined) process.exitCode = 1;
  console.log(name === undefined ? 'Benchmarks:' : `There is no benchmark ${name}. There are:`);
  for (const [known, loadKnown] of Object.entries(benchmarks)) {
    console.log(`  npm run bench -- ${known}   ${(await loadKnown()).benchmark.about}`);
  }
}

await main(process.argv[2], process.argv.slice(3));
