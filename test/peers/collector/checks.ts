/** Named checks, each with a bound: a line as it ends, and the count of all at the end. */
export interface Checks {
  /** Runs one; what it throws fails it, and the rest goes on. */
  check(name: string, run: () => Promise<void> | void): Promise<void>;
  finish(): void;
}

/** Besides the bounds of what each waits for: nothing hangs for longer. */
const CHECK_WITHIN_MS = 150_000;

export function createChecks(): Checks {
  let passed = 0;
  let failed = 0;
  return {
    async check(name, run) {
      const beganMs = performance.now();
      const bound = Promise.withResolvers<never>();
      const cap = setTimeout(() => bound.reject(new Error(`not done in ${CHECK_WITHIN_MS / 1000} s`)), CHECK_WITHIN_MS);
      try {
        await Promise.race([run(), bound.promise]);
        passed++;
        console.log(`ok   ${name} (${((performance.now() - beganMs) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failed++;
        console.log(`FAIL ${name}: ${error instanceof Error ? error.message : error}`);
      } finally {
        clearTimeout(cap);
      }
    },
    finish(): never {
      console.log(`${passed} passed, ${failed} failed`);
      // What a failed check left behind ends with us.
      process.exit(failed > 0 ? 1 : 0);
    },
  };
}
