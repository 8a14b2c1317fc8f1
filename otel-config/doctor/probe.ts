/**
 * Starts the registration in processes of its own, as the application does, with a receiver here in place of the user's:
 * which hooks apply, and what is exported in which form. Their connections to anybody else are held back.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { json, text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import type { Probed, Told } from './probed.ts';

export type Loading = 'import' | 'require';

/** A body of OTLP/JSON, as far as it is looked at. */
export interface ExportedBody {
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeMetrics?: readonly { readonly metrics?: readonly ExportedMetric[] }[];
  }[];
}

export interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

export interface ExportedMetric {
  readonly name: string;
  readonly histogram?: ExportedHistogram;
  readonly exponentialHistogram?: ExportedHistogram;
}

export interface ExportedHistogram {
  /** 1 delta, 2 cumulative. */
  readonly aggregationTemporality?: number;
  readonly dataPoints?: readonly {
    readonly attributes?: readonly KeyValue[];
    readonly explicitBounds?: readonly number[];
    readonly count?: number | string;
  }[];
}

export interface ProbeResult {
  readonly loading: Loading;
  /** What became of each library; without an outcome where loading it ended or hung the process. */
  readonly libraries: readonly Probed[];
  readonly bodies: readonly ExportedBody[];
  /** Where it wanted to connect to beside the receiver here, and was not let. */
  readonly heldBack: readonly string[];
  /** Whether an aggregator stands in the application's own process. */
  readonly isEmbedded: boolean;
  /** Whether it came to its end: else what it did not tell is not known. */
  readonly isFinished: boolean;
  /** What it said on standard error, cut. */
  readonly errors: string;
}

/** The mutation that a process of ours records on the way to the receiver here. */
export const PROBE_MUTATION = 'vigilDoctor';

/** A process that loads everything that is hooked takes one or two seconds. */
const PROCESS_MS = 20_000;
/** Libraries that end their process, after which no more are tried. */
const MAX_DEADLY = 2;
const MAX_ERRORS = 500;

/** @param importFile what is given to `--import`: a path or a specifier, resolved in the folder */
export async function probeInstallation(
  folder: string,
  importFile: string,
  loading: Loading,
  env: NodeJS.ProcessEnv,
): Promise<ProbeResult> {
  const bodies: ExportedBody[] = [];
  const server = createServer(async (request, response) => {
    bodies.push((await json(request).catch(() => ({}))) as ExportedBody);
    response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const libraries = new Map<string, Probed>();
  const deadly: string[] = [];
  const heldBack = new Set<string>();
  let [isEmbedded, isFinished, errors] = [false, false, ''];
  try {
    for (let tries = 0; tries <= MAX_DEADLY; tries++) {
      const flags = ['--import', besideThis('guard'), '--import', importFile, ...evaluated(folder, loading, deadly)];
      const { told, said } = await runProcess(folder, flags, environmentFor(env, `http://127.0.0.1:${port}`));
      errors = said.slice(0, MAX_ERRORS);
      const tried = told.filter((line) => 'library' in line);
      for (const line of tried) libraries.set(line.library, line);
      for (const line of told) {
        if ('heldBack' in line) heldBack.add(line.heldBack);
        if ('isEmbedded' in line) [isEmbedded, isFinished] = [line.isEmbedded, true];
      }
      const last = tried.at(-1);
      if (last === undefined || last.outcome !== undefined) break;
      deadly.push(last.library);
    }
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return {
    loading,
    libraries: [...libraries.values()],
    bodies,
    heldBack: [...heldBack],
    isEmbedded,
    isFinished,
    errors,
  };
}

/** The address of a file of this folder, in the form that it has: source or compiled. */
function besideThis(name: string): string {
  return new URL(`${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url).href;
}

/** Code given to Node itself is resolved in its working directory, as a file of the application there would be. */
function evaluated(folder: string, loading: Loading, without: readonly string[]): string[] {
  const file = JSON.stringify(besideThis('probed'));
  const task = `{ folder: ${JSON.stringify(folder)}, without: ${JSON.stringify(without)}, load: (name) => ${loading}(name) }`;
  const type = loading === 'import' ? 'module' : 'commonjs';
  return [`--input-type=${type}`, '--eval', `import(${file}).then(({ probe }) => probe(${task}));`];
}

/** The application's environment, save what says where telemetry goes, or that there is none. */
function environmentFor(env: NodeJS.ProcessEnv, url: string): NodeJS.ProcessEnv {
  const isKept = (name: string) =>
    !name.startsWith('OTEL_EXPORTER_OTLP_') || /TEMPORALITY_PREFERENCE|HISTOGRAM_AGGREGATION/.test(name);
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => isKept(name)));
  // An agent that a library starts when it is loaded would report this process by its token.
  const { OTEL_SDK_DISABLED: _, OTEL_CONFIG_FILE: __, NODE_OPTIONS: ___, AIKIDO_TOKEN: ____, ...rest } = kept;
  return {
    ...rest,
    VIGIL_DOCTOR: url,
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_TRACES_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  };
}

async function runProcess(folder: string, flags: readonly string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, flags, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  const end = (): void => void child.kill('SIGKILL');
  const timer = setTimeout(end, PROCESS_MS);
  process.once('exit', end);
  const lines = child.stdio[3] as Readable;
  const [told, said] = await Promise.all([text(lines), text(child.stderr!), once(child, 'exit')]);
  clearTimeout(timer);
  process.off('exit', end);
  return {
    told: told
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Told),
    said,
  };
}

/** @returns a specifier for `--import`: a file's address, or what was given where it names a package */
export function importSpecifier(file: string): string {
  return /^[./]/.test(file) ? pathToFileURL(file).href : file;
}
