import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idempotencyRules } from '../../../aggregator/domain/idempotency-rules.ts';
import { mutationRules, mutationsHealthy, mutationsSilent } from '../../../aggregator/domain/mutation-rules.ts';
import { LEVELS, recommend } from '../../../aggregator/domain/recommendations.ts';
import { securityRules } from '../../../aggregator/domain/security-rules.ts';

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

const tables = { mutationRules, idempotencyRules, securityRules };

test('no two rules have the same id', () => {
  const ids = Object.values(tables).flatMap((rules) => rules.map(({ id }) => id));
  expect(new Set(ids).size).toBe(ids.length);
});

test.each(Object.entries(tables))(
  '%s are complete: each can speak, names its numbers and its source, and leads somewhere',
  (_, rules) => {
    for (const rule of rules) {
      const beyond =
        rule.speaks === 'below' ? rule.threshold * 0.9 : rule.threshold * 1.1 + (rule.unit === 'count' ? 1 : 0);
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
