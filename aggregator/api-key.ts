import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KeptKey {
  readonly key: string;
  readonly path: string;
  /** Whether it was made just now. */
  readonly made: boolean;
}

const KEY_BYTES = 32;

/** The key that may read and send. @throws see `loadOrMakeKey` */
export function loadOrMakeApiKey(directory: string): KeptKey {
  return loadOrMakeKey(directory, 'api-key');
}

/**
 * A key kept in the data directory, made at the first start; readable by its owner alone.
 * @throws when the directory cannot be written, or the file holds no key
 */
export function loadOrMakeKey(directory: string, name: 'api-key' | 'ingest-key' | 'pseudonym-key'): KeptKey {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, name);
  let file: number;
  try {
    // 'wx': of two processes that start together, one makes the key and the other reads it.
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    return { key: readKey(path), path, made: false };
  }
  const key = randomBytes(KEY_BYTES).toString('base64url');
  try {
    // On the disk at once: a loss of power would leave an empty file, with which nothing starts.
    writeFileSync(file, `${key}\n`, { flush: true });
  } catch (error) {
    // So does a full disk.
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  return { key, path, made: true };
}

function readKey(path: string): string {
  const key = readFileSync(path, 'utf8').trim();
  if (!/^[\x21-\x2b\x2d-\x7e]{16,256}$/.test(key))
    throw new Error(`${path} holds no key of at least 16 characters; remove the file to have one made`);
  // A copy or a backup may have widened it.
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  return key;
}
