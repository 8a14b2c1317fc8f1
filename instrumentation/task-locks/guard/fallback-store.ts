/**
 * Two stores as one: the first as long as it answers, then the second, and what the second did is brought to the first as
 * soon as that answers again. Meanwhile both are told, so that the second knows what the first knew of this process.
 */
import { diag } from '@opentelemetry/api';
import { createBoundedMap } from '../bounded-map.ts';
import type { Claim, Claimed, GuardStore } from './store.ts';
import { checkTimerMs } from './subject.ts';

export interface FallbackOptions {
  /** How long a first store that did not answer is left alone. @default 1000 */
  readonly retryAfterMs?: number;
}

/** Most changes that wait for the first store; beyond, the oldest is not brought there. */
const MAX_WAITING = 10_000;

/**
 * @param first shared by all machines, as a rule `redisStore`
 * @param second on this machine, as a rule `sqliteStore` or `memoryStore`
 */
export function withFallback(first: GuardStore, second: GuardStore, options: FallbackOptions = {}): GuardStore {
  const { retryAfterMs = 1000 } = options;
  checkTimerMs('withFallback', 'retryAfterMs', retryAfterMs);
  const line = createLine(first, retryAfterMs);
  return {
    system: first.system,
    async claim(key, claim) {
      const claimed = await line.ask(() => first.claim(key, claim, 'keep'));
      if (claimed === undefined) return second.claim(key, claim);
      return claimed.fence === 0 ? claimed : confirm(key, claim, claimed);
    },
    async renew(key, lease) {
      const renewed = await line.ask(() => first.renew(key, lease));
      if (renewed === undefined) return second.renew(key, lease);
      if (renewed) await follow(() => second.renew(key, lease));
      return renewed;
    },
    // Whatever ends a lease ends it in the second store first: else whoever gets the key next in the first one would
    // find it held in the second.
    async complete(key, lease, result, later) {
      const own = await follow(() => second.complete(key, lease, result));
      const tell = () => first.complete(key, lease, result);
      const completed = await line.ask(tell);
      if (completed !== undefined) return completed;
      line.wait(`${key} ${lease.token}`, async () => later?.(await tell()));
      return own ?? second.complete(key, lease, result);
    },
    async abandon(key, lease) {
      await follow(() => second.abandon(key, lease));
      const tell = () => first.abandon(key, lease).then(() => true);
      if ((await line.ask(tell)) === undefined) line.wait(`${key} ${lease.token}`, tell);
    },
    async release(key, lease) {
      const own = await follow(() => second.release(key, lease));
      const tell = () => first.release(key, lease);
      const released = await line.ask(tell);
      if (released !== undefined) return released;
      line.wait(`${key} ${lease.token}`, tell);
      return own ?? second.release(key, lease);
    },
  };

  /** A first store that came back empty, or was out of reach, grants what the second knows to be held or done. */
  async function confirm(key: string, claim: Claim, granted: Claimed): Promise<Claimed> {
    const known = await follow(() => second.claim(key, claim));
    if (known === undefined || known.state === 'new') return granted;
    if (known.state === 'stale')
      return granted.state === 'stale' ? granted : { ...granted, state: 'stale', isFirst: known.isFirst };
    await line.ask(() => first.abandon(key, claim).then(() => true));
    return known;
  }
}

/** The second store's troubles are nobody's while the first one answers. */
async function follow<Answer>(tell: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await tell();
  } catch (error) {
    diag.warn('the second store of a guard does not follow the first', error);
    return undefined;
  }
}

/** The line to the first store: whether it is up, and what waits until it is. */
interface Line {
  /** @returns undefined when the first store is down */
  ask<Answer>(question: () => Promise<Answer>): Promise<Answer | undefined>;
  wait(name: string, tell: () => Promise<unknown>): void;
}

function createLine(first: GuardStore, retryAfterMs: number): Line {
  const waiting = createBoundedMap<string, () => Promise<unknown>>(MAX_WAITING);
  let downUntilMs = Number.NEGATIVE_INFINITY;
  let isDown = false;
  let isRetrying = false;

  const fell = (error: unknown): void => {
    if (!isDown) diag.warn(`the ${first.system} store of a guard does not answer, the second one takes over`, error);
    isDown = true;
    downUntilMs = performance.now() + retryAfterMs;
  };
  const retryLater = (): void => {
    if (isRetrying) return;
    isRetrying = true;
    setTimeout(() => void bringBack(), retryAfterMs).unref();
  };
  const bringBack = async (): Promise<void> => {
    for (const [name, tell] of waiting.entries()) {
      try {
        await tell();
        waiting.take(name);
        isDown = false;
      } catch (error) {
        fell(error);
        break;
      }
    }
    isRetrying = false;
    if (waiting.size > 0) retryLater();
  };

  return {
    async ask(question) {
      if (performance.now() < downUntilMs) return undefined;
      try {
        const answer = await question();
        isDown = false;
        return answer;
      } catch (error) {
        fell(error);
        return undefined;
      }
    },
    wait(name, tell) {
      waiting.set(name, tell);
      retryLater();
    },
  };
}
