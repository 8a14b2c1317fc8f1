import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClientCount, createClientGate } from '../../../instrumentation/security-blocks/gate.ts';
import { createKinds, type SecurityCategory } from '../../../instrumentation/security-blocks/kinds.ts';

const kinds = createKinds(64);
const sqli = kinds.of('sqli', 'union');
const flood = kinds.of('rate_limit', 'requests');
const login = kinds.of('authentication', 'credentials');

const total = (counts: readonly ClientCount[]) => counts.reduce((sum, { count }) => sum + count, 0);
const of = (counts: readonly ClientCount[], name: string) => total(counts.filter(({ client }) => client === name));

describe('admission', () => {
  it.each([
    ['sqli', 1],
    ['csrf', 1],
    ['origin', 1],
    ['query_analysis', 1],
    ['rate_limit', 10],
    ['authentication', 3],
  ] as const)('by %s: the client has a series from its block number %i', (category: SecurityCategory, needed) => {
    const gate = createClientGate(5);
    for (let i = 1; i <= needed + 2; i++) gate.record('192.0.2.1', kinds.of(category, undefined), i * 1000);
    expect(of(gate.take(60_000), '192.0.2.1')).toBe(3);
  });

  it('takes the tenth rate limit within 60 s, wherever the minute began', () => {
    const gate = createClientGate(5);
    for (let i = 0; i < 50; i++) gate.record('slow', flood, i * 6700);
    for (let i = 0; i < 10; i++) gate.record('fast', flood, 55_000 + i * 1000);
    const taken = gate.take(400_000);
    expect(of(taken, 'slow')).toBe(0);
    expect(of(taken, 'fast')).toBe(1);
    expect(total(taken)).toBe(60);
  });

  it('counts a client that is not known with the rest', () => {
    const gate = createClientGate(5);
    gate.record(undefined, sqli, 0);
    expect(gate.take(1)).toEqual([{ client: '_other', kind: sqli, count: 1 }]);
  });

  it('keeps a client admitted for its later blocks of every kind', () => {
    const gate = createClientGate(5);
    gate.record('a', sqli, 0);
    gate.record('a', login, 1);
    gate.take(2);
    gate.record('a', flood, 3);
    expect(gate.take(4)).toEqual([{ client: 'a', kind: flood, count: 1 }]);
  });

  it('forgets a client that was quiet for ten minutes', () => {
    const gate = createClientGate(5);
    gate.record('a', sqli, 0);
    gate.take(600_000);
    expect(gate.size).toBe(1);
    gate.take(600_001);
    expect(gate.size).toBe(0);
  });
});

describe('laws', () => {
  const block = fc.record({ client: fc.integer({ min: 0, max: 40 }), kind: fc.constantFrom(sqli, flood, login) });

  it('all takes together are all blocks, never more clients than places, never a count of zero', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(block, fc.constant('take')), { maxLength: 400 }),
        fc.integer({ min: 1, max: 8 }),
        (steps, places) => {
          const gate = createClientGate(places);
          const taken: ClientCount[] = [];
          let recorded = 0;
          steps.forEach((step, i) => {
            if (typeof step === 'string') taken.push(...gate.take(i * 997));
            else {
              gate.record(`c${step.client}`, step.kind, i * 997);
              recorded++;
            }
            expect(gate.size).toBeLessThanOrEqual(places);
          });
          taken.push(...gate.take(1e9));
          expect(total(taken)).toBe(recorded);
          expect(taken.every(({ count }) => count > 0)).toBe(true);
        },
      ),
    );
  });

  it('never tells more of a client than it did', () => {
    fc.assert(
      fc.property(fc.array(block, { maxLength: 300 }), (blocks) => {
        const gate = createClientGate(3);
        blocks.forEach(({ client, kind }, i) => void gate.record(`c${client}`, kind, i));
        for (const { client, kind, count } of gate.take(1e6)) {
          if (client === '_other') continue;
          const done = blocks.filter((one) => `c${one.client}` === client && one.kind === kind).length;
          expect(count).toBeLessThanOrEqual(done);
        }
      }),
    );
  });

  it('keeps whoever has more than its share of N blocks in as many places', () => {
    const gate = createClientGate(100);
    let i = 0;
    for (let round = 0; round < 2000; round++) {
      for (let light = 0; light < 8; light++) gate.record(`light${(i * 7919) % 5000}`, sqli, i++);
      for (const heavy of ['h1', 'h2']) gate.record(heavy, sqli, i);
    }
    const taken = gate.take(i);
    for (const heavy of ['h1', 'h2']) expect(of(taken, heavy)).toBe(2000);
    expect(total(taken)).toBe(2000 * 10);
  });

  it('lets the heavy ones of today in where those of last month were heavier', () => {
    const gate = createClientGate(10);
    for (let client = 0; client < 10; client++) for (let i = 0; i < 100_000; i++) gate.record(`old${client}`, sqli, 0);
    // They stay just not quiet.
    let nowMs = 0;
    for (let minute = 0; minute < 60; minute++) {
      nowMs += 60_000;
      for (let client = 0; client < 10; client++) gate.record(`old${client}`, sqli, nowMs);
    }
    gate.take(nowMs);
    for (let i = 0; i < 50; i++) {
      gate.record('new', sqli, nowMs);
      gate.record(`passer-by${i}`, sqli, nowMs);
    }
    expect(of(gate.take(nowMs), 'new')).toBeGreaterThan(40);
  });
});
