/** `npm run grafana:import`: brings the committed dashboards into a Grafana; with `--check` only says what differs. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { connectGrafana, GrafanaError } from './grafana-api.ts';
import { checkDashboards, type ImportedDashboard, type ImportPlan, importDashboards } from './import-dashboards.ts';

const USAGE = `Usage: npm run grafana:import -- [--check] [--folder TITLE] [--no-overwrite] [--timeout SECONDS]

  GRAFANA_URL           address of the Grafana server
  GRAFANA_API_KEY       token of a service account that may write dashboards
  MONITORING_PUBLIC_URL address of the aggregator's page, for the links to it

  --check         changes nothing and says what differs; exits 1 when something does
  --folder TITLE  folder to put them into (Vigil); made when it is not there
  --no-overwrite  leaves a dashboard that differs as it is, and fails
  --timeout N     seconds that a call may take (10)
`;

/** A mistake of the caller; the message is all there is to say. */
class UsageError extends Error {}

const MAX_TIMEOUT_SECONDS = 300;

function readOptions() {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      check: { type: 'boolean', default: false },
      folder: { type: 'string', default: 'Vigil' },
      overwrite: { type: 'boolean', default: true },
      timeout: { type: 'string', default: '10' },
      help: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.timeout);
  if (!(seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS))
    throw new UsageError(`--timeout takes a number of seconds up to ${MAX_TIMEOUT_SECONDS}.`);
  const uid = values.folder
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
    .slice(0, 40);
  if (uid === '') throw new UsageError('--folder takes a title with letters or digits.');
  return { ...values, timeoutMs: seconds * 1000, folder: { uid, title: values.folder } };
}

function httpAddress(name: string): string | undefined {
  const text = process.env[name];
  if (text === undefined || text === '') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '')
    throw new UsageError(`${name} must be an address such as https://grafana.example.com`);
  return text.replace(/\/+$/, '');
}

/** The committed dashboards, their link to the page set where its address is known. */
function readDashboards(page: string | undefined): ImportedDashboard[] {
  const folder = join(import.meta.dirname, 'json');
  return globSync('*.json', { cwd: folder })
    .sort()
    .map((file) => {
      const dashboard = JSON.parse(readFileSync(join(folder, file), 'utf8'));
      const variable = dashboard.templating.list.find(({ name }: { name: string }) => name === 'page');
      if (page !== undefined)
        Object.assign(variable, { query: page, current: { selected: true, text: page, value: page } });
      return dashboard;
    });
}

async function main(): Promise<number> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (existsSync('.env')) process.loadEnvFile('.env');
  const url = httpAddress('GRAFANA_URL');
  const key = process.env['GRAFANA_API_KEY'];
  if (url === undefined) throw new UsageError(`GRAFANA_URL is missing.\n\n${USAGE}`);
  if (key === undefined || !/^[\x21-\x7e]+$/.test(key))
    throw new UsageError(`GRAFANA_API_KEY is missing, or no token.\n\n${USAGE}`);
  const plan: ImportPlan = {
    dashboards: readDashboards(httpAddress('MONITORING_PUBLIC_URL')),
    folder: options.folder,
    overwrite: options.overwrite,
  };
  const grafana = connectGrafana({ url, key, timeoutMs: options.timeoutMs });
  if (!options.check) {
    for (const [title, outcome] of await importDashboards(grafana, plan))
      process.stdout.write(`${title}: ${outcome}\n`);
    return 0;
  }
  const found = await checkDashboards(grafana, plan);
  for (const [title, told] of found) process.stdout.write(`${title}:\n${told.map((line) => `  ${line}\n`).join('')}`);
  if (found.size === 0) process.stdout.write('Nothing differs.\n');
  return found.size === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isExpected =
    error instanceof UsageError ||
    error instanceof GrafanaError ||
    (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS');
  if (!isExpected) throw error;
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
