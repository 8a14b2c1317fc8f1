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

/** @param most entries kept, at least 1 */
export function createBoundedMap<Key, Value>(most: number): BoundedMap<Key, Value> {
  const entries = new Map<Key, Value>();
  return {
    get size() {
      return entries.size;
    },
    get: (key) => entries.get(key),
    has: (key) => entries.has(key),
    set(key, value) {
      entries.delete(key);
      if (entries.size >= most) entries.delete(entries.keys().next().value as Key);
      entries.set(key, value);
    },
    take(key) {
      const value = entries.get(key);
      entries.delete(key);
      return value;
    },
    entries: () => entries.entries(),
    clear: () => entries.clear(),
  };
}
