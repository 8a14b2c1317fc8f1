/** Every finding of the doctor, at every level that it has, is provoked somewhere in these tests. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { telemetryRules } from '../../../aggregator/domain/telemetry-rules.ts';
import { CATALOGUE } from '../../../otel-config/doctor/catalogue.ts';
import { claimsIn, holdsClaims } from './claims.ts';

const files = globSync('*.test.ts', { cwd: import.meta.dirname }).map((name) => join(import.meta.dirname, name));
const claimed = new Set(files.filter((file) => file !== import.meta.filename).flatMap(claimsIn));

test('by a test that fails where it is not told', () => {
  const all = Object.entries(CATALOGUE).flatMap(([id, levels]) => levels.map((level) => `${level} ${id}`));
  expect(all.filter((claim) => !claimed.has(claim))).toEqual([]);
});

test('what the aggregator says of its telemetry, too', () => {
  // That nothing arrives, or is taken, the doctor says itself.
  const rules = telemetryRules.filter(({ id }) => !['telemetry-stopped', 'telemetry-refused'].includes(id));
  const all = rules.map(({ id, level }) => `${level} aggregator.${id}`);
  expect(all.filter((claim) => !claimed.has(claim))).toEqual([]);
  expect([...claimed].some((claim) => claim.startsWith('warning aggregator.shared-identity-'))).toBe(true);
});

test('files that claim something hold it against what was told', () => {
  const claiming = files.filter((file) => file !== import.meta.filename && claimsIn(file).length > 0);
  expect(claiming.length).toBeGreaterThan(3);
  expect(claiming.filter((file) => !holdsClaims(file))).toEqual([]);
});
