/** Runs an application in a process of its own, with our registration or bare. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../support/end-with-us.ts';
import { environmentOfRun } from '../support/environment.ts';

export const REGISTER = fileURLToPath(new URL('../../otel-config/register.ts', import.meta.url));

/** A file given to `node --import`, here or in the folder of the applications. */
export function app(name: string): string {
  return fileURLToPath(new URL(`apps/${name}`, import.meta.url));
}

export interface AppOptions {
  readonly args?: readonly string[];
  /** Files for `--import`, in order; our registration unless said otherwise. */
  readonly imports?: readonly string[];
  /** Files for `--require`, in order. */
  readonly requires?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called when the application has printed a line that begins with "ready". */
  readonly whenReady?: (child: ChildProcess, line: string) => void | Promise<void>;
}

export interface AppEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From when it was ready, or was started where it does not say so, to its end: starting takes as long as it takes. */
  readonly elapsedMs: number;
}

/** Nothing of the machine's own OTEL_ variables gets in. */
export async function runApp(file: string, options: AppOptions = {}): Promise<AppEnd> {
  const { args = [], imports = [REGISTER], requires = [], env = {}, whenReady } = options;
  let startMs = performance.now();
  const flags = [requires.map((path) => ['--require', path]), imports.map((path) => ['--import', path])].flat(2);
  const child = spawn(process.execPath, [...flags, file, ...args], {
    env: { ...environmentOfRun(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithUs(child);
  let seen = '';
  let isReady = false;
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
    const line = /^ready.*$/m.exec(seen)?.[0];
    if (line === undefined || isReady) return;
    isReady = true;
    startMs = performance.now();
    void whenReady?.(child, line);
  });
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ]);
  return { code, signal, stdout, stderr, elapsedMs: performance.now() - startMs };
}
