import { randomUUID } from 'node:crypto';

/** A new correlation id: 32 hex digits, so that it can stand where a trace id does. UUIDs are drawn many at a time. */
export function newCorrelationId(): string {
  return randomUUID().replaceAll('-', '');
}

/** W3C Trace Context: version, trace id, parent id, flags; later versions may append more. */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;

/** Safe in a header, a log line and a JSON string without escaping. */
const WELL_FORMED = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/**
 * The id under which a request is found again: the trace id of a valid `traceparent`, else a well-formed
 * `X-Correlation-ID`, else a new one.
 */
export function correlationIdOf(traceparent: string | undefined, correlationId: string | undefined): string {
  const traceId = traceparent === undefined ? undefined : traceIdOf(traceparent);
  if (traceId !== undefined) return traceId;
  if (correlationId !== undefined && WELL_FORMED.test(correlationId)) return correlationId;
  return newCorrelationId();
}

function traceIdOf(traceparent: string): string | undefined {
  const match = TRACEPARENT.exec(traceparent);
  if (match === null) return undefined;
  const [, version, traceId, parentId, more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(parentId)) return undefined;
  return traceId;
}
