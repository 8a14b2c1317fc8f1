/** Says in one clear line, once for each cause, that telemetry does not arrive; the SDK alone says nothing by default. */
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { printNotice } from './notice.ts';

/** What is exported whereto. */
export interface ExportTarget {
  readonly signal: 'metrics' | 'traces';
  readonly endpoint: string;
}

export type FailureCause = 'unreachable' | 'refused' | 'rejected';

interface Exporter {
  // The items differ by signal and only pass through.
  export(items: never, done: (result: ExportResult) => void): void;
}

/** The exporter itself, its first failure of each cause told on standard error. */
export function noticingFailures<E extends Exporter>(exporter: E, target: ExportTarget): E {
  const told = new Set<FailureCause>();
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      if (result.code === ExportResultCode.FAILED) tellOnce(told, target, result.error);
      done(result);
    });
  return exporter;
}

function tellOnce(told: Set<FailureCause>, target: ExportTarget, error: Error | undefined): void {
  const { cause, detail } = describeFailure(error);
  if (told.has(cause)) return;
  told.add(cause);
  printNotice(`${sentences[cause](target, detail)} Said once; export goes on trying.`);
}

const sentences: Record<FailureCause, (target: ExportTarget, detail: string) => string> = {
  unreachable: ({ signal, endpoint }, detail) =>
    `${signal} cannot reach ${withoutSecrets(endpoint)} (${detail}): is something listening there? OTEL_EXPORTER_OTLP_ENDPOINT says where to.`,
  refused: ({ signal, endpoint }, detail) =>
    `${signal} are refused by ${withoutSecrets(endpoint)} (${detail}): OTEL_EXPORTER_OTLP_HEADERS carries the key, for Vigil's aggregator as "X-Monitoring-API-Key=KEY".`,
  rejected: ({ signal, endpoint }, detail) => `${signal} are not taken by ${withoutSecrets(endpoint)} (${detail}).`,
};

/** Codes of gRPC, numbers below those of HTTP: PERMISSION_DENIED and UNAUTHENTICATED, DEADLINE_EXCEEDED and UNAVAILABLE. */
const REFUSED_CODES: readonly unknown[] = [401, 403, 7, 16];
const UNREACHABLE_CODES: readonly unknown[] = [4, 14];

/**
 * @param error what an exporter gave as the reason; some failures have none
 * @returns the cause, and a detail for people: a status, a system error code or a message
 */
export function describeFailure(error: Error | undefined): { cause: FailureCause; detail: string } {
  const code = error !== undefined && 'code' in error ? error.code : undefined;
  const message = error?.message ?? '';
  if (REFUSED_CODES.includes(code)) return { cause: 'refused', detail: `${code} ${message}`.trim() };
  // Several addresses tried in vain give an error with a code and no message.
  if (typeof code === 'string') return { cause: 'unreachable', detail: code };
  if (UNREACHABLE_CODES.includes(code) || message === 'Request timed out')
    return { cause: 'unreachable', detail: message };
  if (typeof code === 'number') return { cause: 'rejected', detail: `${code} ${message}`.trim() };
  return { cause: 'rejected', detail: message === '' ? 'no reason given' : message };
}

/** An endpoint as it may be shown: without user, password and query. */
export function withoutSecrets(endpoint: string): string {
  const url = URL.parse(endpoint);
  if (url === null || !/^https?:$/.test(url.protocol)) return 'an endpoint that is no http address';
  return `${url.protocol}//${url.host}${url.pathname}`;
}
