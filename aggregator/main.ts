/** The service as a process of its own: `node aggregator/main.ts`, or `vigil start`. */
import { resolve } from 'node:path';
import { type Announcement, announceLocally, isLoopback } from './announcement.ts';
import { type KeptKey, loadOrMakeKey } from './api-key.ts';
import { compose, type Groundwork, layGround, type OpenedStore, openEmbedded, openPrometheus } from './composition.ts';
import { type Configuration, describeProblems, readConfiguration, unknownVariables } from './config.ts';
import { readEnvironment } from './environment.ts';
import { keepPausesShort } from './garbage-collection.ts';
import { createBufferPool } from './http/body.ts';
import { createOtlpHandler } from './http/otlp.ts';
import { startServer } from './http/server.ts';
import { type Log, openLog } from './log.ts';
import type { MetricFamily } from './metrics.ts';
import { builtInPolicy, PolicyFileError, type PolicySource } from './objectives/policy-source.ts';
import { startOwnTelemetry } from './self/telemetry.ts';
import { whenStarterIsGone } from './starter.ts';

export interface Aggregator {
  readonly host: string;
  readonly port: number;
  /** Where the key is kept; absent when keys were configured. */
  readonly keptKey: KeptKey | undefined;
  /** May send, and nothing else: for applications on this machine. Absent where data is not sent to this service. */
  readonly localKey: string | undefined;
  /** What a scrape would show now. */
  readFamilies(): Promise<readonly MetricFamily[]>;
  /** Finishes what is in flight and writes everything to the disk. */
  close(): Promise<void>;
}

/** Bodies that are being received at the same time, together. */
const MAX_BODIES_BYTES = 256 * 1024 * 1024;
const MAX_IDLE_BUFFERS_BYTES = 32 * 1024 * 1024;
/** Below what an orchestrator waits before it kills (10 s for Docker). */
const CLOSE_CAP_MS = 8000;
/** Shorter keys can be guessed. */
const SHORTEST_GOOD_KEY = 16;

/** @throws when the data directory or a file cannot be used, or the address cannot be listened on */
export async function startAggregator(configuration: Configuration, log: Log): Promise<Aggregator> {
  const ground = layGround(configuration, log, await policyOf(configuration, log));
  const { keptKey, ownMetrics } = ground;
  const localKey = localKeyOf(ground);
  const opened = await openStore(ground);
  try {
    const composed = compose(ground, opened, { localKey });
    const { receiver } = opened;
    const pool = createBufferPool(MAX_BODIES_BYTES, MAX_IDLE_BUFFERS_BYTES);
    const otlp = createOtlpHandler({ ...composed, receiver, pool, ownMetrics, log });
    const server = await startServer({ ...configuration, app: composed.app, otlp, ownMetrics, log });
    composed.startAlerts();
    const { host, port } = server;
    const close = () => composed.close(() => server.close(CLOSE_CAP_MS));
    return { host, port, keptKey, localKey, readFamilies: composed.readFamilies, close };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** @throws PolicyFileError */
async function policyOf(configuration: Configuration, log: Log): Promise<PolicySource> {
  if (configuration.sloFile === undefined && configuration.maintenanceFile === undefined) return builtInPolicy;
  const { openPolicy } = await import('./objectives/policy.ts');
  return openPolicy(configuration, (problem) => log.error(problem));
}

function localKeyOf({ configuration: { store, ingestKeys }, directory }: Groundwork): string | undefined {
  return store === 'embedded' ? (ingestKeys[0] ?? loadOrMakeKey(directory, 'ingest-key').key) : undefined;
}

async function openStore(ground: Groundwork): Promise<OpenedStore> {
  const { store, prometheusUrl } = ground.configuration;
  return store === 'embedded' || prometheusUrl === undefined
    ? openEmbedded(ground)
    : openPrometheus(ground, prometheusUrl);
}

/**
 * The service as a process of its own: its configuration from the environment, its end by signals.
 * @param args what stood behind the command: there is nothing that it could say
 */
export async function serve(args: readonly string[]): Promise<void> {
  if (args.length > 0) {
    process.stderr.write('The service takes no arguments: it is configured by environment variables or .env.\n');
    process.exitCode = 2;
    return;
  }
  keepPausesShort();
  const env = readEnvironment(process.cwd(), process.env);
  const result = readConfiguration(env);
  if (!result.ok) {
    process.stderr.write(describeProblems(result.problems));
    process.exitCode = 1;
    return;
  }
  const { configuration } = result;
  const log = openLog(configuration.logLevel);
  const unknown = unknownVariables(env);
  if (unknown.length > 0)
    log.warn({ variables: unknown }, 'these variables are not known to this version and do nothing');
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'ended by an error that nobody handled');
    process.exit(1);
  });
  try {
    const aggregator = await startAggregator(configuration, log);
    announce(aggregator, configuration, log);
    const announcement = announceToApplications(aggregator, log);
    void startOwnTelemetry(env, aggregator.readFamilies, log);
    closeOnSignal(aggregator, log, announcement);
  } catch (error) {
    log.fatal({ err: error }, describeStartError(error, configuration));
    process.exitCode = 1;
  }
}

function announce({ host, port, keptKey }: Aggregator, configuration: Configuration, log: Log): void {
  const address = addressOf(host, port);
  log.info({ address, data_directory: resolve(configuration.dataDirectory), node: process.version }, 'listening');
  if (configuration.apiKeys.some((key) => key.length < SHORTEST_GOOD_KEY))
    log.warn(`a key of MONITORING_API_KEY has fewer than ${SHORTEST_GOOD_KEY} characters and may be guessed`);
  if (keptKey === undefined) return;
  log.info({ path: keptKey.path, made: keptKey.made }, 'the key to read and send is kept in this file');
  // A log is kept and shipped; a terminal is looked at.
  if (process.stdout.isTTY) process.stdout.write(`\nVigil listens on ${address}\nKey: ${keptKey.key}\n\n`);
}

/** Applications of this user need no variables then; without it they do, so a failure ends nothing. */
function announceToApplications({ host, port, localKey }: Aggregator, log: Log): Announcement | undefined {
  if (localKey === undefined || !isLoopback(host)) return undefined;
  try {
    const announcement = announceLocally({ url: addressOf(host, port), ingestKey: localKey, pid: process.pid });
    if (announcement === undefined) log.info('applications on this machine find another aggregator that runs already');
    else log.info({ path: announcement.path }, 'applications of this user on this machine find this one by themselves');
    return announcement;
  } catch (error) {
    log.info({ err: error }, 'applications on this machine must be told the address and the key');
    return undefined;
  }
}

function addressOf(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The first signal closes in good order, the second at once. */
function closeOnSignal(aggregator: Aggregator, log: Log, announcement: Announcement | undefined): void {
  let closing = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (closing) process.exit(1);
    closing = true;
    log.info({ signal }, 'closing');
    announcement?.withdraw();
    aggregator.close().then(
      () => {
        log.info('closed');
        process.exit(0);
      },
      (error: unknown) => {
        log.fatal({ err: error }, 'closing failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  // No second signal: after Ctrl-C the shell may be gone before the service.
  whenStarterIsGone(() => {
    if (!closing) onSignal('SIGTERM');
  });
}

function describeStartError(error: unknown, { host, port }: Configuration): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (error instanceof PolicyFileError)
    return `MONITORING_SLO_FILE or MONITORING_MAINTENANCE_FILE cannot be used:\n${error.message}`;
  if (code === 'EADDRINUSE') return `port ${port} on ${host} is taken by another process: choose another with PORT`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') return `${host} is no address of this machine: check HOST`;
  if (code === 'EACCES') return `port ${port} or the data directory may not be used by this user`;
  return error instanceof Error ? error.message : 'the service could not start';
}

if (import.meta.main) await serve(process.argv.slice(2));
