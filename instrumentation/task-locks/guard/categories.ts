/** How long keys are remembered. */
import { checkMs } from './subject.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** By the kind of work, each as a well-known service has it. */
export const ttlMsByCategory = {
  /** A queue that delivers a message twice does so soon. Amazon SQS FIFO: deduplication interval of five minutes. */
  message: 5 * MINUTE_MS,
  /** A client that repeats its request. Stripe API v1: keys can be removed after 24 hours. */
  request: DAY_MS,
  /** What must not happen twice even after days. Stripe API v2: keys are kept for 30 days. */
  payment: 30 * DAY_MS,
} as const;

export type CategoryName = keyof typeof ttlMsByCategory;

/** @throws TypeError naming the option */
export function ttlMsOf(where: string, options: { readonly category?: CategoryName; readonly ttlMs?: number }): number {
  const { category = 'request', ttlMs } = options;
  if (ttlMs !== undefined) return checkMs(where, 'ttlMs', ttlMs, 10);
  if (!Object.hasOwn(ttlMsByCategory, category))
    throw new TypeError(`${where}: category takes ${Object.keys(ttlMsByCategory).join(', ')}, not ${category}`);
  return ttlMsByCategory[category];
}
