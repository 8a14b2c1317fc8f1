import { hash, timingSafeEqual } from 'node:crypto';
import { createSessions, type Sessions } from './session.ts';

/** The headers in which a key may come. */
export interface KeyHeaders {
  readonly apiKey: string | undefined;
  readonly authorization: string | undefined;
}

/** Who may do what. */
export interface Gate {
  mayRead(headers: KeyHeaders): boolean;
  mayWrite(headers: KeyHeaders): boolean;
  /** Of the keys that may read. */
  readonly sessions: Sessions;
}

/**
 * @param ingestKeys when empty, the reading keys send too
 * @param localKey of applications on this machine: sends, and nothing else
 */
export function createGate(apiKeys: readonly string[], ingestKeys: readonly string[], localKey?: string): Gate {
  const readers = apiKeys.map(digest);
  const writers = ingestKeys.length > 0 ? ingestKeys.map(digest) : [...readers];
  if (localKey !== undefined) writers.push(digest(localKey));
  const [isReader, isWriter] = [createCheck(readers), createCheck(writers)];
  return {
    mayRead: (headers) => presentedKeys(headers).some(isReader),
    mayWrite: (headers) => presentedKeys(headers).some(isWriter),
    sessions: createSessions(apiKeys),
  };
}

/** The keys that a request shows, right or wrong; a proxy may have added its own Authorization beside ours. */
export function presentedKeys({ apiKey, authorization }: KeyHeaders): string[] {
  const bearer = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
  return [apiKey, bearer].filter((key) => key !== undefined && key !== '') as string[];
}

/**
 * Whether a key is a good one. Those that were shown before are remembered, as many as there are: a digest takes as long as
 * twenty points of telemetry, and senders show the same key with every body. A set compares characters only of texts whose
 * hashes are equal, and their seed is of this process: how long it takes tells nothing about a key that is not known.
 */
function createCheck(digests: readonly Buffer[]): (key: string) => boolean {
  const shown = new Set<string>();
  return (key) => {
    if (shown.has(key)) return true;
    if (!isAmong(digests, key)) return false;
    shown.add(key);
    return true;
  };
}

/** Compares with all keys, whichever fits: digests of one length, in constant time. */
function isAmong(digests: readonly Buffer[], key: string): boolean {
  const presented = digest(key);
  return digests.reduce((found, each) => timingSafeEqual(each, presented) || found, false);
}

function digest(key: string): Buffer {
  return Buffer.from(hash('sha256', key, 'base64url'), 'latin1');
}
