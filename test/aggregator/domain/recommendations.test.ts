import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mutationRules, mutationsHealthy, mutationsSilent } from '../../../aggregator/domain/mutation-rules.ts';
import { LEVELS, recommend } from '../../../aggregator/domain/recommendations.ts';

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

test('every rule is complete: it can speak, names its numbers and its source, and leads somewhere', () => {
  expect(new Set(mutationRules.map(({ id }) => id)).size).toBe(mutationRules.length);
  for (const rule of mutationRules) {
    const beyond = rule.speaks === 'above' ? rule.threshold * 1.1 : rule.threshold * 0.9;
    const [{ message, evidence, action, link }] = recommend([rule], { [rule.signal]: beyond }, otherwise);
    expect(message).not.toMatch(/[{}]/);
    expect(message).toMatch(/\d.*\.$/);
    expect(evidence).toMatchObject({ value: beyond, threshold: rule.threshold, source: expect.stringMatching(/./) });
    expect(action).toMatch(/\.$/);
    expect(link).toMatch(/^\/monitoring\/.*\/$/);
    expect(recommend([rule], { [rule.signal]: rule.threshold }, otherwise)[0].id).toBe('mutations-healthy');
  }
});
