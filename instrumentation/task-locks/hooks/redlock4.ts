/** redlock 4, with callbacks and bluebird: `_lock` takes and extends, and `_executeScript` hears what each server says. */
import { createBoundedMap } from '../bounded-map.ts';
import { reportedAbove } from '../layers.ts';
import { ask, observe, type Watch } from '../watch.ts';
import { type Method, wrapMethod } from './prototype.ts';
import { endRedlockAttempt, endRedlockHold, isPastItsTime, renewRedlock } from './redlock-locks.ts';

/** Locks of which a server has said that they are somebody else's, by their values. */
const MAX_REFUSED = 1000;

interface Lock {
  readonly value: string;
}

type Callback = (error: unknown, result?: unknown) => void;

/** What is being taken: its value is drawn within the call, and told by the first script. */
interface Taking {
  value: string | undefined;
}

/** A failed attempt is followed by an unlocking of its own: what servers say to it is another matter. */
const refusal = (script: string, value: string): string => `${script} ${value}`;

export function patchRedlock4(watch: Watch, prototype: Record<string, unknown>): void {
  const refused = createBoundedMap<string, true>(MAX_REFUSED);
  let taking: Taking | undefined;
  wrapMethod(
    watch,
    prototype,
    '_executeScript',
    (execute) =>
      function (this: unknown, ...args) {
        const [server, name, given, callback] = args as [unknown, string, readonly unknown[], Callback];
        const value = String(given[1 + Number(given[0])]);
        const resources = Number(given[0]);
        if (taking !== undefined) taking.value = value;
        return execute.call(this, server, name, given, (error: unknown, result: unknown) => {
          if (!error && Number(result) !== resources) refused.set(refusal(name, value), true);
          callback(error, result);
        });
      },
  );
  wrapMethod(watch, prototype, '_lock', (lock) => observedLock(watch, lock, refused, (one) => (taking = one)));
  wrapMethod(watch, prototype, 'extend', (extend) =>
    withEnd(extend, 2, (args) => {
      const [{ value }, ttlMs] = args as [Lock, number];
      return (error) => renewRedlock(watch, value, error ? undefined : ttlMs);
    }),
  );
  const unlock = (original: Method): Method =>
    withEnd(original, 1, (args) => {
      const { value } = args[0] as Lock;
      const wasExpired = isPastItsTime(watch, value);
      return (error) => {
        const isRefused = refused.take(refusal('unlockScript', value)) === true;
        if (!error) endRedlockHold(watch, value, 'released');
        // Without an answer it is still held, as far as anybody knows.
        else if (wasExpired || isRefused) endRedlockHold(watch, value, wasExpired ? 'expired' : 'lost');
      };
    });
  wrapMethod(watch, prototype, 'unlock', unlock);
  wrapMethod(watch, prototype, 'release', unlock);
}

function observedLock(
  watch: Watch,
  lock: Method,
  refused: { take(value: string): true | undefined },
  setTaking: (taking: Taking | undefined) => void,
): Method {
  const observed = withEnd(lock, 4, (args) => {
    const [resource, , ttlMs] = args as [string | readonly string[], null, number];
    const resources = Array.isArray(resource) ? (resource as readonly string[]) : [resource as string];
    const asked = ask();
    const taking: Taking = { value: undefined };
    setTaking(taking);
    return (error, result) =>
      observe(watch, 'a redlock', () => {
        const isHeld = taking.value !== undefined && refused.take(refusal('lockScript', taking.value)) === true;
        if (!error) {
          endRedlockAttempt(watch, asked, resources, 'acquired', { value: (result as Lock).value, ttlMs });
          return;
        }
        const attempts = Number((error as { attempts?: unknown }).attempts);
        endRedlockAttempt(watch, asked, resources, !isHeld ? 'error' : attempts > 1 ? 'timeout' : 'held');
      });
  });
  return function (this: unknown, ...args) {
    // An extension: `extend` reports it.
    if (args[1] !== null) return lock.apply(this, args);
    try {
      return observed.apply(this, args);
    } finally {
      setTaking(undefined);
    }
  };
}

interface Bluebird {
  then(done: (value: unknown) => unknown, failed: (error: unknown) => never): unknown;
}

/**
 * Sees how a call ends that takes a callback at `position` and gives a promise. A listener beside the host would make a
 * rejection look handled that nobody handles, so the host gets the promise behind it, or its own callback is called.
 */
function withEnd(
  original: Method,
  position: number,
  begin: (args: readonly unknown[]) => (error: unknown, result: unknown) => void,
): Method {
  return function (this: unknown, ...args) {
    const end = begin(args);
    const last = args.findLastIndex((one) => typeof one === 'function');
    if (last !== -1) {
      const callback = args[last] as Callback;
      const heard = (error: unknown, result: unknown): void => {
        end(error, result);
        callback(error, result);
      };
      return reportedAbove(() => original.apply(this, args.with(last, heard)));
    }
    const promise = reportedAbove(() => original.apply(this, args.slice(0, position))) as Bluebird;
    return promise.then(
      (result) => {
        end(undefined, result);
        return result;
      },
      (error) => {
        end(error, undefined);
        throw error;
      },
    );
  };
}
