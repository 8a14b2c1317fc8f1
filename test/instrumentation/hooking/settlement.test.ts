import { describe, expect, it } from 'vitest';
import { observeSettlement } from '../../../instrumentation/hooking/settlement.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function observe(result: unknown): unknown[] {
  const told: unknown[] = [];
  observeSettlement(result, (value, failed) => told.push(failed ? ['failed', value] : value));
  return told;
}

describe('observeSettlement', () => {
  it.each([[1], ['text'], [null], [undefined], [JSON.parse('{"then":5}')], [[]]])('tells %j at once', (value) => {
    expect(observe(value)).toEqual([value]);
  });

  it('tells how a promise ends, beside its owner', async () => {
    const error = new Error('no');
    const rejected = Promise.reject(error);
    const told = [observe(Promise.resolve(1)), observe(rejected)];
    expect(told).toEqual([[], []]);
    await expect(rejected).rejects.toBe(error);
    expect(told).toEqual([[1], [['failed', error]]]);
  });

  /** Starts its work when `then` is called, as query builders do; each call runs another query. */
  class Query {
    starts = 0;
    readonly #row = 'row';
    // biome-ignore lint/suspicious/noThenProperty: this is the thing to test
    then(onFulfilled?: (row: string) => unknown, onRejected?: (error: unknown) => unknown): Promise<unknown> {
      this.starts++;
      const work = this.starts > 1 ? Promise.reject(new Error('ran twice')) : Promise.resolve(this.#row);
      return work.then(onFulfilled, onRejected);
    }
    catch(onRejected: (error: unknown) => unknown): Promise<unknown> {
      return this.then(undefined, onRejected);
    }
  }

  it('never starts a lazy thenable, and sees the one start of its owner', async () => {
    const query = new Query();
    const told = observe(query);
    await turn();
    expect([query.starts, told]).toEqual([0, []]);
    expect(await query).toBe('row');
    expect([query.starts, told]).toEqual([1, ['row']]);
  });

  it('does not change what a thenable answers, nor its other methods', async () => {
    const failing = new Query();
    failing.starts = 1;
    const told = observe(failing);
    expect(await failing.catch((error) => String(error))).toBe('Error: ran twice');
    expect(told).toEqual([['failed', new Error('ran twice')]]);
    const query = new Query();
    observe(query);
    expect(await query.then((row) => `${row}!`)).toBe('row!');
    expect(Object.keys(query)).toEqual(['starts']);
  });

  it('treats a promise with a then of its own as lazy', async () => {
    let starts = 0;
    class Lazy extends Promise<number> {
      // biome-ignore lint/suspicious/noThenProperty: this is the thing to test
      override then<A, B>(...args: Parameters<Promise<number>['then']>): Promise<A | B> {
        starts++;
        return super.then(...args) as Promise<A | B>;
      }
    }
    const lazy = new Lazy((resolve) => resolve(3));
    const told = observe(lazy);
    await turn();
    expect(starts).toBe(0);
    expect(await lazy).toBe(3);
    expect([starts, told]).toEqual([1, [3]]);
  });

  it('leaves a frozen thenable alone', async () => {
    let starts = 0;
    const frozen = Object.freeze({
      // biome-ignore lint/suspicious/noThenProperty: this is the thing to test
      then(onFulfilled: (value: number) => void) {
        starts++;
        onFulfilled(4);
      },
    });
    const told = observe(frozen);
    expect(await frozen).toBe(4);
    expect([starts, told]).toEqual([1, []]);
  });
});
