/** Tells applications of the same user on this machine where to send, so that they need no variables. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { isAnnouncerRunning, type LocalAggregator, localAggregatorFile } from '@vigil/semconv';

export interface Announcement {
  readonly path: string;
  /** Takes it back, unless another aggregator has put its own there. */
  withdraw(): void;
}

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', 'localhost']);

/** Whether only this machine reaches a host's address: a service for others is not announced to this machine's user. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.has(host);
}

/**
 * Writes the file, readable by its owner alone, unless an aggregator that is still running has written one: the first
 * stays.
 * @returns undefined where another one is announced
 * @throws when the file cannot be written
 */
export function announceLocally(
  { url, ingestKey, pid }: LocalAggregator,
  path = localAggregatorFile(process.env, process.platform, homedir),
): Announcement | undefined {
  const other = readAnnouncement(path);
  // Whoever listens on the address owns it: a file that says the same is of one that is gone.
  if (other !== undefined && other.url !== url && other.pid !== pid && isAnnouncerRunning(other)) return undefined;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${pid}`;
  writeFileSync(draft, `${JSON.stringify({ url, ingestKey, pid })}\n`, { mode: 0o600 });
  chmodSync(draft, 0o600);
  // In one step: nobody reads half a file, and nobody's older, wider file is written into.
  renameSync(draft, path);
  return {
    path,
    withdraw() {
      if (readAnnouncement(path)?.pid === pid) rmSync(path, { force: true });
    },
  };
}

function readAnnouncement(path: string): LocalAggregator | undefined {
  try {
    return (JSON.parse(readFileSync(path, 'utf8')) ?? undefined) as LocalAggregator | undefined;
  } catch {
    return undefined;
  }
}
