import type { RowVisitor } from './block.ts';

/** All sums together; beyond it they are let go, and added up anew. */
const MAX_BYTES = 32 * 2 ** 20;
/** Questions that were asked once, with the length of their window; of those asked again the sums are kept. */
const MAX_SEEN = 4096;

/** The blocks that a question is about. */
export interface ClosedPart {
  /** The question, the kind of accumulator, and how long the window is: what readers come back with. */
  readonly asked: string;
  /** Where the window lies. */
  readonly place: string;
  /** Shows the blocks to a visitor. */
  visit(visitor: RowVisitor): void;
}

/** Adds up rows, and can go on from where another of its kind stood. */
export interface Accumulator<Sums extends { readonly byteLength: number }> extends RowVisitor {
  /** A copy of what was added so far. */
  sums(): Sums;
  /** Adds what another held. */
  add(sums: Sums): void;
}

/**
 * What the blocks of a window add up to, as long as no block changes: from one checkpoint to the next readers ask for the
 * same windows again and again, and only the open minutes differ. Nothing is ever stale: a change lets all sums go.
 */
export class ClosedSums {
  readonly #revision: () => number;
  readonly #kept = new Map<string, { readonly byteLength: number }>();
  readonly #seen = new Set<string>();
  #keptBytes = 0;
  #keptRevision = -1;

  /** @param revision changes whenever a block does */
  constructor(revision: () => number) {
    this.#revision = revision;
  }

  /** Adds what the blocks hold. */
  accumulate<Sums extends { readonly byteLength: number }>(part: ClosedPart, into: Accumulator<Sums>): void {
    this.#letGo();
    const key = `${part.asked} ${part.place}`;
    const known = this.#kept.get(key) as Sums | undefined;
    if (known !== undefined) {
      into.add(known);
      return;
    }
    part.visit(into);
    if (this.#seen.has(part.asked)) this.#keep(key, into.sums());
    else {
      if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
      this.#seen.add(part.asked);
    }
  }

  #keep(key: string, sums: { readonly byteLength: number }): void {
    if (sums.byteLength > MAX_BYTES) return;
    // While nothing arrives, windows move on and their sums stay behind.
    if (this.#keptBytes + sums.byteLength > MAX_BYTES) this.#clear();
    this.#kept.set(key, sums);
    this.#keptBytes += sums.byteLength;
  }

  #letGo(): void {
    const revision = this.#revision();
    if (revision === this.#keptRevision) return;
    this.#keptRevision = revision;
    this.#clear();
  }

  #clear(): void {
    this.#kept.clear();
    this.#keptBytes = 0;
  }
}
