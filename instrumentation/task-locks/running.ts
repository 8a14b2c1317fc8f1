/** The instrumentation that observes this process, found also by another copy of this package, and the rules of the user. */
import type { KeyRule } from './key-names.ts';
import type { Watch } from './watch.ts';

const RUNNING = Symbol.for('vigil.instrumentation.task-locks');
const RULES = Symbol.for('vigil.instrumentation.task-locks.rules');

const shared = globalThis as { [RUNNING]?: Watch | undefined; [RULES]?: KeyRule[] };

/**
 * Makes a watch the one of this process.
 * @returns false when another one is: two would count every lock twice
 */
export function setRunning(watch: Watch): boolean {
  shared[RUNNING] ??= watch;
  if (shared[RUNNING] !== watch) return false;
  watch.names.addRules(shared[RULES] ?? []);
  return true;
}

/** The watch of this process; undefined when nothing observes it. */
export function running(): Watch | undefined {
  return shared[RUNNING];
}

/** Ends that, when it still is the one. */
export function clearRunning(watch: Watch): void {
  if (shared[RUNNING] === watch) shared[RUNNING] = undefined;
}

/**
 * Says how keys are to be read, from any place of an application and at any time; also for an instrumentation that is
 * not running yet. Rules are tried in the order in which they came.
 */
export function addKeyRules(rules: readonly KeyRule[]): void {
  shared[RULES] = [...(shared[RULES] ?? []), ...rules];
  shared[RUNNING]?.names.addRules(rules);
}
