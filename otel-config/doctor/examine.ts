/** All checks, in the order in which telemetry travels. */
import { join } from 'node:path';
import { packageAttributes } from '../package-attributes.ts';
import { checkArrival } from './arrival.ts';
import { checkDestination } from './destination.ts';
import { checkEnding } from './ending.ts';
import { type Finding, type Report, reportOf } from './finding.ts';
import { checkApiCopies, checkNode, checkRegistration, registerOf } from './installation.ts';
import { checkSettings } from './settings.ts';

export interface Asked {
  /** The application's. */
  readonly folder: string;
  /** The application's, and this process's. */
  readonly env: NodeJS.ProcessEnv;
  /** What the application gives to `--import`, where that is not our registration. */
  readonly importFile: string | undefined;
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
    ...checkRegistration(folder, register, env),
    ...(register === undefined ? [] : checkApiCopies(folder, register)),
    ...checkSettings(),
  ];
  const service = serviceOf(folder, env);
  findings.push(...checkEnding(folder));
  const destination = await checkDestination(env);
  findings.push(...destination.findings);
  const aggregator = asked.aggregator ?? destination.aggregator;
  if (aggregator !== undefined)
    findings.push(...(await checkArrival(aggregator, service, destination.headers, env['MONITORING_API_KEY'])));
  return reportOf(folder, service, findings);
}

function serviceOf(folder: string, env: NodeJS.ProcessEnv): string | undefined {
  const given = /(?:^|,)\s*service\.name=([^,]*)/.exec(env['OTEL_RESOURCE_ATTRIBUTES'] ?? '')?.[1];
  return env['OTEL_SERVICE_NAME'] || given || packageAttributes(join(folder, 'package.json'))['service.name'];
}
