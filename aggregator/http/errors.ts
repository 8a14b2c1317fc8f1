/**
 * The one table of errors, and the one place that renders them. Messages are ours: they never repeat what a client sent.
 */
import { NotKnown } from '../reports/report.ts';
import { StoreUnavailable } from '../store/port.ts';
import { prefersProblem } from './negotiation.ts';

export interface ErrorDefinition {
  readonly status: 400 | 403 | 404 | 405 | 406 | 429 | 500 | 503;
  /** What a client is told when nothing more precise is known. */
  readonly message: string;
}

const table = {
  INVALID_WINDOW: { status: 400, message: 'window must be a whole number from 1 up to the retention.' },
  INVALID_FORMAT: { status: 400, message: 'format must be json or prometheus.' },
  INVALID_PARAMETER: { status: 400, message: 'The request has a parameter that cannot be used.' },
  INVALID_API_KEY: {
    status: 403,
    message: 'A valid key is needed, as X-Monitoring-API-Key or as Authorization: Bearer.',
  },
  NOT_FOUND: { status: 404, message: 'There is nothing at this path.' },
  METHOD_NOT_ALLOWED: { status: 405, message: 'This path does not take this method.' },
  NOT_ACCEPTABLE: { status: 406, message: 'None of the media types in Accept can be given here.' },
  RATE_LIMITED: { status: 429, message: 'Too many wrong keys came from this address.' },
  INTERNAL: { status: 500, message: 'The answer could not be made. The log has the cause under the correlation id.' },
  UNAVAILABLE: { status: 503, message: 'The service cannot answer now.' },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof table;

/** Every error by its code. */
export const errorTable: Readonly<Record<ErrorCode, ErrorDefinition>> = table;

/** An error that is meant for the client. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  /** Such as Allow or Retry-After. */
  readonly headers: Readonly<Record<string, string>>;
  constructor(code: ErrorCode, message?: string, headers: Readonly<Record<string, string>> = {}) {
    super(message ?? errorTable[code].message);
    this.code = code;
    this.headers = headers;
  }
}

/** What a client may know of any error: nothing at all of one that was not meant for it. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StoreUnavailable)
    return new ApiError('UNAVAILABLE', error.message, { 'Retry-After': retryAfter(error.retryAfterSeconds) });
  if (error instanceof NotKnown) return new ApiError('NOT_FOUND', error.message);
  return new ApiError('INTERNAL');
}

/** Retry-After in whole seconds, at least 1. */
export function retryAfter(seconds: number): string {
  return String(Math.max(1, Math.ceil(seconds)));
}

export interface ErrorContext {
  readonly accept: string | undefined;
  readonly correlationId: string;
  readonly nowMs: number;
}

export function renderError(error: unknown, { accept, correlationId, nowMs }: ErrorContext): Response {
  const { code, message, headers } = asApiError(error);
  const { status } = errorTable[code];
  const timestamp = new Date(nowMs).toISOString();
  if (prefersProblem(accept)) {
    const problem = {
      type: 'about:blank',
      title: code,
      status,
      detail: message,
      code,
      correlation_id: correlationId,
      timestamp,
    };
    return Response.json(problem, { status, headers: { ...headers, 'Content-Type': 'application/problem+json' } });
  }
  const body = { error: { code, message, correlation_id: correlationId, timestamp } };
  return Response.json(body, { status, headers });
}
