/**
 * What tests of the doctor claim: `error key.sending`, a level and an id in a text of its own, stands in a test only
 * where a real doctor has told so. Every file of tests holds its own claims against what was told while it ran.
 */
import { readFileSync } from 'node:fs';
import { afterAll, expect, type RunnerTask } from 'vitest';
import type { ToldAs } from '../../../otel-config/doctor/catalogue.ts';
import type { Finding } from '../../../otel-config/doctor/finding.ts';

const CLAIM = /'((?:ok|info|warning|error) [a-z_]+\.[a-z_-]+)'/g;
const told = new Set<string>();

/** Findings by level and id, noted as told. */
export function toldAs(findings: readonly Finding[]): ToldAs[] {
  const lines = findings.map(({ id, level }) => `${level} ${id}` as ToldAs);
  for (const line of lines) told.add(line);
  return lines;
}

/** The claims in a file's text. */
export function claimsIn(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(CLAIM)].map(([, claim]) => claim);
}

/** At the end of a file of tests: whatever it claims was told, unless some of its tests did not run. */
export function holdClaims(file: string): void {
  // What a file before this one was told, in the same process, is not this one's.
  told.clear();
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of its fixtures here.
  afterAll(({}, suite) => {
    if (suite.tasks.some(isLeftOut)) return;
    expect(claimsIn(file).filter((claim) => !told.has(claim))).toEqual([]);
  });
}

export function holdsClaims(file: string): boolean {
  return /^holdClaims\(import\.meta\.filename\);$/m.test(readFileSync(file, 'utf8'));
}

function isLeftOut(task: RunnerTask): boolean {
  return task.type === 'suite' ? task.tasks.some(isLeftOut) : task.mode !== 'run';
}
