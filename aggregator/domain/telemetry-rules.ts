import type { RecommendationRule, Remark } from './recommendations.ts';

const AREA = 'telemetry';
const LINK = '/monitoring/overview/';

/** 30 exports of our registration's 10 s, and five of the SDK's own 60 s: by then it is no delay any more. */
export const TELEMETRY_STOPPED_SECONDS = 300;

/** What `rejected_points` are counted over: whatever was mended is quiet an hour later. */
export const REJECTED_WINDOW_SECONDS = 3600;

/** Signals: `refusing` (how long the store has taken nothing; undefined while it takes), `damaged_blocks`, `silence`, `overflowed_series`, `rejected_points`. */
export const telemetryRules: readonly RecommendationRule[] = [
  {
    id: 'telemetry-refused',
    area: AREA,
    level: 'critical',
    signal: 'refusing',
    unit: 'seconds',
    speaks: 'above',
    threshold: 0,
    source: 'a store takes what it is sent',
    message: 'New data has been refused for {value}: the data directory cannot be written, or the store is damaged.',
    action:
      'Mend what the service’s log names, with its file and its reason; senders repeat what is refused for a while only.',
    traces: 'none',
    link: LINK,
  },
  {
    id: 'blocks-damaged',
    area: AREA,
    level: 'warning',
    signal: 'damaged_blocks',
    unit: 'count',
    speaks: 'above',
    threshold: 0,
    source: 'what a disk was given comes back as it was',
    message:
      '{value} blocks of the store were damaged and put aside: answers lack what finer blocks did not hold, too.',
    action:
      'Check the disk. The service’s log names the times; a backup of the data directory brings them back, and the table damaged of vigil.db keeps the bytes.',
    traces: 'none',
    link: LINK,
  },
  {
    id: 'telemetry-stopped',
    area: AREA,
    level: 'warning',
    signal: 'silence',
    unit: 'seconds',
    speaks: 'above',
    threshold: TELEMETRY_STOPPED_SECONDS,
    source: 'five exports of the SDK’s default interval of 60 s',
    message: 'Nothing has arrived for {value}; applications send at least once in {threshold}.',
    action: 'Check that applications run, that they reach this service, and that their key is right.',
    traces: 'none',
    link: LINK,
  },
  {
    id: 'series-overflowed',
    area: AREA,
    level: 'warning',
    signal: 'overflowed_series',
    unit: 'count',
    speaks: 'above',
    threshold: 0,
    source: 'the bound on series of the store',
    message: '{value} times a new series went to an overflow series: some names are no longer told apart.',
    action: 'Look for an attribute with too many values, such as a name that holds an id.',
    traces: 'none',
    link: LINK,
  },
  {
    id: 'points-rejected',
    area: AREA,
    level: 'warning',
    signal: 'rejected_points',
    unit: 'count',
    speaks: 'above',
    threshold: 0,
    source: 'what the contract says of points',
    message: '{value} data points of the last hour were not taken.',
    action: 'aggregator_points_rejected_total in the Prometheus text says why.',
    traces: 'none',
    link: LINK,
  },
];

export const telemetryHealthy: Remark = {
  id: 'telemetry-healthy',
  area: AREA,
  message: 'Telemetry arrives, and all of it was taken.',
  action: 'Nothing to do.',
  link: LINK,
};

export const telemetrySilent: Remark = {
  id: 'telemetry-none',
  area: AREA,
  message: 'No telemetry has ever arrived.',
  action: 'Start an application with the instrumentation, and give it the address and the key of this service.',
  link: LINK,
};
