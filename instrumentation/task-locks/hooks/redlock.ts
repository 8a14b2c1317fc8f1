/** redlock 5 and @sesamecare-oss/redlock: `acquire`, `release` and `extend`, which `using` calls as well. */
import type { InstrumentationModuleDefinition } from '@opentelemetry/instrumentation';
import { reportedAbove } from '../layers.ts';
import { ask, observe, type Watch } from '../watch.ts';
import { patchedModule, prototypeOf, wrapMethod } from './prototype.ts';
import { endRedlockAttempt, endRedlockHold, isPastItsTime, renewRedlock } from './redlock-locks.ts';
import { patchRedlock4 } from './redlock4.ts';

/** As much of a lock as is used here; its value stays when it is extended, the object does not. */
interface Lock {
  readonly value: string;
}

/** What an error of redlock 5 tells of its attempts, each once all servers have voted. */
interface Votes {
  readonly votesAgainst: ReadonlyMap<unknown, unknown>;
}

export function redlockHook(watch: Watch): InstrumentationModuleDefinition[] {
  const patch = (exports: unknown): void => {
    const prototype = prototypeOf(exports, 'Redlock', 'default');
    if (typeof prototype?.['_lock'] === 'function') patchRedlock4(watch, prototype);
    else patchRedlock5(watch, prototype);
  };
  return [
    // Version 5 was never more than a beta, which a range does not admit by itself.
    patchedModule(watch, 'redlock', ['>=4 <6', '>=5.0.0-beta.1 <6'], patch),
    patchedModule(watch, '@sesamecare-oss/redlock', ['>=1 <2'], patch),
  ];
}

function patchRedlock5(watch: Watch, prototype: object | undefined): void {
  wrapMethod(
    watch,
    prototype,
    'acquire',
    (acquire) =>
      async function (this: unknown, ...args) {
        const [resources, ttlMs] = args as [readonly string[], number];
        const asked = ask();
        try {
          const lock = (await reportedAbove(() => acquire.apply(this, args))) as Lock;
          observe(watch, 'a redlock', () =>
            endRedlockAttempt(watch, asked, resources, 'acquired', { value: lock.value, ttlMs }),
          );
          return lock;
        } catch (error) {
          void votesOf(error).then(({ attempts, isHeld }) => {
            const outcome = !isHeld ? 'error' : attempts > 1 ? 'timeout' : 'held';
            observe(watch, 'a redlock', () => endRedlockAttempt(watch, asked, resources, outcome));
          });
          throw error;
        }
      },
  );
  wrapMethod(
    watch,
    prototype,
    'release',
    (release) =>
      async function (this: unknown, ...args) {
        const { value } = args[0] as Lock;
        const wasExpired = isPastItsTime(watch, value);
        try {
          const result = await reportedAbove(() => release.apply(this, args));
          endRedlockHold(watch, value, 'released');
          return result;
        } catch (error) {
          // Without an answer it is still held, as far as anybody knows.
          if (wasExpired) endRedlockHold(watch, value, 'expired');
          else void votesOf(error).then(({ isHeld }) => isHeld && endRedlockHold(watch, value, 'lost'));
          throw error;
        }
      },
  );
  wrapMethod(
    watch,
    prototype,
    'extend',
    (extend) =>
      async function (this: unknown, ...args) {
        const [{ value }, ttlMs] = args as [Lock, number];
        try {
          const lock = await reportedAbove(() => extend.apply(this, args));
          renewRedlock(watch, value, ttlMs);
          return lock;
        } catch (error) {
          renewRedlock(watch, value, undefined);
          throw error;
        }
      },
  );
}

/**
 * Whether a server said that it is somebody else's; redlock's own error tells, in the votes of its last attempt. Never
 * rejects, and is for after the host has its error.
 */
async function votesOf(error: unknown): Promise<{ readonly attempts: number; readonly isHeld: boolean }> {
  const attempts = (error as { attempts?: unknown } | null)?.attempts;
  if (!Array.isArray(attempts) || attempts.length === 0) return { attempts: 0, isHeld: false };
  // It settles once all servers have answered; one may never do so.
  const { promise: late, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, 100, undefined);
  const votes = (await Promise.race([attempts.at(-1), late]).catch(() => undefined)) as Votes | undefined;
  clearTimeout(timer);
  const isHeld = [...(votes?.votesAgainst?.values() ?? [])].some(
    (one) => (one as Error)?.name === 'ResourceLockedError',
  );
  return { attempts: attempts.length, isHeld };
}
