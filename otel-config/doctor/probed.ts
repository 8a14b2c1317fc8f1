/** Runs in a process of its own, after the registration: loads the libraries that it hooks, and asks whether it did. */
import { tracingChannel } from 'node:diagnostics_channel';
import { writeSync } from 'node:fs';
import type { MeterProvider } from '@opentelemetry/api';
import { isAnyPatched } from '@vigil/hooking';
import { isFedInProcess } from '../in-process.ts';
import { flush } from '../lifecycle.ts';
import { registeredDefinitions } from '../module-hooks.ts';
import { copyFor } from './installation.ts';
import { PROBE_MUTATION } from './probe.ts';

/** What is told of one library, as a line of JSON on file descriptor 3. */
export interface Probed {
  readonly library: string;
  readonly version: string;
  /** Ranges that the hooks are made for. */
  readonly supported: readonly string[];
  /** Undefined: about to be loaded, which may end the process. */
  readonly outcome?: 'applied' | 'unsupported' | 'not_applied' | 'not_loadable';
  /** Why it cannot be loaded so. */
  readonly reason?: string;
}

/** A line on file descriptor 3: of a library, of a connection that was held back, or the last one. */
export type Told = Probed | { readonly heldBack: string } | { readonly isEmbedded: boolean };

/** As much as is used of the application's own copy of the API. */
interface Api {
  readonly metrics: { getMeterProvider(): MeterProvider };
}

export interface ProbeTask {
  readonly folder: string;
  /** Of the application: `import` or `require` as its own files would do it. */
  readonly load: (specifier: string) => unknown;
  /** Libraries that are not loaded, since they were found to end the process. */
  readonly without: readonly string[];
}

export async function probe({ folder, load, without }: ProbeTask): Promise<void> {
  const definitions = registeredDefinitions();
  for (const name of new Set(definitions.map((one) => one.name))) {
    const copy = copyFor(name, folder);
    if (copy === undefined || without.includes(name)) continue;
    const hooks = definitions.filter((one) => one.name === name);
    const supported = [
      ...new Set(
        hooks.flatMap((one) => [...one.supportedVersions, ...one.files.flatMap((file) => file.supportedVersions)]),
      ),
    ];
    const known = { library: name, version: copy.version, supported };
    tell(known);
    tell({ ...known, ...(await tryLibrary(name, load, hooks)) });
  }
  await recordOne(load);
  await flush();
  tell({ isEmbedded: isFedInProcess() });
  process.exit(0);
}

type Hooks = ReturnType<typeof registeredDefinitions>;

async function tryLibrary(
  name: string,
  load: ProbeTask['load'],
  hooks: Hooks,
): Promise<Pick<Probed, 'outcome' | 'reason'>> {
  const loaded: unknown[] = [];
  const failures: string[] = [];
  for (const specifier of [name, ...(PARTS[name] ?? [])]) {
    try {
      loaded.push(await load(specifier));
    } catch (error) {
      failures.push((error as NodeJS.ErrnoException).code ?? (error as Error).message);
    }
  }
  if (loaded.length === 0) return { outcome: 'not_loadable', reason: failures[0] };
  const seen = hooks.flatMap((one) => [one, ...one.files]).map((one) => one.moduleExports);
  if ([...loaded, ...seen].some(isAnyPatched) || isSeenByChannel(name, loaded[0])) return { outcome: 'applied' };
  // Hooks that are told of a module and have exports of none are made for other versions.
  const isTold = hooks.some((one) => one.moduleVersion !== undefined);
  return { outcome: isTold && seen.every((one) => one === undefined) ? 'unsupported' : 'not_applied' };
}

/** Parts of a library that its main file does not load, and that hooks are for. */
const PARTS: Readonly<Record<string, readonly string[]>> = { hono: ['hono/csrf', 'hono/cors'] };

/** graphql 17 is not hooked: it tells by itself, and somebody listens. */
function isSeenByChannel(name: string, loaded: unknown): boolean {
  const { versionInfo } = loaded as { readonly versionInfo?: { readonly major: number } };
  if (name !== 'graphql' || versionInfo === undefined || versionInfo.major < 17) return false;
  return tracingChannel('graphql:execute:rootSelectionSet').hasSubscribers;
}

/** By the application's copy of the API, as what it records itself would be. */
async function recordOne(load: ProbeTask['load']): Promise<void> {
  try {
    const { metrics } = (await load('@opentelemetry/api')) as Api;
    const meter = metrics.getMeterProvider().getMeter('vigil-doctor');
    const attributes = { 'vigil.mutation.name': PROBE_MUTATION, 'vigil.mutation.outcome': 'success' };
    meter.createHistogram('vigil.mutation.duration', { unit: 's' }).record(0.1, attributes);
  } catch {
    // Without the API nothing arrives, which is what is looked for.
  }
}

function tell(line: Told): void {
  writeSync(3, `${JSON.stringify(line)}\n`);
}
