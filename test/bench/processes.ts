/** Other processes that a benchmark measures: started on one core, timed by the processor time they used. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, delimiter, join } from 'node:path';

/** The core that is measured, and the one that the load comes from. */
const MEASURED_CORE = '0';
const LOAD_CORE = '1';

export interface Measured {
  readonly process: ChildProcess;
  /** Processor time used so far, user and system, in seconds. */
  cpuSeconds(): number;
  /** Resident memory in bytes. */
  residentBytes(): number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Whether processes can be bound to cores here. */
export const canPin = process.platform === 'linux' && findProgram('taskset') !== undefined;

/** Binds this process, which makes the load, to its own core. */
export function pinLoad(): void {
  if (canPin) execFileSync('taskset', ['-p', '-c', LOAD_CORE, String(process.pid)], { stdio: 'ignore' });
}

/** Starts a program on the measured core and waits until its address answers anything at all. */
export async function startMeasured(
  command: string,
  args: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly cwd?: string; readonly url: string },
): Promise<Measured> {
  const [program, ...rest] = canPin ? ['taskset', '-c', MEASURED_CORE, command, ...args] : [command, ...args];
  const env = { ...process.env, ...options.env };
  const child = spawn(program, rest, { env, cwd: options.cwd, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk).slice(-4000);
  });
  const exited = once(child, 'exit');
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}: ${said}`);
    if (tries > 1200) throw new Error(`${command} does not answer: ${said}`);
    const answer = await fetch(options.url).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer !== undefined) break;
    await new Promise((done) => setTimeout(done, 25));
  }
  const pid = child.pid as number;
  return {
    process: child,
    cpuSeconds: () => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
      return (Number(fields[11]) + Number(fields[12])) / 100;
    },
    residentBytes: () => {
      const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
      return Number(kib?.[1] ?? 0) * 1024;
    },
    stop: async (signal = 'SIGTERM') => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      await exited;
    },
  };
}

/** Folders of the tools that the checks build, each of a version. */
function builtTools(): string[] {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vigil-ci');
  return existsSync(cache)
    ? readdirSync(cache)
        .sort()
        .map((name) => join(cache, name))
    : [];
}

/** A server that the checks build in a folder of its name and version; undefined where it was not built. */
export function findBuilt(name: string): { readonly file: string; readonly version: string } | undefined {
  const folder = builtTools().findLast((path) => basename(path).startsWith(`${name}-`));
  if (folder === undefined || !existsSync(join(folder, name))) return undefined;
  return { file: join(folder, name), version: basename(folder).slice(name.length + 1) };
}

/** Where a program is, on the path or in the folder where the checks keep the tools that they build. */
export function findProgram(name: string): string | undefined {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...builtTools()]) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {}
  }
  return undefined;
}
