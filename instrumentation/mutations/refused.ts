/** Requests that never execute: they cannot be parsed, are not valid, or were blocked. They are requests, not mutations. */
import diagnostics_channel from 'node:diagnostics_channel';
import { channels, type GraphqlBlockedMessage } from '@vigil/semconv';
import type { Watch } from './execution.ts';
import type { DocumentNode, OperationType } from './graphql-shapes.ts';
import type { RequestType } from './requests.ts';

/** Documents whose request somebody blocked, until the validation that found them invalid is counted. */
const blockedDocuments = new WeakSet<object>();

/**
 * Counts as `blocked` what is published on the channel for it; whoever blocks requests needs to know nothing else of
 * this package.
 * @returns ends the subscription
 */
export function subscribeToBlocked(watch: Watch): () => void {
  // Whatever others publish is taken: an error thrown here would end their process.
  const onBlocked = (message: unknown): void => {
    const { operationType, document } = (message ?? {}) as { readonly [Key in keyof GraphqlBlockedMessage]: unknown };
    if (typeof document === 'object' && document !== null) blockedDocuments.add(document);
    watch.requests.count(isRequestType(operationType) ? operationType : 'unknown', 'blocked');
  };
  diagnostics_channel.subscribe(channels.graphqlBlocked, onBlocked);
  return () => diagnostics_channel.unsubscribe(channels.graphqlBlocked, onBlocked);
}

function isRequestType(value: unknown): value is RequestType {
  return value === 'query' || value === 'mutation' || value === 'subscription';
}

/** Counts a request whose text cannot be parsed. It never throws. */
export function countUnparsable(watch: Watch, source: unknown): void {
  if (!watch.enabled) return;
  const text = typeof source === 'string' ? source : (source as { body?: unknown } | null | undefined)?.body;
  watch.requests.count(typeof text === 'string' ? typeOfText(text) : 'unknown', 'error');
}

/**
 * Counts a request whose document was validated, when errors were found. It never throws.
 * @param errors what validation returned
 */
export function countInvalid(watch: Watch, document: unknown, errors: unknown): void {
  if (!watch.enabled || !Array.isArray(errors) || errors.length === 0) return;
  if (typeof document !== 'object' || document === null) return;
  // Some validation rules are blocks, and whoever says so may hear of the errors after us in this same turn.
  queueMicrotask(() => {
    if (!blockedDocuments.delete(document)) watch.requests.count(typeOfDocument(document as DocumentNode), 'error');
  });
}

/** The type that all operations of a document share. */
function typeOfDocument(document: DocumentNode): RequestType {
  const types = new Set<OperationType>();
  for (const definition of document.definitions ?? []) {
    if (definition.kind === 'OperationDefinition') types.add(definition.operation);
  }
  const [type] = types;
  return type !== undefined && types.size === 1 ? type : 'unknown';
}

/** Commas, blanks and comments, then a keyword or the brace of an anonymous query. */
const OPERATION_START = /^(?:[\s,\uFEFF]|#[^\n\r]*[\n\r])*(?:(query|mutation|subscription)\b|(\{))/;

/** The type a text begins with; what comes later cannot be trusted in a text that does not parse. */
function typeOfText(text: string): RequestType {
  const found = OPERATION_START.exec(text.slice(0, 1024));
  if (found === null) return 'unknown';
  return found[2] === '{' ? 'query' : (found[1] as OperationType);
}
