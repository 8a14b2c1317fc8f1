/** Brings what is owed to one destination, one thing after the other, and tries again with growing pauses. */
import type { Attempt } from './post.ts';

/** One thing to hand over. */
export interface Delivery {
  send(signal: AbortSignal): Promise<Attempt>;
  /** Called once it was taken, or refused for good. */
  settle(): void;
}

export interface CourierOptions {
  /** What is to be brought now; undefined when nothing is. */
  readonly next: () => Delivery | undefined;
  readonly onAttempt: (attempt: Attempt, failuresBefore: number) => void;
  /** The first pause after a failure; it doubles with each further one. */
  readonly firstPauseMs?: number;
}

export interface Courier {
  /** Says that there may be something to bring. A pause after a failure goes on. */
  wake(): void;
  /** Lets what is on its way arrive, within bounds, and brings nothing more. */
  stop(): Promise<void>;
}

const FIRST_PAUSE_MS = 1000;
/** A receiver that is back hears within a minute what it missed. */
const LONGEST_PAUSE_MS = 60_000;
/** A receiver may ask for more, but not for ever. */
const LONGEST_ASKED_PAUSE_SECONDS = 900;
/** What is on its way when the service closes has this long to arrive. */
const GRACE_MS = 1000;

/** The pause after so many failures in a row, in ms. */
export function pauseMs(failures: number, firstPauseMs = FIRST_PAUSE_MS, retryAfterSeconds = 0): number {
  const own = Math.min(LONGEST_PAUSE_MS, firstPauseMs * 2 ** Math.min(failures - 1, 16));
  return Math.max(own, Math.min(retryAfterSeconds, LONGEST_ASKED_PAUSE_SECONDS) * 1000);
}

export function startCourier({ next, onAttempt, firstPauseMs }: CourierOptions): Courier {
  const abort = new AbortController();
  let failures = 0;
  let running: Promise<void> | undefined;
  let pause: NodeJS.Timeout | undefined;
  let stopped = false;

  const run = async (): Promise<void> => {
    for (let delivery = next(); delivery !== undefined && !stopped; delivery = next()) {
      const attempt = await delivery.send(abort.signal);
      if (attempt.result !== 'failed') {
        delivery.settle();
        onAttempt(attempt, failures);
        failures = 0;
        continue;
      }
      if (stopped) return;
      onAttempt(attempt, failures);
      failures++;
      const waitMs = pauseMs(failures, firstPauseMs, attempt.retryAfterSeconds);
      pause = setTimeout(() => {
        pause = undefined;
        wake();
      }, waitMs).unref();
      return;
    }
  };
  const wake = (): void => {
    if (stopped || running !== undefined || pause !== undefined) return;
    running = run().finally(() => {
      running = undefined;
    });
  };
  return {
    wake,
    async stop() {
      stopped = true;
      clearTimeout(pause);
      if (running === undefined) return;
      const grace = setTimeout(() => abort.abort(), GRACE_MS);
      await running;
      clearTimeout(grace);
    },
  };
}
