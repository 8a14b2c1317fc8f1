import { statSync } from 'node:fs';
import type { OwnMetrics } from '../../metrics.ts';
import type { StreamTable } from '../../otlp/streams.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Journal } from './journal.ts';
import type { OpenMinutes } from './minutes.ts';
import type { Persistence } from './persistence.ts';
import type { Recovered } from './recovery.ts';
import type { Retention } from './retention.ts';
import type { SeriesDirectory } from './series.ts';

export interface MeasuredParts {
  readonly directory: SeriesDirectory;
  readonly streams: StreamTable;
  readonly minutes: OpenMinutes;
  readonly journal: Journal;
  readonly persistence: Persistence;
  readonly retention: Retention;
  readonly checkpoints: Checkpoints;
  readonly recovered: Recovered;
  readonly databaseFile: string;
  isRefusing(): boolean;
}

/** The store's own health: each bound beside what it bounds, and how often each was met. */
export function registerStoreMetrics(metrics: OwnMetrics, parts: MeasuredParts): void {
  const { directory, streams, minutes, journal, persistence, retention, checkpoints, recovered } = parts;
  const gauges: [name: string, help: string, read: () => number | undefined][] = [
    ['series', 'Series in the store.', () => directory.size],
    [
      'series_limit',
      'Series that the store can hold; further ones go to an overflow series.',
      () => directory.limits.total,
    ],
    ['edge_lists', 'Different lists of bucket edges.', () => directory.edges.length],
    ['streams', 'Streams whose state is kept.', () => streams.inUse],
    [
      'streams_limit',
      'Streams whose state can be kept; points of further ones are rejected.',
      () => streams.limits.streams,
    ],
    ['instances', 'Instances whose streams are kept.', () => streams.instancesInUse],
    ['journal_bytes', 'Bytes received since the last checkpoint.', () => journal.size],
    ['open_tables', 'Minutes that are not in a checkpoint yet.', () => minutes.count],
    ['open_tables_bytes', 'Memory of the minutes that are not in a checkpoint yet.', () => minutes.bytes],
    [
      'refusing',
      '1 while new data is refused: the data directory cannot be written, or the store is damaged.',
      () => (parts.isRefusing() ? 1 : 0),
    ],
    ['blocks', 'Blocks on the disk.', () => persistence.blocks.count],
    [
      'blocks_damaged',
      'Damaged blocks that were put aside, into a table of the database file.',
      () => persistence.blocks.damaged,
    ],
    ['block_cache_bytes', 'Blocks that are in memory.', () => persistence.blocks.cachedBytes],
    [
      'database_bytes',
      'Size of the database file.',
      () => statSync(parts.databaseFile, { throwIfNoEntry: false })?.size,
    ],
    ['checkpoint_duration_seconds', 'How long the last checkpoint took.', () => checkpoints.lastSeconds],
    [
      'checkpoint_longest_slice_seconds',
      'The longest time that the last checkpoint kept everything else waiting.',
      () => checkpoints.longestSliceSeconds,
    ],
    ['recovered_requests', 'Requests that were brought back from the journal at the start.', () => recovered.records],
    [
      'journal_damaged_bytes',
      'Bytes of acknowledged requests that the disk had lost at the start.',
      () => recovered.damagedBytes,
    ],
  ];
  for (const [name, help, read] of gauges) metrics.gauge(`aggregator_${name}`, help, read);
  metrics.observedCounter(
    'aggregator_series_overflowed_total',
    'New series that went to an overflow series.',
    () => directory.overflowed,
  );
  metrics.observedCounter(
    'aggregator_instances_evicted_total',
    'Instances that were forgotten because nothing came from them any more.',
    () => retention.evictedInstances,
  );
}
