/** A new version of a service, beside the one before it: what got worse. */
import { MIN_BAD_EVENTS } from './burn-alerts.ts';
import type { Recommendation } from './recommendations.ts';
import { percentInWords } from './words.ts';

/** Twice as bad is worse, whatever the traffic. */
const WORSE_FACTOR = 2;

/**
 * A p95 is compared from so many mutations on: then as many lie above it as an alert wants bad events (20 of 400).
 * Fewer would let a single slow one double it.
 */
export const MIN_TIMED = MIN_BAD_EVENTS / 0.05;

/** How a mutation went under one version. */
export interface VersionFacts {
  /** Mutations that settled. */
  readonly settled: number;
  readonly failures: number;
  /** Seconds; undefined when none settled. */
  readonly p95: number | undefined;
}

/** One mutation under a version of its service, and under the version before. */
export interface VersionPair {
  readonly mutation: string;
  readonly service: string;
  readonly version: string;
  readonly versionBefore: string;
  readonly now: VersionFacts;
  readonly before: VersionFacts;
}

/** What got at least twice as bad, p95 or share of failures; nothing where too little happened to say so. */
export function recommendVersion(pair: VersionPair): readonly Recommendation[] {
  return [slowerOf(pair), failingOf(pair)].filter((one) => one !== undefined);
}

function slowerOf(pair: VersionPair): Recommendation | undefined {
  const { now, before } = pair;
  if (now.p95 === undefined || before.p95 === undefined || Math.min(now.settled, before.settled) < MIN_TIMED)
    return undefined;
  const threshold = WORSE_FACTOR * before.p95;
  if (!(threshold > 0) || now.p95 < threshold) return undefined;
  const times = milliseconds(now.p95) + ` ms, and ${milliseconds(before.p95)} ms under ${pair.versionBefore}`;
  return {
    ...common(pair, 'p95', `p95 ${inTimes(now.p95 / before.p95)}: ${times}`),
    evidence: {
      signal: 'p95',
      unit: 'seconds',
      value: now.p95,
      threshold,
      source: `twice its p95 under ${pair.versionBefore}`,
    },
    traces: 'slowest',
  };
}

function failingOf(pair: VersionPair): Recommendation | undefined {
  const { now, before } = pair;
  if (now.failures < MIN_BAD_EVENTS) return undefined;
  const [share, shareBefore] = [now.failures / now.settled, before.failures / before.settled];
  // At the new share as many would have failed before: that fewer did is no chance.
  if (before.settled * share < MIN_BAD_EVENTS || share < WORSE_FACTOR * shareBefore) return undefined;
  const grew = shareBefore > 0 ? ` ${inTimes(share / shareBefore)}` : ' is no longer none';
  const shares = `${percentInWords(share)}, and ${percentInWords(shareBefore)} under ${pair.versionBefore}`;
  return {
    ...common(pair, 'failures', `share of failures${grew}: ${shares}`),
    evidence: {
      signal: 'failure_share',
      unit: 'ratio',
      value: share,
      threshold: WORSE_FACTOR * shareBefore,
      source: `twice its share of failures under ${pair.versionBefore}`,
    },
    traces: 'failed',
  };
}

function common({ mutation, service, version, versionBefore }: VersionPair, what: string, worse: string) {
  return {
    id: `version-${what}-${service}-${mutation}`,
    area: 'mutations',
    level: 'warning',
    message: `Since ${version} of ${service}, ${mutation}’s ${worse}.`,
    action: `Compare ${version} with ${versionBefore}; if the cause is not plain, go back to ${versionBefore}.`,
    link: '/monitoring/graphql/mutations/performance/',
  } as const;
}

function inTimes(factor: number): string {
  return factor < 2.5 ? 'doubled' : `is ${Math.round(factor * 10) / 10} times what it was`;
}

function milliseconds(seconds: number): number {
  return Math.round(seconds * 1000);
}
