/** A disk that is soon full: a tmpfs of its own, where the system lets one be mounted. */
import { execFileSync } from 'node:child_process';
import { temporaryDirectory } from './aggregator.ts';

export interface SmallDisk {
  readonly directory: string;
  /** Once nothing uses it any more. */
  remove(): void;
}

/** @param size as `mount` takes it, such as `3m`; undefined where the system gives none */
export function smallDisk(size: string): SmallDisk | undefined {
  const directory = temporaryDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  return { directory, remove: () => execFileSync('umount', [directory]) };
}
