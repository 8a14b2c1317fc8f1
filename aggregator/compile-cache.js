import { enableCompileCache, flushCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

export function keepCompiled() {
  try {
    const caches = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
    enableCompileCache(join(caches, 'vigil', 'compiled'));
  } catch {
    // A user without a home, as containers have them, has no cache.
  }
  return flushCompileCache;
}
