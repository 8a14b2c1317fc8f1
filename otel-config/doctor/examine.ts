/** All checks, in the order in which telemetry travels. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { packageAttributes } from '../package-attributes.ts';
import { checkArrival } from './arrival.ts';
import { checkDestination, type Destination } from './destination.ts';
import { checkEnding } from './ending.ts';
import { type Finding, finding, ok, type Report, reportOf } from './finding.ts';
import { checkGrafana } from './grafana.ts';
import {
  checkApiCopies,
  checkLibraryCopies,
  checkManifest,
  checkNode,
  checkRegistration,
  registerOf,
} from './installation.ts';
import { importSpecifier, type ProbeResult, probeInstallation } from './probe.ts';
import { exportedService, exportFindings, hookFindings } from './probe-findings.ts';
import { checkPrometheus } from './prometheus.ts';
import { checkRedis } from './redis.ts';
import { checkSdkCopies } from './sdk-copies.ts';
import { checkSettings } from './settings.ts';

export interface Asked {
  /** The application's. */
  readonly folder: string;
  /** The application's, and this process's. */
  readonly env: NodeJS.ProcessEnv;
  /** What the application gives to `--import`, where that is not our registration. */
  readonly importFile: string | undefined;
  /** Whether processes are started that load the application's libraries. */
  readonly probes: boolean;
  /** Base addresses; each is asked only where it is given. */
  readonly aggregator: string | undefined;
  readonly prometheus: string | undefined;
  readonly redis: string | undefined;
  readonly grafana: string | undefined;
}

export async function examine(asked: Asked): Promise<Report> {
  const { folder, env } = asked;
  const register = registerOf(folder);
  const findings: Finding[] = [
    checkNode(process.versions.node),
    ...checkManifest(folder),
    ...checkRegistration(folder, register, env),
    ...(register === undefined ? [] : [...checkApiCopies(folder, register), ...checkSdkCopies(folder, register)]),
    ...checkSettings(),
  ];
  const probed = await probeBoth(asked, register);
  if (probed.length > 0) findings.push(...hookFindings(probed), ...exportFindings(probed[0]!));
  const libraries = new Set(probed.flatMap((one) => one.libraries.map(({ library }) => library)));
  findings.push(...checkLibraryCopies(folder, [...libraries]), ...checkEnding(folder));
  const service = probed.map(exportedService).find((name) => name !== undefined) ?? serviceOf(folder, env);
  const isEmbedded = probed.some((one) => one.isEmbedded) || mentionsEmbedding(asked);
  const sends = Object.keys(env).some((name) => /^OTEL_EXPORTER_OTLP_(?:METRICS_)?ENDPOINT$/.test(name));
  const destination = isEmbedded && !sends ? EMBEDDED : await checkDestination(env);
  findings.push(...destination.findings);
  const aggregator = asked.aggregator ?? destination.aggregator;
  if (aggregator !== undefined)
    findings.push(...(await checkArrival(aggregator, service, destination, env['MONITORING_API_KEY'] || undefined)));
  findings.push(...(await checkBeside(asked, libraries)));
  return reportOf(folder, service, findings);
}

/** Nothing has to be reached, and the store is the application's own: it is not opened beside it. */
const EMBEDDED: Destination = {
  aggregator: undefined,
  headers: {},
  findings: [
    ok('destination.embedded', 'an aggregator stands in the application itself: telemetry goes nowhere else.'),
  ],
};

/** Without a process of its own, by the text of the file that is given to `--import`. */
function mentionsEmbedding({ folder, importFile, probes }: Asked): boolean {
  if (probes || importFile === undefined) return false;
  try {
    return /\bcreateAggregator\b/.test(readFileSync(resolve(folder, importFile), 'utf8'));
  } catch {
    return false;
  }
}

/** What hold locks. */
const REDIS_CLIENTS = ['ioredis', '@redis/client', 'bullmq', 'redlock'];

/** What stands beside the application, each where its address is known. */
async function checkBeside(
  { prometheus, redis, grafana, env }: Asked,
  libraries: ReadonlySet<string>,
): Promise<Finding[]> {
  const usesRedis = REDIS_CLIENTS.some((name) => libraries.has(name));
  const found = await Promise.all([
    prometheus === undefined ? [] : checkPrometheus(prometheus),
    redis === undefined ? (usesRedis ? [notAskedRedis()] : []) : checkRedis(redis),
    grafana === undefined ? [] : checkGrafana(grafana, env['GRAFANA_API_KEY'] || undefined),
  ]);
  return found.flat();
}

function notAskedRedis(): Finding {
  const message =
    'a client of Redis is installed, and nothing says where Redis is: it was not asked whether it drops locks.';
  return finding('info', 'redis.reachable', message, 'Run this again with --redis URL.');
}

/** Neither where nothing could be registered. */
async function probeBoth(
  { folder, env, importFile, probes }: Asked,
  register: string | undefined,
): Promise<ProbeResult[]> {
  const file =
    importFile === undefined ? register : importFile.startsWith('.') ? resolve(folder, importFile) : importFile;
  if (file === undefined || !probes) return [];
  const ways = ['import', 'require'] as const;
  return Promise.all(ways.map((loading) => probeInstallation(folder, importSpecifier(file), loading, env)));
}

function serviceOf(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  const given = /(?:^|,)\s*service\.name=([^,]*)/.exec(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '')?.[1];
  return env['OTEL_SERVICE_NAME'] || given || packageAttributes(join(folder, 'package.json'))['service.name'];
}
