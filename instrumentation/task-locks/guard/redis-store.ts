/** A store in Redis 5 or newer, by the application's own client: ioredis or node-redis, alone or as a cluster. */
import { reportedAbove } from '../layers.ts';
import { type Script, scripts } from './redis-scripts.ts';
import {
  type Claim,
  type Claimed,
  type ClaimState,
  type Completed,
  type GuardStore,
  GuardStoreError,
  type Lease,
  type Released,
} from './store.ts';
import { checkTimerMs } from './subject.ts';

/** As much of ioredis as is used here. */
export interface IoredisClient {
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>;
  eval(text: string, keys: number, ...args: string[]): Promise<unknown>;
}

/** As much of node-redis as is used here. */
export interface NodeRedisClient {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  eval(text: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
}

export interface RedisStoreOptions {
  /**
   * Of the application, which opens and closes it. It needs a listener for its `error` events, as ever.
   * A client that keeps commands while it has no connection serves as well as one that refuses them.
   */
  readonly client: IoredisClient | NodeRedisClient;
  /** How long a step may take before the store counts as down. @default 1000 */
  readonly timeoutMs?: number;
}

type Run = (script: Script, key: string, args: readonly string[]) => Promise<unknown>;

export function redisStore(options: RedisStoreOptions): GuardStore {
  const { client, timeoutMs = 1000 } = options;
  checkTimerMs('redisStore', 'timeoutMs', timeoutMs);
  const run = runnerOf(client);
  const step = (script: Script, key: string, args: readonly string[], late?: (reply: unknown) => void) =>
    inTime(() => run(script, key, args), timeoutMs, late);
  return {
    system: 'redis',
    async claim(key, claim, late = 'abandon') {
      const forget = (reply: unknown): void => {
        if (late === 'keep' || claimedOf(reply).fence === 0) return;
        run(scripts.abandon, key, claimArgs(claim)).catch(() => {});
      };
      return claimedOf(await step(scripts.claim, key, claimArgs(claim), forget));
    },
    renew: async (key, lease) => Number(await step(scripts.renew, key, leaseArgs(lease))) === 1,
    async complete(key, lease, result) {
      const reply = (await step(scripts.complete, key, [...leaseArgs(lease), result])) as unknown[];
      return { state: String(reply[0]) as Completed['state'], isFirst: Number(reply[1]) === 1 };
    },
    abandon: async (key, claim) => void (await step(scripts.abandon, key, claimArgs(claim))),
    release: async (key, claim) => String(await step(scripts.release, key, claimArgs(claim))) as Released,
  };
}

function claimArgs({ token, leaseMs, keepMs, fingerprint }: Claim): string[] {
  return [token, String(Math.ceil(leaseMs)), String(Math.ceil(keepMs)), fingerprint];
}

function leaseArgs(lease: Lease): string[] {
  return [...claimArgs(lease), String(lease.fence)];
}

function claimedOf(reply: unknown): Claimed {
  const [state, isFirst, fence, result] = (reply as unknown[]).map(String);
  return {
    state: state as ClaimState,
    isFirst: isFirst === '1',
    fence: Number(fence),
    result: result ?? '',
    system: 'redis',
  };
}

/** Scripts go by their digest, and by their text where the server does not know it: at first, and after a restart. */
function runnerOf(client: IoredisClient | NodeRedisClient): Run {
  if ('evalSha' in client && typeof client.evalSha === 'function') {
    return byDigest(
      ({ sha }, key, args) => client.evalSha(sha, { keys: [key], arguments: [...args] }),
      ({ text }, key, args) => client.eval(text, { keys: [key], arguments: [...args] }),
    );
  }
  if ('evalsha' in client && typeof client.evalsha === 'function') {
    return byDigest(
      ({ sha }, key, args) => client.evalsha(sha, 1, key, ...args),
      ({ text }, key, args) => client.eval(text, 1, key, ...args),
    );
  }
  throw new TypeError('redisStore: client takes a client of ioredis or of node-redis');
}

function byDigest(known: Run, unknown: Run): Run {
  return (script, key, args) =>
    reportedAbove(async () => {
      try {
        return await known(script, key, args);
      } catch (error) {
        if (!(error instanceof Error && error.message.includes('NOSCRIPT'))) throw error;
        return await unknown(script, key, args);
      }
    });
}

/** @param late told what is answered after the time was over */
async function inTime(
  run: () => Promise<unknown>,
  timeoutMs: number,
  late: (reply: unknown) => void = () => {},
): Promise<unknown> {
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, fail) => {
    timer = setTimeout(() => {
      isLate = true;
      fail(new GuardStoreError(`Redis did not answer within ${timeoutMs} ms`));
    }, timeoutMs);
  });
  const answer = run();
  answer.then(
    (reply) => isLate && late(reply),
    () => {},
  );
  try {
    return await Promise.race([answer, tooLong]);
  } catch (cause) {
    throw cause instanceof GuardStoreError ? cause : new GuardStoreError('Redis does not answer', { cause });
  } finally {
    clearTimeout(timer);
  }
}
