/** `vigil-doctor`, which is `vigil doctor` too: looks at an installation from the application's side. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type Asked, examine } from './examine.ts';
import { exitCodeOf, renderJson, renderText } from './finding.ts';

export const USAGE = `Usage: vigil-doctor [--json] [--strict] [--quick] [FOLDER]

Looks at the installation of the application in FOLDER (.), with the environment that the application has: address,
key, clock, versions, hooks, what is exported, and whether it arrives. Nothing that counts as telemetry leaves it.

  --json              the report as JSON: {version, folder, service, findings: [{id, level, message, mend, evidence}], counts}
  --strict            warnings count as errors
  --quick             starts no processes: hooks, and what is exported, are not looked at
  --import FILE       what the application gives to node --import in place of @vigil/otel-config/register
  --aggregator URL    the aggregator, where telemetry goes through a Collector
  --prometheus URL    a Prometheus that shall scrape the aggregator (PROMETHEUS_URL)
  --redis URL         the Redis that holds locks (REDIS_URL)
  --grafana URL       a Grafana with the dashboards (GRAFANA_URL, with GRAFANA_API_KEY)

MONITORING_API_KEY, a key that reads, lets it ask the aggregator what arrives.
Exit code: 0 without errors, 1 with errors (with --strict also with warnings), 2 when it could not be run.
`;

const options = {
  json: { type: 'boolean' },
  strict: { type: 'boolean' },
  quick: { type: 'boolean' },
  help: { type: 'boolean' },
  import: { type: 'string' },
  aggregator: { type: 'string' },
  prometheus: { type: 'string' },
  redis: { type: 'string' },
  grafana: { type: 'string' },
} as const;

/** @returns the exit code */
export async function doctor(args: readonly string[]): Promise<number> {
  let given: ReturnType<typeof parse>;
  try {
    given = parse(args);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  const { values, positionals } = given;
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const folder = resolve(positionals[0] ?? '.');
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    process.stderr.write(`${folder} is no folder.\n`);
    return 2;
  }
  try {
    const report = await examine(askedOf(folder, values));
    process.stdout.write(values.json ? renderJson(report) : renderText(report));
    return exitCodeOf(report, values.strict ?? false);
  } catch (error) {
    process.stderr.write(`vigil-doctor could not look at ${folder}: ${(error as Error).message}\n`);
    return 2;
  }
}

function askedOf(folder: string, values: ReturnType<typeof parse>['values']): Asked {
  const { env } = process;
  /** An empty variable counts as absent. */
  const variable = (name: string) => env[name] || undefined;
  return {
    folder,
    env,
    importFile: values.import,
    probes: !values.quick,
    aggregator: values.aggregator,
    prometheus: values.prometheus ?? variable('PROMETHEUS_URL'),
    redis: values.redis ?? variable('REDIS_URL'),
    grafana: values.grafana ?? variable('GRAFANA_URL'),
  };
}

function parse(args: readonly string[]) {
  return parseArgs({ args: [...args], options, allowPositionals: true });
}
