/**
 * The service held against its own OpenAPI document by Schemathesis: all of its checks, with requests that the document
 * allows and ones that it does not, over a service that has data and one that has none. That the tester would notice is
 * tried with a document that promises something else.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { STREAM_PATH } from '../../aggregator/http/paths.ts';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';
import { type ScenarioName, scenarioBodies } from '../support/scenarios.ts';
import { installPython } from './install-python.ts';

/** A run that takes longer hangs. */
const RUN_MS = 60_000;

/** As much of the tester's report as is looked at. */
interface Report {
  readonly complete: boolean;
  readonly operations: { readonly selected: number; readonly tested: number };
  readonly phases: Readonly<Record<string, { readonly status: string }>>;
  readonly test_cases: { readonly generated: number; readonly unique_failures: number; readonly errored: number };
}

interface Trial {
  readonly name: string;
  readonly scenario: ScenarioName;
  readonly phases: readonly string[];
  /** Random requests for each path, of the allowed and of the forbidden ones. */
  readonly cases: number;
  /** Options of the tester. */
  readonly further: readonly string[];
}

/** An open stream never ends, so each of its requests takes as long as the tester waits: it has a run of its own. */
const OTHERS = ['--exclude-path', STREAM_PATH];
const STREAM = ['--include-path', STREAM_PATH, '--max-time', '8'];

/** What the document has no example of a parameter for, and no stateful links, the tester leaves out by itself. */
const trials: readonly Trial[] = [
  { name: 'edges, with data', scenario: 'incident', phases: ['examples', 'coverage'], cases: 1, further: OTHERS },
  { name: 'random requests, with data', scenario: 'incident', phases: ['fuzzing'], cases: 25, further: OTHERS },
  { name: 'random requests, without data', scenario: 'empty', phases: ['fuzzing'], cases: 10, further: OTHERS },
  { name: 'the stream', scenario: 'normal', phases: ['coverage'], cases: 1, further: STREAM },
];

const programs = await installPython(join(import.meta.dirname, 'openapi/requirements.txt'));
const folder = mkdtempSync(join(tmpdir(), 'vigil-openapi-'));
let passed = 0;
let failed = 0;

/** @param problem absent where all was well */
function tell(name: string, problem: string | undefined): void {
  if (problem === undefined) passed++;
  else failed++;
  console.log(problem === undefined ? `passed: ${name}` : `failed: ${name}\n${problem}`);
}

/** One run of the tester. Rejects when it does not end in time. */
async function examine(
  document: string,
  { phases, cases, further }: Pick<Trial, 'phases' | 'cases' | 'further'>,
): Promise<{ readonly report: Report; readonly words: string }> {
  const reportFile = join(folder, 'report.json');
  const settings = ['--checks', 'all', '--phases', phases.join(), '--max-examples', String(cases), '--seed', '1'];
  const output = ['--continue-on-failure', '--no-color', '--report', 'json', '--report-json-path', reportFile];
  const key = ['--header', `X-Monitoring-API-Key: ${KEY}`];
  const options = { cwd: folder, timeout: RUN_MS, killSignal: 'SIGKILL' } as const;
  rmSync(reportFile, { force: true });
  const words = await new Promise<string>((done, fail) => {
    execFile(
      join(programs, 'schemathesis'),
      ['run', document, ...key, ...settings, ...output, ...further],
      options,
      (error, stdout, stderr) =>
        error?.killed ? fail(new Error(`not done within ${RUN_MS} ms\n${stdout}`)) : done(stdout + stderr),
    );
  });
  return { report: JSON.parse(readFileSync(reportFile, 'utf8')) as Report, words };
}

function problemOf({ complete, operations, phases, test_cases }: Report, asked: readonly string[]): string | undefined {
  if (test_cases.unique_failures > 0 || test_cases.errored > 0) return 'it found something';
  if (!complete || operations.tested === 0 || operations.tested < operations.selected)
    return 'not everything was tried';
  const other = asked.filter((phase) => phases[phase]?.status !== 'success');
  return other.length === 0 ? undefined : `${other.join(' and ')} did not succeed`;
}

async function start(scenario: ScenarioName): Promise<RunningAggregator> {
  const aggregator = await startAggregator();
  for (const body of scenarioBodies(scenario, Date.now())) {
    const { status } = await aggregator.post('/v1/metrics', body, { 'Content-Type': 'application/json' });
    if (status !== 200) throw new Error(`points were answered with ${status}`);
  }
  return aggregator;
}

async function runTrial(trial: Trial): Promise<void> {
  const aggregator = await start(trial.scenario);
  try {
    const { report, words } = await examine(`${aggregator.url}/openapi.json`, trial);
    const problem = problemOf(report, trial.phases);
    tell(`${trial.name}: ${report.test_cases.generated} cases`, problem && `${problem}\n${words}`);
    const broken = aggregator
      .log()
      .split('\n')
      .find((line) => line.includes('answer failed'));
    tell(`${trial.name}: nothing broke inside`, broken);
  } finally {
    await aggregator.stop('SIGKILL');
  }
}

/** The document without a status that comes: the tester has to see it. */
async function runControl(): Promise<void> {
  const aggregator = await start('normal');
  try {
    const document = await aggregator.json<{ paths: Record<string, { get: { responses: Record<string, object> } }> }>(
      '/openapi.json',
    );
    delete document.paths['/monitoring/slo/'].get.responses['400'];
    const file = join(folder, 'openapi.json');
    writeFileSync(file, JSON.stringify(document));
    const only = ['--url', aggregator.url, '--include-path', '/monitoring/slo/'];
    const { report, words } = await examine(file, { phases: ['coverage'], cases: 1, further: only });
    const seen = report.test_cases.unique_failures > 0;
    tell('a document that is silent about an error is found out', seen ? undefined : words);
  } finally {
    await aggregator.stop('SIGKILL');
  }
}

const steps = [
  ...trials.map((trial) => [trial.name, () => runTrial(trial)] as const),
  ['control', runControl] as const,
];
for (const [name, step] of steps)
  await step().catch((error: unknown) => tell(name, error instanceof Error ? error.message : String(error)));
rmSync(folder, { recursive: true });
console.log(`${passed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
