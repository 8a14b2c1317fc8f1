/** What is read is confidential and of this moment; nothing here is a page. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};

/**
 * The headers that stand on every answer to a reader, errors too.
 * @param durationMs how long the service worked on the request; 0 for one that it could not read
 */
export function commonHeaders(correlationId: string, durationMs: number): Readonly<Record<string, string>> {
  return {
    ...SECURITY_HEADERS,
    'X-Correlation-ID': correlationId,
    'X-Request-Duration-Ms': durationMs.toFixed(2),
  };
}
