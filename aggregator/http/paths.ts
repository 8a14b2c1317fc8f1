/** Paths that the app serves and the OpenAPI document tells of, beside the table of endpoints. */
export const METRICS_PATH = '/monitoring/metrics/prometheus/';
export const STREAM_PATH = '/monitoring/stream/';
