/**
 * A disk that refuses to be written to, and then behaves as Linux does: what a failed sync was to bring onto it counts as
 * written, and is forgotten unless it is written again, though files still show it. For
 * `vi.mock('node:fs', async (original) => onForgetfulDisk(await original()))`.
 */

import type * as Fs from 'node:fs';
import { basename, join } from 'node:path';
import { temporaryDirectory } from './aggregator.ts';

/** The system knows of pages whether they were written. */
const PAGE_BYTES = 4096;

interface DiskFile {
  /** What a loss of power leaves. */
  kept: Buffer;
  /** What the file showed when a sync failed. */
  shown: Buffer | undefined;
  /** 1 where it was written since, though with what it showed. */
  written: Uint8Array;
}

/** Names, or their beginnings, of files that cannot be brought onto the disk. */
export const refused = new Set<string>();
const files = new Map<string, DiskFile>();
const paths = new Map<number, string>();
let fs: typeof Fs;

export function onForgetfulDisk(real: typeof Fs): typeof Fs {
  fs = real;
  const sync = (fd: number): void => {
    const error = synced(paths.get(fd) ?? '');
    if (error !== undefined) throw error;
  };
  const syncSoon = (fd: number, ended: (error: Error | null) => void): void => {
    const error = synced(paths.get(fd) ?? '');
    setImmediate(() => ended(error ?? null));
  };
  const openSync: typeof Fs.openSync = (path, ...rest) => {
    const fd = real.openSync(path, ...rest);
    paths.set(fd, String(path));
    return fd;
  };
  const writeSync = (fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number => {
    files.get(paths.get(fd) ?? '')?.written.fill(1, position, position + length);
    return real.writeSync(fd, bytes, offset, length, position);
  };
  const replaced = { openSync, writeSync, fsync: syncSoon, fdatasync: syncSoon, fsyncSync: sync, fdatasyncSync: sync };
  return { ...real, ...(replaced as object) };
}

/** @returns why it failed */
function synced(path: string): Error | undefined {
  const isRefused = [...refused].some(
    (name) => basename(path).startsWith(name) && !basename(path).slice(name.length).startsWith('-'),
  );
  if (!fs.statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const shown = fs.readFileSync(path);
  const file = files.get(path) ?? { kept: Buffer.alloc(0), shown: undefined, written: new Uint8Array() };
  files.set(path, file);
  if (isRefused) {
    file.shown = shown;
    file.written = new Uint8Array(shown.length + PAGE_BYTES);
    return Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  }
  const { kept, shown: lost } = file;
  file.kept = Buffer.from(shown);
  if (lost === undefined) return undefined;
  for (let at = 0; at < shown.length; at += PAGE_BYTES) {
    const end = Math.min(at + PAGE_BYTES, shown.length);
    const isForgotten = file.written.subarray(at, end).every((byte) => byte === 0);
    // What was written since then is on the disk, and no longer forgotten, if it becomes what it was.
    if (!isForgotten || !shown.subarray(at, end).equals(lost.subarray(at, end))) file.written.fill(1, at, end);
    else file.kept.fill(0, at, end).set(kept.subarray(at, end), at);
  }
  return undefined;
}

/** @returns a directory with the files of another one as they are when the power comes back */
export function afterPowerLoss(directory: string): string {
  const after = temporaryDirectory();
  for (const name of fs.readdirSync(directory)) {
    const path = join(directory, name);
    fs.writeFileSync(join(after, name), files.get(path)?.kept ?? fs.readFileSync(path));
  }
  return after;
}
