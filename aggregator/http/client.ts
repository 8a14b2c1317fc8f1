/** A client for the service's answers, whose types are inferred from the table that the service answers from. */
import type { z } from 'zod';
import type { endpoints } from './endpoints.ts';
import type { ErrorCode } from './errors.ts';

type Rows = (typeof endpoints)[number];

/** Path of an endpoint that reports on a window of time. */
export type AnswerPath = Rows['path'];

/** What the endpoint at a path answers. */
export type Answer<Path extends AnswerPath> = z.output<Extract<Rows, { readonly path: Path }>['schema']> & {
  /** When it was computed, ISO 8601, UTC. */
  readonly timestamp: string;
  readonly correlation_id: string;
};

export interface AnswerQuery {
  /** How far back from now, in the endpoint's own unit; its default without it. */
  readonly window?: number;
  /** A `service.name`; all services together without it. */
  readonly service?: string;
  /** What stands at `{id}` of the path. */
  readonly id?: string;
}

export interface ClientOptions {
  /** Where the service is, such as `http://127.0.0.1:8000`. */
  readonly url: string;
  /** A key that may read; none where a session cookie serves. */
  readonly key?: string;
  /** Instead of the global one. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

export interface Client {
  /** @throws AnswerError when the service refuses; what `fetch` throws when it cannot be reached */
  get<Path extends AnswerPath>(path: Path, query?: AnswerQuery, signal?: AbortSignal): Promise<Answer<Path>>;
}

interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly correlation_id: string;
}

/** The service's own word that it cannot give an answer. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly status: number;
  /** Undefined when what answered was not the service, such as a proxy before it. */
  readonly code: ErrorCode | undefined;
  /** Under it the service's log has more. */
  readonly correlationId: string | undefined;
  constructor(status: number, error?: Refusal) {
    super(error?.message ?? `answered ${status}`);
    this.status = status;
    this.code = error?.code;
    this.correlationId = error?.correlation_id;
  }
}

export function createClient({ url, key, fetch = globalThis.fetch }: ClientOptions): Client {
  const headers = { Accept: 'application/json', ...(key === undefined ? {} : { 'X-Monitoring-API-Key': key }) };
  return {
    async get(path, { id, ...query } = {}, signal) {
      const address = new URL(path.replace('{id}', encodeURIComponent(id ?? '')), url);
      for (const [name, value] of Object.entries(query))
        if (value !== undefined) address.searchParams.set(name, String(value));
      const response = await fetch(address.href, { headers, signal });
      // The table's schemas hold what is sent, at the other end of the wire.
      if (response.ok) return (await response.json()) as Answer<typeof path>;
      const body = (await response.json().catch(() => undefined)) as { error?: Refusal } | undefined;
      throw new AnswerError(response.status, body?.error);
    },
  };
}
