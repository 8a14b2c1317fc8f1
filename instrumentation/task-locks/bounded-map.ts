/** A map that forgets its oldest entry when it is full. */
export interface BoundedMap<Key, Value> {
  readonly size: number;
  get(key: Key): Value | undefined;
  has(key: Key): boolean;
  /** Makes the entry the newest one. */
  set(key: Key, value: Value): void;
  /** @returns the entry that was removed */
  take(key: Key): Value | undefined;
  /** Oldest first. */
  entries(): IterableIterator<[Key, Value]>;
  clear(): void;
}

/**
 * After how many removals the content moves to a new Map. V8 links each table of a Map to the one that it grew or shrank
 * into: as soon as one is in the old generation all that follow, and all that was ever in them, outlive every scavenge.
 */
const RENEWED_AFTER = 1000;

/** @param most entries kept, at least 1 */
export function createBoundedMap<Key, Value>(most: number): BoundedMap<Key, Value> {
  let entries = new Map<Key, Value>();
  let removed = 0;

  function remove(key: Key): void {
    if (!entries.delete(key) || ++removed < Math.max(RENEWED_AFTER, entries.size)) return;
    entries = new Map(entries);
    removed = 0;
  }

  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    has: (key) => entries.has(key),
    set(key, value) {
      remove(key);
      if (entries.size >= most) remove(entries.keys().next().value as Key);
      entries.set(key, value);
    },
    take(key) {
      const value = entries.get(key);
      remove(key);
      return value;
    },
    entries: () => entries.entries(),
    clear: () => entries.clear(),
  };
}
