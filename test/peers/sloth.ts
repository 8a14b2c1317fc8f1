/**
 * Our rules and those that Sloth generates of the same objectives, in one real rule engine over the same data: burn rates
 * must be equal, and alerts fire together but for the guards that ours have. What Sloth does otherwise is claimed, too, so
 * that a version that changes it is noticed.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { builtInObjectives } from '../../aggregator/domain/built-in-objectives.ts';
import type { Slo } from '../../aggregator/reports/report.ts';
import { testRules } from './parity/unit-tests.ts';
import {
  alertClaims,
  type Claim,
  periodClaims,
  STEP,
  seriesClaims,
  stretchClaims,
  unevenTrafficClaims,
} from './sloth/assertions.ts';
import { MINUTES, makeCounters } from './sloth/course.ts';
import { generateBySloth } from './sloth/spec.ts';
import { built } from './stores/servers.ts';

const RULES_FILE = resolve(import.meta.dirname, '../../otel-config/prometheus/rules.yaml');
const slos: readonly Slo[] = builtInObjectives;

function missingPart(): string | undefined {
  if (spawnSync('promtool', ['--version']).error !== undefined) return 'promtool is missing: install Prometheus';
  try {
    built('sloth-0.16.0/sloth');
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

async function compare(): Promise<number> {
  const { file, rules } = generateBySloth(slos);
  const success = slos.find(({ id }) => id === 'mutation-success');
  if (success === undefined) throw new Error('there is no objective mutation-success');
  const claims: Claim[] = [
    ...stretchClaims(success),
    ...slos.flatMap((slo) => [...seriesClaims(slo), ...periodClaims(slo), ...alertClaims(slo)]),
    ...unevenTrafficClaims(success),
  ];
  const end = MINUTES - STEP;
  const found = await testRules([RULES_FILE, file], {
    name: 'Sloth and ours',
    evaluationMinutes: STEP,
    series: makeCounters(),
    assertions: claims.map(({ expr, value, minute = end }) => ({ expr, minute, value })),
  });
  const failed = claims.filter(({ expr }) => found.includes(`expr: ${JSON.stringify(expr)},`));
  for (const claim of claims) console.log(`${failed.includes(claim) ? 'FAIL' : 'ok  '} ${claim.title}`);
  console.log(`${rules.length} rules of Sloth’s, ${MINUTES / STEP} evaluations`);
  if (found !== '') console.log(found.slice(0, 6000));
  const failures = found === '' ? 0 : Math.max(1, failed.length);
  console.log(`${claims.length - failures} passed, ${failures} failed`);
  return failures;
}

const missing = missingPart();
if (missing === undefined) process.exitCode = (await compare()) === 0 ? 0 : 1;
else {
  console.log(`skipped: ${missing}`);
  console.log(process.env['REQUIRE_REAL'] === '1' ? '0 passed, 1 failed' : '0 passed, 0 failed');
  process.exitCode = process.env['REQUIRE_REAL'] === '1' ? 1 : 0;
}
