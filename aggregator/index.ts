/**
 * An aggregator inside an application: its endpoints and its page below `/monitoring`, fed by the application's own
 * OpenTelemetry SDK without a wire. `@vigil/otel-config` has to be installed beside it.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inProcessTelemetry } from '@vigil/otel-config';
import type { Hono } from 'hono';
import { compose, layGround, openEmbedded } from './composition.ts';
import { type Configuration, readConfiguration, variables } from './config.ts';
import { type FastifyLike, fastifyPlugin, honoApp, type NodeHandler, nodeHandler } from './http/mounting.ts';
import { EMBEDDED_PAGE_BASE, MOUNT_PATH } from './http/paths.ts';
import { openLog } from './log.ts';
import { openPolicy } from './objectives/policy.ts';
import { BodyError, type Receiver } from './otlp/receiver.ts';

/** What has no meaning without a server of its own, or without a store of its own. */
type ForeignOption =
  | 'host'
  | 'port'
  | 'store'
  | 'ingestKeys'
  | Extract<
      keyof Configuration,
      `prometheus${'Url' | 'Tenant' | 'BearerToken' | 'Username' | 'Password' | 'ServiceLabel'}`
    >;

/**
 * As the variables of the service, which hold where an option is absent (`MONITORING_RETENTION_DAYS` for
 * `retentionDays`). Two defaults differ: `dataDirectory` is `./vigil-data`, and `logLevel` `warn`.
 */
export type AggregatorOptions = Partial<Omit<Configuration, ForeignOption>>;

export interface EmbeddedAggregator {
  /** To be mounted at `/monitoring`: `app.route('/monitoring', aggregator.app)`. */
  readonly app: Hono;
  /** For Express and node:http: `app.use('/monitoring', aggregator.handler)`. */
  readonly handler: NodeHandler;
  /** For Fastify: `app.register(aggregator.fastify)`. */
  readonly fastify: (instance: FastifyLike) => Promise<void>;
  /** For `start` of `@vigil/otel-config`: the reader and the span processor that feed this aggregator. */
  readonly sdk: ReturnType<typeof sdkOf>;
  /** The key that reads, where one was made: the file that holds it. */
  readonly keyFile: string | undefined;
  /**
   * Writes everything to the disk and lets the data directory go; afterwards nothing is taken or answered. Call it after
   * the SDK was shut down. A process that ends without it loses nothing that was collected.
   */
  close(): Promise<void>;
}

/**
 * Opens the store, replays its journal, and begins to judge. One process a data directory.
 * @throws TypeError naming each option that cannot be used, StoreFileError when the directory cannot be used or another
 * process uses it
 */
export function createAggregator(options: AggregatorOptions = {}): EmbeddedAggregator {
  const configuration = withoutTraces(configurationOf(options));
  const log = openLog(configuration.logLevel);
  const policy = openPolicy(configuration, (problem) => log.error(problem));
  const ground = layGround(configuration, log, policy);
  const opened = openEmbedded(ground);
  try {
    const composed = compose(ground, opened, { pageBase: EMBEDDED_PAGE_BASE });
    composed.startAlerts();
    const handler = nodeHandler(composed.app);
    let closing: Promise<void> | undefined;
    return {
      app: honoApp(composed.app),
      handler,
      fastify: fastifyPlugin(MOUNT_PATH, handler),
      sdk: sdkOf(opened.receiver, composed.isClosing),
      keyFile: ground.keptKey?.path,
      close: () => (closing ??= composed.close()),
    };
  } catch (error) {
    opened.close();
    throw error;
  }
}

/** In a process of `vigil-doctor` the application's own store stays closed: its place takes one that goes with the process. */
function withoutTraces(configuration: Configuration): Configuration {
  if (!process.env['VIGIL_DOCTOR']) return configuration;
  const dataDirectory = mkdtempSync(join(tmpdir(), 'vigil-doctor-'));
  process.once('exit', () => rmSync(dataDirectory, { recursive: true, force: true }));
  return { ...configuration, dataDirectory };
}

function sdkOf(receiver: Receiver, isClosing: () => boolean) {
  const { metricReader, spanProcessor } = inProcessTelemetry((signal, bytes) => {
    if (isClosing()) throw new BodyError('unavailable', 'the aggregator is closed');
    receiver.take({ signal, bytes, encoding: 'protobuf', gzip: false });
  });
  return { metricReaders: [metricReader], spanProcessors: [spanProcessor] };
}

const FOREIGN: ReadonlySet<string> = new Set<ForeignOption>([
  'host',
  'port',
  'store',
  'ingestKeys',
  'prometheusUrl',
  'prometheusTenant',
  'prometheusBearerToken',
  'prometheusUsername',
  'prometheusPassword',
  'prometheusServiceLabel',
]);

/** Options become what their variables would hold, so that there is one set of rules. */
function configurationOf(options: AggregatorOptions): Configuration {
  const names = new Map<string, string>();
  const env: Record<string, string | undefined> = { MONITORING_DATA_DIR: './vigil-data', MONITORING_LOG_LEVEL: 'warn' };
  for (const [field, { name }] of Object.entries(variables)) {
    if (FOREIGN.has(field)) continue;
    names.set(name, field);
    const given = options[field as keyof AggregatorOptions];
    if (process.env[name]) env[name] = process.env[name];
    if (given !== undefined) env[name] = Array.isArray(given) ? given.join(',') : String(given);
  }
  const known = new Set(names.values());
  const unknown = Object.keys(options).filter((option) => !known.has(option));
  const result = readConfiguration(env);
  const problems = unknown.map((option) => `${option} is no option`);
  if (!result.ok)
    problems.push(...result.problems.map(({ variable, mend }) => `${names.get(variable) ?? variable} ${mend}`));
  if (!result.ok || problems.length > 0) throw new TypeError(`createAggregator: ${problems.join('; ')}.`);
  return result.configuration;
}
