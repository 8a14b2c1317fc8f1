/** Requests that an aggregator inside the application answers itself: what becomes of them is not the application's telemetry. */
const MARK = Symbol.for('vigil.monitoring-request');

/** Shared by copies of this package; a request that cannot be changed stays unmarked. */
export function markMonitoringRequest(request: object): void {
  Reflect.set(request, MARK, true);
}

export function isOfMonitoring(request: object): boolean {
  return Reflect.get(request, MARK) === true;
}
