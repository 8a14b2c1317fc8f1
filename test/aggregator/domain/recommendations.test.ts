import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idempotencyRules } from '../../../aggregator/domain/idempotency-rules.ts';
import { mutationRules, mutationsHealthy, mutationsSilent } from '../../../aggregator/domain/mutation-rules.ts';
import { LEVELS, recommend } from '../../../aggregator/domain/recommendations.ts';
import { securityRules } from '../../../aggregator/domain/security-rules.ts';
import { telemetryRules } from '../../../aggregator/domain/telemetry-rules.ts';

const otherwise = { healthy: mutationsHealthy, silent: mutationsSilent };
const value = fc.option(fc.double({ min: 0, max: 10, noNaN: true }), { nil: undefined });
const signals = fc.record({ success_rate: value, p95: value, p99: value });

test('whatever the signals: something is said, worst first, and only by rules whose threshold is crossed', () => {
  fc.assert(
    fc.property(signals, (given) => {
      const spoken = recommend(mutationRules, given, otherwise);
      expect(spoken.length).toBeGreaterThan(0);
      const ranks = spoken.map(({ level }) => LEVELS.indexOf(level));
      expect(ranks).toEqual(ranks.toSorted());
      const crossed = mutationRules.filter(({ signal, speaks, threshold }) => {
        const number = given[signal as keyof typeof given];
        return number !== undefined && (speaks === 'above' ? number > threshold : number < threshold);
      });
      expect(new Set(spoken.map(({ id }) => id))).toEqual(
        crossed.length > 0
          ? new Set(crossed.map(({ id }) => id))
          : new Set([
              Object.values(given).every((number) => number === undefined) ? 'mutations-no-data' : 'mutations-healthy',
            ]),
      );
    }),
  );
});

const tables = { mutationRules, idempotencyRules, securityRules, telemetryRules };

test('no two rules have the same id', () => {
  const ids = Object.values(tables).flatMap((rules) => rules.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(Object.entries(tables))(
  '%s are complete: each can speak, names its numbers and its source, and leads somewhere',
  (_, rules) => {
    for (const rule of rules) {
      const beyond =
        rule.speaks === 'below'
          ? rule.threshold * 0.9
          : rule.threshold * 1.1 + (rule.unit === 'count' || rule.threshold === 0 ? 1 : 0);
      const [{ message, evidence, action, link }] = recommend([rule], { [rule.signal]: beyond }, otherwise);
      expect(message).not.toMatch(/[{}]/);
      expect(message).toMatch(/\d.*\.$/);
      expect(evidence).toMatchObject({ value: beyond, threshold: rule.threshold, source: expect.stringMatching(/./) });
      expect(action).toMatch(/\.$/);
      expect(link).toMatch(/^\/monitoring\/.*\/$/);
      const onIt = recommend([rule], { [rule.signal]: rule.threshold }, otherwise)[0].id;
      expect(onIt).toBe(rule.speaks === 'from' ? rule.id : 'mutations-healthy');
      if (rule.until !== undefined)
        expect(recommend([rule], { [rule.signal]: rule.until }, otherwise)[0].id).toBe('mutations-healthy');
    }
  },
);

/** What users are promised: the signal, the last value on which nothing is said and the first on which something is. */
const PROMISED: readonly (readonly [signal: string, quiet: number, loud: number, id: string, level: string])[] = [
  ['success_rate', 0.95, 0.9499, 'mutation-success-rate', 'warning'],
  ['p95', 0.5, 0.5001, 'mutation-p95', 'warning'],
  ['p99', 3, 3.001, 'mutation-p99', 'critical'],
  ['duplicate_rate', 0.0099, 0.01, 'duplicate-rate', 'warning'],
  ['duplicate_rate', 0.0299, 0.03, 'duplicate-rate-critical', 'critical'],
  ['duplicate_rate', 0.005, 0.0049, 'duplicate-rate-excellent', 'info'],
  ['escaped_duplicates', 0, 1, 'duplicate-escaped', 'critical'],
  ['lock_fault_rate', 0.05, 0.0501, 'lock-faults', 'warning'],
  ['broken_lease_rate', 0.01, 0.0101, 'broken-leases', 'warning'],
  ['threat_score', 75, 75.01, 'threat-score', 'critical'],
  ['sqli_attempts', 49, 50, 'sqli-attempts', 'warning'],
  ['rate_limit_violations', 100, 101, 'rate-limit-violations', 'warning'],
  ['detected_only', 0, 1, 'detected-not-blocked', 'warning'],
  ['refusing', 0, 1, 'telemetry-refused', 'critical'],
  ['damaged_blocks', 0, 1, 'blocks-damaged', 'warning'],
  ['silence', 300, 301, 'telemetry-stopped', 'warning'],
  ['overflowed_series', 0, 1, 'series-overflowed', 'warning'],
  ['rejected_points', 0, 1, 'points-rejected', 'warning'],
];

test.each(PROMISED)('%s: nothing at %d, and at %d %s', (signal, quiet, loud, id, level) => {
  const rules = Object.values(tables).flat();
  const said = (value: number) => recommend(rules, { [signal]: value }, otherwise);
  expect(said(quiet).map((one) => one.id)).not.toContain(id);
  expect(said(loud).find((one) => one.id === id)).toMatchObject({ level, evidence: { signal, value: loud } });
});

test('every rule is promised', () => {
  const ids = Object.values(tables).flatMap((rules) => rules.map((rule) => rule.id));
  expect(new Set(PROMISED.map(([, , , id]) => id))).toEqual(new Set(ids));
});

test('a p95 above what one in a hundred may take is said too; silence is told in words', () => {
  const [{ message }] = recommend(mutationRules, { p95: 1.2 }, otherwise);
  expect(message).toContain('It is above 1000 ms too');
  expect(recommend(mutationRules, { p95: 0.9 }, otherwise)[0].message).not.toContain('above 1000 ms');
  expect(recommend(telemetryRules, { silence: 5400 }, otherwise)[0].message).toBe(
    'Nothing has arrived for 1.5 hours; applications send at least once in 5 minutes.',
  );
  expect(recommend(telemetryRules, { refusing: 45.316 }, otherwise)[0].message).toContain('been refused for 45 s:');
});
