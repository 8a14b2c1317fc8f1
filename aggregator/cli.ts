/** The command line. What works on the store opens it itself; the service must not run then. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { createGunzip } from 'node:zlib';
import { loadOrMakeKey } from './api-key.ts';
import { keepCompiled } from './compile-cache.js';
import { describeProblems, readConfiguration } from './config.ts';
import { deriveBurnAlerts } from './domain/burn-alerts.ts';
import { readEnvironment } from './environment.ts';
import { joinImportPaths } from './import-paths.js';
import { createOwnMetrics, type OwnMetrics } from './metrics.ts';
import { loadObjectives, withBuiltIn } from './objectives/policy.ts';
import { PolicyFileError } from './objectives/policy-source.ts';
import { writeOpenSlo } from './objectives/write-openslo.ts';
import { createDoor } from './otlp/attributes.ts';
import { BodyError, type Receiver } from './otlp/receiver.ts';
import { IMPORT_TIME_LIMITS } from './otlp/temporality.ts';
import { StoreFileError } from './store/embedded/database.ts';
import { type OpenedStore, openEmbeddedStore } from './store/embedded/open.ts';

const USAGE = `Usage:
  vigil start                               run the service, configured by environment variables or .env
  vigil import FILE…                        take OTLP/JSON lines (as the Collector's file exporter writes them; .gz too)
                                            into the store, at their original times
  vigil export [--from TIME] [--to TIME]    write what the store holds as OTLP/JSON lines to standard output;
                                            exit code 1 when something damaged had to be left out
  vigil slo validate FILE…                  check OpenSLO files: every mistake with its line; exit code 1 when there is one
  vigil slo export [FILE]                   write the objectives that a file leads to, with the built-in ones, as OpenSLO
  vigil doctor [FOLDER]                     look at the installation in an application's folder; --help tells more

import and export open the store of MONITORING_DATA_DIR (./data). The service must not be running on it.
TIME is an ISO 8601 time such as 2026-01-31T12:00:00Z.
`;

/** A mistake of the caller; the message is all there is to say. */
class UsageError extends Error {}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === 'start') return startService(rest);
  if (command === 'doctor') return examineApplication(rest);
  if (command === 'import') return importFiles(rest);
  if (command === 'export') return exportStore(rest);
  if (command === 'slo' && rest[0] === 'validate') return validateObjectives(rest.slice(1));
  if (command === 'slo' && rest[0] === 'export') return exportObjectives(rest.slice(1));
  process.stderr.write(USAGE);
  return command === undefined || command === '--help' ? 0 : 2;
}

/** Whatever goes wrong later ends the process with a code of its own. */
async function startService(rest: readonly string[]): Promise<number> {
  const flush = keepCompiled();
  const lookUpAgain = joinImportPaths();
  const { serve } = await import('./main.ts');
  lookUpAgain();
  await serve(rest);
  flush();
  return Number(process.exitCode ?? 0);
}

/** By the registration of the application in this folder, which knows its own version; else by the one beside this package. */
async function examineApplication(args: readonly string[]): Promise<number> {
  const { doctor } = (await import(doctorFile())) as typeof import('@vigil/otel-config/doctor');
  return doctor(args);
}

function doctorFile(): string {
  for (const place of [resolve('package.json'), import.meta.filename]) {
    try {
      return pathToFileURL(createRequire(place).resolve('@vigil/otel-config/doctor')).href;
    } catch {
      // Not installed there.
    }
  }
  throw new UsageError('vigil doctor needs @vigil/otel-config: npm install @vigil/otel-config @opentelemetry/api.');
}

async function importFiles(files: readonly string[]): Promise<number> {
  if (files.length === 0) throw new UsageError('vigil import needs at least one file.');
  const metrics = createOwnMetrics();
  const opened = openStore(metrics);
  let failures = 0;
  try {
    for (const file of files) failures += await importFile(opened.receiver, file);
  } finally {
    opened.close();
  }
  const points = metrics.families().find(({ name }) => name === 'aggregator_points_total')?.samples ?? [];
  const told = points.map(({ labels, value }) => `${labels[0][1]} ${value}`).join(', ');
  process.stdout.write(`points: ${told}\n`);
  return failures > 0 ? 1 : 0;
}

/** @returns lines that could not be taken, each already reported with its place */
async function importFile(receiver: Receiver, file: string): Promise<number> {
  const raw = createReadStream(file);
  await once(raw, 'open').catch((error: Error) => {
    throw new UsageError(`${file} cannot be read (${error.message}).`);
  });
  const input = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw;
  let number = 0;
  let failures = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    number++;
    if (line.trim() === '') continue;
    const problem = takeLine(receiver, line);
    if (problem === undefined) continue;
    failures++;
    process.stderr.write(`${file}:${number}: ${problem}\n`);
  }
  return failures;
}

/** @returns what was wrong with the line; undefined when all of it was taken */
function takeLine(receiver: Receiver, line: string): string | undefined {
  const signal = /^\s*\{\s*"resource(Metrics|Spans|Logs)"/.exec(line)?.[1];
  if (signal === 'Logs') return undefined;
  if (signal === undefined)
    return 'not a line of OTLP/JSON: it must begin with {"resourceMetrics" or {"resourceSpans".';
  try {
    const bytes = Buffer.from(line);
    const { message } = receiver.take({
      signal: signal === 'Metrics' ? 'metrics' : 'traces',
      bytes,
      encoding: 'json',
      gzip: false,
    });
    return message === '' ? undefined : message;
  } catch (error) {
    if (error instanceof BodyError) return error.message;
    throw error;
  }
}

/** @returns 0 when everything could be read */
async function exportStore(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { from: { type: 'string' }, to: { type: 'string' } } });
  const toMs = timeOf('--to', values.to) ?? Date.now();
  const opened = openStore(createOwnMetrics());
  let damaged = 0;
  const onDamage = ({ message }: Error): void => {
    damaged++;
    process.stderr.write(`left out: ${message}\n`);
  };
  try {
    const oldestMs = Date.now() - opened.store.state().retentionMs;
    const fromMs = timeOf('--from', values.from) ?? oldestMs;
    for (const line of opened.exportLines({ fromMs, toMs }, onDamage))
      if (!process.stdout.write(line)) await once(process.stdout, 'drain');
  } finally {
    opened.close();
  }
  return damaged > 0 ? 1 : 0;
}

/** @returns 0 when every file is good */
function validateObjectives(files: readonly string[]): number {
  if (files.length === 0) throw new UsageError('vigil slo validate needs at least one file.');
  let failures = 0;
  for (const file of files) {
    try {
      const objectives = loadObjectives(file);
      for (const { warnings } of objectives.map((objective) => deriveBurnAlerts(objective)))
        for (const warning of warnings) process.stderr.write(`${file}: warning: ${warning}\n`);
      process.stdout.write(`${file}: ${objectives.length} objectives: ${objectives.map(({ id }) => id).join(', ')}\n`);
    } catch (error) {
      if (!(error instanceof PolicyFileError)) throw error;
      failures++;
      process.stderr.write(`${error.message}\n`);
    }
  }
  return failures > 0 ? 1 : 0;
}

function exportObjectives(files: readonly string[]): number {
  if (files.length > 1) throw new UsageError('vigil slo export takes one file at most.');
  process.stdout.write(writeOpenSlo(withBuiltIn(files.length === 1 ? loadObjectives(files[0]) : [])));
  return 0;
}

function timeOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) throw new UsageError(`${option} must be an ISO 8601 time such as 2026-01-31T12:00:00Z.`);
  return ms;
}

function openStore(metrics: OwnMetrics): OpenedStore {
  const result = readConfiguration(readEnvironment(process.cwd(), process.env));
  if (!result.ok) throw new UsageError(describeProblems(result.problems));
  const { dataDirectory, retentionDays, clientAddresses } = result.configuration;
  const directory = resolve(dataDirectory);
  const secret = clientAddresses === 'pseudonym' ? loadOrMakeKey(directory, 'pseudonym-key').key : '';
  const say = (level: string) => (_fields: object, message: string) =>
    void process.stderr.write(`${level}: ${message}\n`);
  return openEmbeddedStore({
    directory,
    door: createDoor(clientAddresses, secret),
    retentionDays,
    metrics,
    log: { info: () => {}, warn: say('warning'), error: say('error') },
    timeLimits: IMPORT_TIME_LIMITS,
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const isExpected =
    error instanceof UsageError ||
    error instanceof StoreFileError ||
    error instanceof PolicyFileError ||
    (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  if (!isExpected) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
