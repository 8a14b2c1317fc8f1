/** Paths that the app serves and the OpenAPI document tells of, beside the table of endpoints. */
/** Below which all endpoints stand, and what an application that holds an aggregator gives to it. */
export const MOUNT_PATH = '/monitoring';
/** Below which pages and health checks stand in an application. */
export const EMBEDDED_PAGE_BASE = `${MOUNT_PATH}/page`;
export const METRICS_PATH = '/monitoring/metrics/prometheus/';
export const STREAM_PATH = '/monitoring/stream/';
