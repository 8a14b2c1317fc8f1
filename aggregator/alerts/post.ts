/** One attempt to hand something over by HTTP. Never throws. */

/**
 * `taken`: answered with 2xx. `refused`: this body will never be taken. `failed`: worth another attempt. A reason is
 * safe to log: it holds no address and nothing that was sent.
 */
export type Attempt =
  | { readonly result: 'taken' }
  | { readonly result: 'refused' | 'failed'; readonly reason: string; readonly retryAfterSeconds?: number };

export interface Request {
  readonly url: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A receiver that has not answered by then is taken for hung. */
const TIMEOUT_MS = 10_000;

/** Statuses that are about the body, not about the receiver or its address. */
const ABOUT_THE_BODY: readonly number[] = [400, 413, 422];

export async function post(request: Request, signal: AbortSignal, timeoutMs = TIMEOUT_MS): Promise<Attempt> {
  try {
    const { url, credentials } = withoutCredentials(request.url);
    const answer = await fetch(url, {
      method: 'POST',
      body: request.body,
      headers: { 'Content-Type': 'application/json', 'User-Agent': 'vigil', ...credentials, ...request.headers },
      // A redirected POST may become a GET, and may lead anywhere.
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    await answer.body?.cancel();
    if (answer.ok) return { result: 'taken' };
    const reason = `answered with ${answer.status}`;
    if (ABOUT_THE_BODY.includes(answer.status)) return { result: 'refused', reason };
    return { result: 'failed', reason, retryAfterSeconds: retryAfter(answer.headers.get('retry-after')) };
  } catch (error) {
    return { result: 'failed', reason: reasonOf(error, timeoutMs) };
  }
}

/** `fetch` takes no address with a user in it. */
function withoutCredentials(address: string): { readonly url: string; readonly credentials: Record<string, string> } {
  const url = new URL(address);
  if (url.username === '' && url.password === '') return { url: address, credentials: {} };
  const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
  url.username = '';
  url.password = '';
  const encoded = Buffer.from(`${user}:${password}`).toString('base64');
  return { url: url.href, credentials: { Authorization: `Basic ${encoded}` } };
}

/** Seconds; the form with a date is rare, and our own pause serves as well. */
function retryAfter(header: string | null): number | undefined {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;
}

function reasonOf(error: unknown, timeoutMs: number): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  if (error instanceof Error && error.name === 'AbortError') return 'the service is closing';
  if (error instanceof URIError) return 'the user or the password in its address is not percent-encoded';
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? `no connection (${code})` : 'no connection';
}
