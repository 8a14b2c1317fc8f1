/** What the versions of redlock have in common. A lock is known by its value, which nobody else has. */

import type { LockOutcome, LockRelease } from '../telemetry.ts';
import { type Asked, endAttempt, observe, type Watch } from '../watch.ts';

const SYSTEM = 'redlock';

/** Apart from the keys of plain Redis locks. */
const heldKey = (value: string): string => `redlock:${value}`;

/** @param resources the first one names the task */
export function endRedlockAttempt(
  watch: Watch,
  asked: Asked,
  resources: readonly string[],
  outcome: LockOutcome,
  got?: { readonly value: string; readonly ttlMs: number },
): void {
  const { task, kind } = watch.names.nameOf(String(resources[0]));
  if (kind === 'ignore') return;
  const key = heldKey(got?.value ?? '');
  endAttempt(
    watch,
    asked,
    { key, system: SYSTEM, task },
    outcome,
    got && { token: got.value, ttlMs: Number(got.ttlMs) },
  );
}

/** Whether a held lock is past its time by the clock of this process. */
export function isPastItsTime(watch: Watch, value: string): boolean {
  const expiresMs = watch.held.get(heldKey(value))?.expiresMs;
  return expiresMs !== undefined && performance.now() > expiresMs;
}

/** Nothing for a lock whose end is known already. */
export function endRedlockHold(watch: Watch, value: string, release: LockRelease): void {
  observe(watch, 'the end of a redlock', () => {
    const lock = watch.held.take(heldKey(value));
    if (lock !== undefined)
      watch.telemetry.lockReleased(lock.system, lock.task, release, performance.now() - lock.sinceMs);
  });
}

/** @param ttlMs its new time; undefined when it could not be extended */
export function renewRedlock(watch: Watch, value: string, ttlMs: number | undefined): void {
  observe(watch, 'the renewal of a redlock', () => {
    const lock = watch.held.get(heldKey(value));
    watch.telemetry.lockRenewal(SYSTEM, ttlMs === undefined ? 'lost' : 'renewed');
    if (lock !== undefined && ttlMs !== undefined) lock.expiresMs = performance.now() + ttlMs;
  });
}
