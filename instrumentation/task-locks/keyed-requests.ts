/** HTTP requests that carry an `Idempotency-Key`, known to whatever code runs for them. */
import { AsyncLocalStorage } from 'node:async_hooks';

export interface KeyedRequest {
  readonly key: string;
  /** Whether a layer below has told what became of this key. */
  isReported: boolean;
}

const requests = new AsyncLocalStorage<KeyedRequest | undefined>();

/** Makes a request, or none, the one for which everything runs that the current turn leads to. */
export function enterRequest(request: KeyedRequest | undefined): void {
  requests.enterWith(request);
}

export function currentKeyedRequest(): KeyedRequest | undefined {
  return requests.getStore();
}
