/** The laws of the threat score and of reputation. */
import { sqlInjectionPatterns } from '@vigil/semconv';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClientBlocks, RISK_LEVELS, reputationScore, riskOf } from '../../../aggregator/domain/clients.ts';
import {
  graphqlThreat,
  type ThreatEvents,
  type ThreatInput,
  threatLevel,
  threatScore,
} from '../../../aggregator/domain/threat.ts';

const count = fc.nat({ max: 1_000_000 });
const age = fc.double({ min: 0, max: 24, noNaN: true });
const events: fc.Arbitrary<ThreatEvents> = fc.record({
  ageHours: age,
  sqli: fc.array(fc.record({ pattern: fc.constantFrom(...sqlInjectionPatterns, 'constructor'), count }), {
    maxLength: 4,
  }),
  csrf: count,
  origin: count,
  rateLimit: count,
  requests: count,
  blocked: count,
});
const input: fc.Arbitrary<ThreatInput> = fc.record({
  events: fc.array(events, { maxLength: 8 }),
  clientAgesHours: fc.array(age, { maxLength: 50 }),
});
const scoreOf = (given: ThreatInput) => threatScore(given).score;

describe('the threat score', () => {
  test('lies in [0, 100), and its components add up to it', () => {
    fc.assert(
      fc.property(input, (given) => {
        const { score, components } = threatScore(given);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThan(100);
        expect(components.reduce((sum, { points }) => sum + points, 0)).toBeCloseTo(score, 9);
        expect(graphqlThreat({ score, components })).toBeLessThan(1);
      }),
    );
  });

  test('rises with every kind of attack', () => {
    const more = fc.constantFrom<Partial<ThreatEvents>>(
      { sqli: [{ pattern: 'union', count: 10 }] },
      { csrf: 10 },
      { origin: 10 },
      { rateLimit: 10 },
    );
    fc.assert(
      fc.property(input, more, age, (given, attack, ageHours) => {
        const worse = { ...given, events: [...given.events, { ageHours, ...attack }] };
        expect(scoreOf(worse)).toBeGreaterThan(scoreOf(given));
        expect(scoreOf({ ...given, clientAgesHours: [...given.clientAgesHours, ageHours] })).toBeGreaterThan(
          scoreOf(given),
        );
        const blocked = { ageHours, requests: 100, blocked: 100 };
        expect(scoreOf({ ...given, events: [...given.events, blocked] })).toBeGreaterThanOrEqual(
          scoreOf({ ...given, events: [...given.events, { ageHours, requests: 100 }] }),
        );
      }),
    );
  });

  test('falls with clean requests, and when nothing happens', () => {
    fc.assert(
      fc.property(input, age, count, (given, ageHours, requests) => {
        const cleaner = { ...given, events: [...given.events, { ageHours, requests }] };
        expect(scoreOf(cleaner)).toBeLessThanOrEqual(scoreOf(given) + 1e-9);
        const later = {
          events: given.events.map((one) => ({ ...one, ageHours: one.ageHours + 6 })),
          clientAgesHours: given.clientAgesHours.map((one) => one + 6),
        };
        expect(scoreOf(later)).toBeLessThanOrEqual(scoreOf(given) + 1e-9);
      }),
    );
  });

  test('does not depend on the order of events', () => {
    const shuffled = input.chain((given) =>
      fc.tuple(fc.constant(given), fc.shuffledSubarray([...given.events], { minLength: given.events.length })),
    );
    fc.assert(
      fc.property(shuffled, ([given, others]) => {
        expect(scoreOf({ ...given, events: others })).toBe(scoreOf(given));
      }),
    );
  });

  test('silence is 0; before any data the level is unknown', () => {
    expect(scoreOf({ events: [], clientAgesHours: [] })).toBe(0);
    expect([undefined, 0, 19.99, 20, 40, 60, 74.99, 75, 100].map(threatLevel)).toEqual([
      'unknown',
      'low',
      'low',
      'guarded',
      'elevated',
      'high',
      'high',
      'critical',
      'critical',
    ]);
  });
});

describe('reputation', () => {
  const now = Date.UTC(2026, 0, 15);
  const block: fc.Arbitrary<ClientBlocks> = fc.record({
    category: fc.constantFrom('sqli', 'csrf', 'origin', 'query_analysis', 'rate_limit', 'authentication', 'new'),
    pattern: fc.constantFrom('union', 'comment', 'x'),
    count: fc.integer({ min: 1, max: 10_000 }),
    firstMs: fc.integer({ min: now - 8 * 24 * 3_600_000, max: now }),
    lastMs: fc.constant(now),
  });

  test('lies in [0, 100], falls with every block, recovers with time, and never above clean', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 10 }), block, (blocks, one) => {
        const score = reputationScore(blocks, now);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(100);
        expect(reputationScore([...blocks, one], now)).toBeLessThanOrEqual(score);
        expect(reputationScore(blocks, now + 3_600_000)).toBeGreaterThanOrEqual(score);
        expect(reputationScore(blocks.toReversed(), now)).toBe(score);
      }),
    );
  });

  test('without blocks it is 100; the bounds of risk belong to the better side', () => {
    expect(reputationScore([], now)).toBe(100);
    expect([100, 80, 79.9, 60, 59.9, 40, 39.9, 20, 19.9, 0].map(riskOf)).toEqual(
      [0, 0, 1, 1, 2, 2, 3, 3, 4, 4].map((i) => RISK_LEVELS[i]),
    );
  });
});
