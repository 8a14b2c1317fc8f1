/** The app over a store with known content, as the tests of the HTTP side use it. */
import { Writable } from 'node:stream';
import { type App, type AppOptions, createApp } from '../../aggregator/http/app.ts';
import { createGate } from '../../aggregator/http/auth.ts';
import { type Log, openLog } from '../../aggregator/log.ts';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import { createKnownStore, type KnownStore } from './known-store.ts';

export const READ_KEY = 'a-key-that-may-read';
/** In the middle of a minute. */
export const NOW_MS = Date.UTC(2026, 0, 15, 12, 0, 30);

export interface ReadSide {
  readonly app: App;
  readonly store: KnownStore;
  /** Log lines written so far. */
  lines(): Record<string, unknown>[];
  /** Asks with the key. */
  get(path: string, headers?: Record<string, string>, method?: string): Promise<Response>;
}

export function keepLog(level = 'debug'): { readonly log: Log; lines(): Record<string, unknown>[] } {
  let text = '';
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  const lines = () => text.trimEnd().split('\n').filter(Boolean);
  return { log: openLog(level, sink), lines: () => lines().map((line) => JSON.parse(line)) };
}

export function createReadSide(changes: Partial<AppOptions> = {}): ReadSide {
  const store = createKnownStore(NOW_MS);
  const { log, lines } = keepLog();
  const app = createApp({
    store,
    gate: createGate([READ_KEY], []),
    cacheTtlSeconds: 0,
    prometheusMetricsEnabled: true,
    trustedHops: 0,
    ownMetrics: createOwnMetrics(),
    log,
    isClosing: () => false,
    nowMs: () => NOW_MS,
    ...changes,
  });
  const get: ReadSide['get'] = async (path, headers = {}, method = 'GET') =>
    app.request(path, { method, headers: { 'X-Monitoring-API-Key': READ_KEY, ...headers } });
  return { app, store, lines, get };
}
