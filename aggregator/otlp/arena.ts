/**
 * Length of an array that must grow: by a quarter, so that at most a fifth of it lies idle, and not half as with doubling.
 * All copies together are four times the array, which costs less than what fills it.
 */
export function grownLength(length: number): number {
  return length + Math.max(1024, length >> 2);
}

/**
 * Blocks of doubles of any length in one growing array, so that a hundred thousand small states are no objects to the
 * garbage collector. A block is named by its first index.
 */
export class Arena {
  /** Replaced by a larger one when it must grow: never keep a reference across `allocate`. */
  values = new Float64Array(1 << 12);
  #top = 0;
  /** First indexes of freed blocks, by length. */
  readonly #free = new Map<number, number[]>();

  /** Doubles in use or free for re-use. */
  get length(): number {
    return this.#top;
  }

  /** Length of the block that `allocate(n)` gives: a multiple of four, so that freed blocks fit again. */
  static capacity(n: number): number {
    return (n + 3) & ~3;
  }

  /** First index of a block of at least `n` zeros. */
  allocate(n: number): number {
    const capacity = Arena.capacity(n);
    const free = this.#free.get(capacity);
    if (free !== undefined && free.length > 0) {
      const at = free.pop() as number;
      this.values.fill(0, at, at + capacity);
      return at;
    }
    const at = this.#top;
    this.#top += capacity;
    if (this.#top > this.values.length) {
      const grown = new Float64Array(Math.max(grownLength(this.values.length), this.#top));
      grown.set(this.values.subarray(0, at));
      this.values = grown;
    }
    return at;
  }

  /** Gives back a block that `allocate(n)` returned. */
  release(at: number, n: number): void {
    const capacity = Arena.capacity(n);
    const free = this.#free.get(capacity);
    if (free === undefined) this.#free.set(capacity, [at]);
    else free.push(at);
  }

  /** Forgets every block; keeps the memory. */
  clear(): void {
    this.values.fill(0, 0, this.#top);
    this.#top = 0;
    this.#free.clear();
  }
}
