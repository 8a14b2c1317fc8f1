/** Stores that hold days of telemetry, filled through their own door at the times of then. */
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import { IMPORT_TIME_LIMITS } from '../../aggregator/otlp/temporality.ts';
import { type OpenedStore, openEmbeddedStore } from '../../aggregator/store/embedded/open.ts';
import { temporaryDirectory } from '../support/aggregator.ts';
import { resourceOf, writeProtobuf } from './bodies.ts';
import { createHistory } from './history.ts';

const MINUTE_MS = 60_000;
/** OTLP's number of delta temporality. */
const DELTA = 1;
export const SERIES = 500;
export const DAYS = 7;

const silent = { info() {}, warn() {}, error() {} };

export function openAt(directory: string, now?: () => number): OpenedStore {
  const options = { directory, retentionDays: 35, metrics: createOwnMetrics(), log: silent, now };
  return openEmbeddedStore({ ...options, timeLimits: IMPORT_TIME_LIMITS });
}

/**
 * A directory with the minutes of some days up to now: 500 series of 200 mutations, or so many of so many.
 * @param coarseMinutes so many of them, the oldest, have telemetry in every tenth only: older than the minute tier it is one block
 * @param kept a directory to keep the filled store in, and to take it from the next time; it grows old
 */
export function fillStore(
  options: { minutes?: number; coarseMinutes?: number; series?: number; kept?: string | undefined } = {},
): string {
  const { minutes = DAYS * 1440, coarseMinutes = 0, series = SERIES, kept } = options;
  const directory = temporaryDirectory();
  if (kept !== undefined && existsSync(join(kept, 'vigil.db'))) {
    cpSync(kept, directory, { recursive: true });
    return directory;
  }
  const minuteOf = createHistory(series);
  const first = Math.floor(Date.now() / MINUTE_MS) - minutes;
  // Made at the end of that time, so that what happened in it goes to all tiers at once.
  let clock = (first + minutes) * MINUTE_MS;
  const store = openAt(directory, () => clock);
  for (let minute = first; minute < first + minutes; minute++) {
    if (minute - first < coarseMinutes && minute % 10 !== 0) continue;
    const startMs = minute * MINUTE_MS;
    clock = startMs + MINUTE_MS;
    const template = { explicit: [], exponential: minuteOf(minute), sums: [] };
    const bytes = writeProtobuf(template, resourceOf(0), { startMs, timeMs: clock, factor: 1 }, DELTA);
    store.receiver.take({ signal: 'metrics', bytes, encoding: 'protobuf', gzip: false });
  }
  store.close();
  if (kept !== undefined) {
    mkdirSync(kept, { recursive: true });
    cpSync(directory, kept, { recursive: true });
  }
  return directory;
}
