/** Seeing how a call ends without replacing, delaying or repeating anything. */
import { types } from 'node:util';

/** Told how a call ended. It must not throw. */
export type OnSettled = (value: unknown, failed: boolean) => void;

interface Thenable {
  then: (this: unknown, onFulfilled?: unknown, onRejected?: unknown, ...rest: unknown[]) => unknown;
}

/**
 * Tells how `result` ends: at once for a plain value, when it settles for a promise or thenable.
 *
 * A promise is observed beside the host. Any other thenable may start its work in `then` (query builders do), so `then`
 * is never called from here: it is replaced on that one object, and the host's own call passes through it. A thenable
 * that cannot be changed is left alone, and nothing is told.
 */
export function observeSettlement(result: unknown, onSettled: OnSettled): void {
  if (!isThenable(result)) {
    onSettled(result, false);
  } else if (isPlainPromise(result)) {
    result.then(
      (value: unknown) => onSettled(value, false),
      (error: unknown) => onSettled(error, true),
    );
  } else if (Object.isExtensible(result)) {
    observeThen(result, onSettled);
  }
}

/** A promise whose `then` does nothing but wait; a subclass may do more. */
function isPlainPromise(value: unknown): value is Promise<unknown> {
  return types.isPromise(value) && value.then === Promise.prototype.then;
}

function isThenable(value: unknown): value is Thenable {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as Partial<Thenable>).then === 'function'
  );
}

function observeThen(thenable: Thenable, onSettled: OnSettled): void {
  const original = thenable.then;
  let told = false;
  const tell: OnSettled = (value, failed) => {
    if (told) return;
    told = true;
    onSettled(value, failed);
  };
  const then: Thenable['then'] = function (onFulfilled, onRejected, ...rest) {
    const fulfilled = (value: unknown): unknown => {
      tell(value, false);
      return typeof onFulfilled === 'function' ? onFulfilled(value) : value;
    };
    const rejected = (error: unknown): unknown => {
      tell(error, true);
      if (typeof onRejected === 'function') return onRejected(error);
      throw error;
    };
    return original.call(this, fulfilled, rejected, ...rest);
  };
  Reflect.defineProperty(thenable, 'then', { value: then, configurable: true, writable: true, enumerable: false });
}
