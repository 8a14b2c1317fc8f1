import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pushItem, removeItem, sink, type Weighted } from '../../../instrumentation/security-blocks/heap.ts';

const step = fc.oneof(
  fc.record({ push: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ grow: fc.nat({ max: 30 }), by: fc.integer({ min: 1, max: 50 }) }),
  fc.record({ remove: fc.nat({ max: 30 }) }),
);

test('whatever is added, grown and taken out: the lightest is first, and everyone knows their place', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap: Weighted[] = [];
      for (const one of steps) {
        if ('push' in one) pushItem(heap, { weight: one.push, position: -1 });
        else if (heap.length === 0) continue;
        else if ('grow' in one) {
          const item = heap[one.grow % heap.length]!;
          item.weight += one.by;
          sink(heap, item);
        } else removeItem(heap, heap[one.remove % heap.length]!);
        expect(heap.map(({ position }) => position)).toEqual(heap.map((_, i) => i));
        if (heap.length > 0) expect(heap[0]!.weight).toBe(Math.min(...heap.map(({ weight }) => weight)));
      }
    }),
  );
});
