/** A binary heap that gives its lightest item, and whose items may grow heavier in place. */

/** What a heap needs to know of an item. It writes `position` itself. */
export interface Weighted {
  weight: number;
  position: number;
}

/** Adds an item, in O(log n). */
export function pushItem<Item extends Weighted>(heap: Item[], item: Item): void {
  item.position = heap.length;
  heap.push(item);
  rise(heap, item);
}

/** Puts an item in its place after its weight grew, in O(log n). */
export function sink<Item extends Weighted>(heap: Item[], item: Item): void {
  let at = item.position;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]!.weight < heap[child]!.weight) child++;
    if (heap[child]!.weight >= item.weight) break;
    place(heap, heap[child]!, at);
    at = child;
  }
  place(heap, item, at);
}

/** Takes out any item, in O(log n). */
export function removeItem<Item extends Weighted>(heap: Item[], item: Item): void {
  const last = heap.pop();
  if (last === undefined || last === item) return;
  place(heap, last, item.position);
  sink(heap, last);
  rise(heap, last);
}

function rise<Item extends Weighted>(heap: Item[], item: Item): void {
  let at = item.position;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]!.weight <= item.weight) break;
    place(heap, heap[parent]!, at);
    at = parent;
  }
  place(heap, item, at);
}

function place<Item extends Weighted>(heap: Item[], item: Item, at: number): void {
  heap[at] = item;
  item.position = at;
}
