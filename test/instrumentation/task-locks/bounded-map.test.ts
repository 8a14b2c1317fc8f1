import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBoundedMap } from '../../../instrumentation/task-locks/bounded-map.ts';

/** Enough operations for several moves to a new Map. */
const MANY = 6000;

test('holds the newest entries in their order, whatever was removed before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.infiniteStream(fc.nat(60)), (most, keys) => {
      const map = createBoundedMap<number, number>(most);
      let model: (readonly [number, number])[] = [];
      for (let i = 0; i < MANY; i++) {
        const key = keys.next().value as number;
        const known = model.find(([one]) => one === key);
        model = model.filter(([one]) => one !== key);
        if (i % 3 === 0) expect(map.take(key)).toBe(known?.[1]);
        else {
          map.set(key, i);
          model = [...model, [key, i] as const].slice(-most);
        }
      }
      expect([...map.entries()]).toEqual(model);
      expect(map.size).toBe(model.length);
    }),
    { numRuns: 10 },
  );
});
