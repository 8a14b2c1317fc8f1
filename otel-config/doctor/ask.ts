/** One bounded HTTP question. Redirects are not followed: a key must not get to another address. */
import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface Question {
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with its length; none when absent. */
  readonly body?: string;
  /** A file of authorities that are trusted in place of the system's, as the exporters do with theirs. */
  readonly authorities?: string;
}

export type Answer =
  | {
      readonly status: number;
      readonly text: string;
      readonly correlated: boolean;
      /** Of the `Date` header, Unix ms; NaN where there is none. */
      readonly dateMs: number;
      /** When it was asked and answered, by the own clock, Unix ms. */
      readonly askedMs: number;
      readonly answeredMs: number;
    }
  /** `failed` is the system's code, such as ECONNREFUSED, or a message. */
  | { readonly failed: string };

/** Longest wait for one answer. */
export const ANSWER_MS = 3000;
/** Longer bodies are cut. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** Never rejects. */
export function ask(url: string, { method = 'GET', headers = {}, body, authorities }: Question = {}): Promise<Answer> {
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return Promise.resolve({ failed: 'not an http address' });
  const askedMs = Date.now();
  const failed = (error: NodeJS.ErrnoException) => resolve({ failed: error.code ?? error.message });
  try {
    const send = parsed.protocol === 'https:' ? requestHttps : requestHttp;
    const options = { method, headers: { ...headers, 'Content-Length': String(Buffer.byteLength(body ?? '')) } };
    const request = send(parsed, { ...options, ...trusting(authorities), agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        if (text.length < MAX_TEXT_BYTES) text += chunk;
      });
      response.on('error', failed);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          text,
          correlated: response.headers['x-correlation-id'] !== undefined,
          dateMs: Date.parse(response.headers.date ?? ''),
          askedMs,
          answeredMs: Date.now(),
        }),
      );
    });
    const timer = setTimeout(() => request.destroy(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS);
    request.on('close', () => clearTimeout(timer));
    request.on('error', failed);
    request.end(body);
  } catch (error) {
    failed(error as Error);
  }
  return promise;
}

/** @throws Error without a code: one of the system would be taken for the receiver's */
function trusting(file: string | undefined): { readonly ca?: Buffer } {
  if (file === undefined) return {};
  try {
    return { ca: readFileSync(file) };
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}

/** What a JSON body holds; undefined where it is no object. */
export function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
