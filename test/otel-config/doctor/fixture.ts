/** An application's folder with real packages, and the doctor as a process of its own that looks at it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ToldAs } from '../../../otel-config/doctor/catalogue.ts';
import type { Finding, Report } from '../../../otel-config/doctor/finding.ts';
import { temporaryDirectory } from '../../support/aggregator.ts';
import { endWithUs } from '../../support/end-with-us.ts';
import { environmentOfRun } from '../../support/environment.ts';
import { toldAs } from './claims.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
export const MAIN = join(ROOT, 'otel-config/doctor/main.ts');
export const CLI = join(ROOT, 'aggregator/cli.ts');

export interface Application {
  readonly folder: string;
  put(file: string, content: string): void;
  /** Installs a package of this repository or of its dependencies, as `npm install FOLDER` does: by a link. */
  link(name: string, source?: string): void;
}

/** @param packages beside the registration and the API */
export function makeApplication(...packages: readonly string[]): Application {
  const folder = temporaryDirectory();
  const app: Application = {
    folder,
    put(file, content) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), content);
    },
    link(name, source = name) {
      const place = join(folder, 'node_modules', name);
      mkdirSync(dirname(place), { recursive: true });
      symlinkSync(join(ROOT, 'node_modules', source), place);
    },
  };
  const start = 'node --import @vigil/otel-config/register app.js';
  app.put('package.json', JSON.stringify({ name: 'shop', version: '1.2.3', scripts: { start } }));
  for (const name of ['@vigil/otel-config', '@opentelemetry/api', ...packages]) app.link(name);
  return app;
}

/** What the environment says where telemetry goes to an aggregator. */
export function sendingTo(url: string, key: string): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: `X-Monitoring-API-Key=${key}` };
}

export interface Told {
  readonly report: Report;
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
  /** The one finding that is told so. @throws where there is none, are several, or one of the same id is told otherwise */
  find(told: ToldAs): Finding;
}

export interface DoctorOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Arguments of Node itself. */
  readonly node?: readonly string[];
  /** The user that it runs as. @default who runs the tests */
  readonly uid?: number;
  /** The file that is run. @default MAIN */
  readonly main?: string;
}

/** Runs it without processes of its own, for all that needs none. */
export function runQuickly(folder: string, options: DoctorOptions = {}): Promise<Told> {
  return runDoctor(folder, { ...options, args: [...(options.args ?? []), '--quick'] });
}

/** Runs it in the folder with `--json`, with nothing of this machine's own environment. */
export async function runDoctor(folder: string, options: DoctorOptions = {}): Promise<Told> {
  const { args = [], main = MAIN, ...rest } = options;
  const { code, output, errors } = await runDoctorText(folder, { ...rest, main, args: [...args, '--json'] });
  const report = JSON.parse(output) as Report;
  const lines = toldAs(report.findings);
  const find = (told: ToldAs): Finding => {
    const at = lines.indexOf(told);
    const others = report.findings.filter((one, i) => i !== at && one.id === told.split(' ')[1]);
    if (at === -1 || others.length > 0) throw new Error(`not "${told}" alone in ${output}`);
    return report.findings[at];
  };
  return { report, code, output, errors, find };
}

export async function runDoctorText(folder: string, options: DoctorOptions = {}) {
  const { args = [], env = {}, node = [], main = MAIN, uid } = options;
  const child = spawn(process.execPath, [...node, main, ...args], {
    cwd: folder,
    uid,
    env: { ...environmentOfRun(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  endWithUs(child);
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { output, errors, code: code as number | null };
}
