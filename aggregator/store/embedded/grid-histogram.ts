import type { Histogram } from '../../domain/histogram.ts';
import { cellsOf, type GridCells, type GridRange, type LevelSums, rangeOf } from './grid.ts';

/**
 * One group's histogram on the grid. Its cells are made when somebody looks at them: most answers need the count of every
 * mutation, and the percentiles of ten.
 */
export class GridHistogram implements Histogram {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
  readonly #levels: readonly LevelSums[];
  readonly #group: number;
  #range: GridRange | undefined;
  #cells: GridCells | undefined;

  constructor(levels: readonly LevelSums[], group: number, sum: number, min: number, max: number) {
    let count = 0;
    for (const { total } of levels) count += total[group];
    this.count = count;
    this.sum = sum;
    this.min = min;
    this.max = max;
    this.#levels = levels;
    this.#group = group;
  }

  get range(): GridRange {
    this.#range ??= rangeOf(this.#levels, this.#group);
    return this.#range;
  }

  get edges(): Float64Array {
    return this.#onGrid().edges;
  }

  get counts(): Float64Array {
    return this.#onGrid().counts;
  }

  #onGrid(): GridCells {
    this.#cells ??= cellsOf(this.range);
    return this.#cells;
  }
}
