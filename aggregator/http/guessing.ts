/** A bound on guessing: how many wrong keys one address may show before it has to wait. */

/** Wrong keys that one address may show in a minute. A scraper with an old key shows four to twelve. */
export const MAX_WRONG_KEYS = 100;
const PERIOD_MS = 60_000;
/** Addresses that are remembered; the one that began first is forgotten first. */
const MAX_ADDRESSES = 10_000;

export interface GuessLimit {
  /** Seconds until the address may try again; 0 when it may now. */
  waitSeconds(address: string): number;
  wrongKey(address: string): void;
}

/** @param nowMs a clock that never goes back */
export function createGuessLimit(nowMs: () => number): GuessLimit {
  const periods = new Map<string, { readonly endsMs: number; wrong: number }>();
  return {
    waitSeconds(address) {
      const period = periods.get(address);
      if (period === undefined || period.wrong < MAX_WRONG_KEYS) return 0;
      return Math.max(0, (period.endsMs - nowMs()) / 1000);
    },
    wrongKey(address) {
      const now = nowMs();
      const period = periods.get(address);
      if (period !== undefined && period.endsMs > now) {
        period.wrong++;
        return;
      }
      periods.delete(address);
      for (const oldest of periods.keys()) {
        if (periods.size < MAX_ADDRESSES) break;
        periods.delete(oldest);
      }
      periods.set(address, { endsMs: now + PERIOD_MS, wrong: 1 });
    },
  };
}

/**
 * The address that a request came from: the peer's, or, behind trusted proxies, what the outermost of them saw.
 * @param trustedHops how many entries of X-Forwarded-For, from the right, were written by proxies of ours
 */
export function clientAddress(peer: string, forwardedFor: string | undefined, trustedHops: number): string {
  if (trustedHops === 0 || forwardedFor === undefined) return peer;
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  return hops[Math.max(0, hops.length - trustedHops)] || peer;
}
