import type { RowVisitor } from './block.ts';
import { type BlockSource, type Run, TIER_MINUTES, visitRun } from './tiers.ts';

/** The sums of one generation together; there are two. */
const MAX_BYTES = 16 * 2 ** 20;
/** What an entry takes beside its sums: its key, the object, its place in the table. */
const ENTRY_BYTES = 256;
/** Questions that were asked once, and runs that were added up once; of those that come again the sums are kept. */
const MAX_SEEN = 16_384;

interface Sized {
  readonly byteLength: number;
}

/** Adds up rows, and can go on from where another of its kind stood. */
export interface Accumulator<Sums extends Sized> extends RowVisitor {
  /** What was added so far; nothing that is added later changes it. */
  sums(): Sums;
  /** Adds what another held, which does not change meanwhile. */
  add(sums: Sums): void;
}

/** What is asked about blocks. */
export interface ClosedQuestion<Sums extends Sized> {
  /** The question and the kind of accumulator. */
  readonly name: string;
  /** Their first and last minutes name them: adjoining, in the order of time, with what is kept for ever at the end. */
  readonly runs: readonly Run[];
  /** An accumulator of this question that holds nothing. */
  create(): Accumulator<Sums>;
}

/**
 * What blocks add up to. Windows that end now have most of their runs in common, whatever their length, and a window of
 * the next minute has them in common with the one before: a checkpoint changes a few blocks only. So the sums of runs are
 * kept, and, between two checkpoints, those of whole windows, which readers ask for again and again, and of what windows that
 * end together share. Nothing is ever stale:
 * the name of a sum says in which revision its blocks were written.
 */
export class ClosedSums {
  readonly #source: BlockSource;
  /** Sums that were of use since the last change of blocks, or since there were too many. */
  #young = new Map<string, Sized>();
  /** Those of the time before: who needs one again takes it over, the others are let go. */
  #old = new Map<string, Sized>();
  #youngBytes = 0;
  #revision = -1;
  readonly #seen = new Set<string>();

  constructor(source: BlockSource) {
    this.#source = source;
  }

  /** Adds what the blocks hold. */
  accumulate<Sums extends Sized>(question: ClosedQuestion<Sums>, into: Accumulator<Sums>): void {
    const { name, runs } = question;
    if (runs.length === 0) return;
    const { revision } = this.#source;
    if (revision !== this.#revision) this.#grow();
    this.#revision = revision;
    const key = this.#stretch(question);
    const known = this.#find<Sums>(key);
    if (known !== undefined) {
      into.add(known);
      return;
    }
    this.#addRuns(question, into);
    if (runs.length > 1 && this.#isAskedAgain(`${name} ${runs[runs.length - 1].to - runs[0].from}`))
      this.#keep(key, into.sums());
  }

  #addRuns<Sums extends Sized>(question: ClosedQuestion<Sums>, into: Accumulator<Sums>): void {
    const shared = this.#sumsOfShared(question);
    const runs = shared === undefined ? question.runs : question.runs.slice(0, coarsestOf(question.runs));
    // All that comes from elsewhere first: adding up has one set of columns that is used again and again.
    const sums = runs.map((run) => this.#sumsOf(question, run));
    for (const each of [...sums, shared]) if (each !== undefined) into.add(each);
    runs.forEach((run, i) => {
      if (sums[i] === undefined) visitRun(this.#source, run, into);
    });
  }

  /**
   * What windows of any length that end together have in common, from the first of their coarsest blocks on; undefined when
   * nobody asked for it before, or it is one run.
   */
  #sumsOfShared<Sums extends Sized>(question: ClosedQuestion<Sums>): Sums | undefined {
    const first = coarsestOf(question.runs);
    if (first === 0 || first === question.runs.length - 1) return undefined;
    const shared = { ...question, runs: question.runs.slice(first) };
    const key = this.#stretch(shared);
    const known = this.#find<Sums>(key);
    if (known !== undefined || !this.#isAskedAgain(key)) return known;
    const own = question.create();
    this.#addRuns(shared, own);
    const sums = own.sums();
    this.#keep(key, sums);
    return sums;
  }

  /** Names what lies between two minutes, as it is now. */
  #stretch({ name, runs }: Pick<ClosedQuestion<Sized>, 'name' | 'runs'>): string {
    return `${name} ${runs[0].from} ${runs[runs.length - 1].to} in ${this.#revision}`;
  }

  /** What a run adds up to; undefined when nobody asked for it before, or it has no blocks. */
  #sumsOf<Sums extends Sized>({ name, create }: ClosedQuestion<Sums>, run: Run): Sums | undefined {
    const state = this.#stateOf(run);
    if (state === undefined) return undefined;
    const key = `${name} ${run.tier} ${run.from} ${run.to} in ${state}`;
    const known = this.#find<Sums>(key);
    if (known !== undefined || !this.#isAskedAgain(key)) return known;
    const own = create();
    visitRun(this.#source, run, own);
    const sums = own.sums();
    this.#keep(key, sums);
    return sums;
  }

  /** Changes whenever a block of the run does; undefined when it has none. */
  #stateOf({ tier, from, to }: Run): string | undefined {
    let newest = -1;
    let blocks = 0;
    for (let period = from; period < to; period += TIER_MINUTES[tier]) {
      const revision = this.#source.writtenIn(tier, period);
      if (revision === undefined) continue;
      blocks++;
      if (revision > newest) newest = revision;
    }
    return blocks === 0 ? undefined : `${blocks} ${newest}`;
  }

  #isAskedAgain(asked: string): boolean {
    if (this.#seen.has(asked)) return true;
    if (this.#seen.size >= MAX_SEEN) this.#seen.clear();
    this.#seen.add(asked);
    return false;
  }

  #find<Sums extends Sized>(key: string): Sums | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young as Sums;
    const old = this.#old.get(key);
    if (old !== undefined) this.#keep(key, old);
    return old as Sums | undefined;
  }

  #keep(key: string, sums: Sized): void {
    const bytes = sums.byteLength + ENTRY_BYTES;
    if (bytes > MAX_BYTES) return;
    if (this.#youngBytes + bytes > MAX_BYTES) this.#grow();
    this.#young.set(key, sums);
    this.#youngBytes += bytes;
  }

  #grow(): void {
    this.#old = this.#young;
    this.#young = new Map();
    this.#youngBytes = 0;
  }
}

/** Where the first run of the coarsest blocks is. */
function coarsestOf(runs: readonly Run[]): number {
  let coarsest = 0;
  for (let i = 1; i < runs.length; i++) if (runs[i].tier > runs[coarsest].tier) coarsest = i;
  return coarsest;
}
