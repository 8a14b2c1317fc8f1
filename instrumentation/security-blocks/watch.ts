/** What one instrumentation shares among its hooks, and what becomes of a block. */
import diagnostics_channel from 'node:diagnostics_channel';
import type { DiagLogger } from '@opentelemetry/api';
import { channels, type GraphqlBlockedMessage } from '@vigil/semconv';
import { clientAddressOf, normaliseAddress } from './address.ts';
import type { NameClient } from './client-names.ts';
import type { BlockCounts, SecurityAction, SecuritySurface } from './counts.ts';
import type { ClientGate } from './gate.ts';
import { type Kinds, type SecurityCategory, securityCategories } from './kinds.ts';
import { headerOf, type Incoming, incomingOf, pathOf, stateOf } from './request.ts';
import type { SecurityBlockSettings } from './settings.ts';
import type { BlockSpans } from './spans.ts';

export interface Watch {
  /** Whether anything is observed; wrapped functions outlive a disabled instrumentation. */
  enabled: boolean;
  readonly settings: SecurityBlockSettings;
  readonly kinds: Kinds;
  readonly counts: BlockCounts;
  readonly nameClient: NameClient;
  readonly spans: BlockSpans;
  readonly diag: DiagLogger;
}

/** A block as a hook sees it. */
export interface Block {
  readonly category: SecurityCategory;
  readonly pattern?: string | undefined;
  /** @default 'blocked' */
  readonly action?: SecurityAction | undefined;
  /** @default what the request's path says */
  readonly surface?: SecuritySurface | undefined;
  readonly parameter?: string | undefined;
  /** @default the address of the request, by trusted hops */
  readonly client?: string | undefined;
  /** @default the request being answered */
  readonly request?: unknown;
  /**
   * Whether a GraphQL request was refused as a whole: `yes` before anything executed, `no` when something executes all the
   * same, `by_status` when only the status of the answer tells. @default 'yes' where `action` is `blocked`
   */
  readonly refusesGraphql?: 'yes' | 'no' | 'by_status' | undefined;
  /** The parsed document that was refused. */
  readonly document?: object | undefined;
}

/** Gates that every block passes, one for each reader of client counts; they live as long as the process. */
const GATES = Symbol.for('vigil.instrumentation.security-blocks.gates');
const shared = globalThis as { [GATES]?: Set<ClientGate> };
export const gates: Set<ClientGate> = (shared[GATES] ??= new Set<ClientGate>());

/** Records a block, once for each category and request. It never throws. */
export function recordBlock(watch: Watch, block: Block): void {
  if (!watch.enabled) return;
  try {
    const request = incomingOf(block.request);
    const surface = block.surface ?? surfaceOf(watch, request);
    if (isFirstOfRequest(block, request)) emit(watch, block, surface, request);
    if (surface === 'graphql' && block.action !== 'detected') tellRefusal(block, request);
  } catch (error) {
    watch.diag.error(`a security block (${block.category}) is not recorded`, error);
  }
}

/**
 * A library and the net both see one refusal. A failed login has no net below it, and one GraphQL request may hold many.
 */
function isFirstOfRequest({ category }: Block, request: Incoming | undefined): boolean {
  if (request === undefined || category === 'authentication') return true;
  const state = stateOf(request);
  const bit = 1 << securityCategories.indexOf(category);
  if ((state.recorded & bit) !== 0) return false;
  state.recorded |= bit;
  return true;
}

function emit(watch: Watch, block: Block, surface: SecuritySurface, request: Incoming | undefined): void {
  const { parameter, action = 'blocked' } = block;
  const kind = watch.kinds.of(block.category, block.pattern);
  const nowMs = Date.now();
  const client = clientOf(watch, block.client, request);
  watch.counts.count(kind, action, surface);
  for (const gate of gates) gate.record(client, kind, nowMs);
  watch.spans.record({ kind, action, surface, parameter, client }, nowMs);
}

function clientOf(watch: Watch, given: string | undefined, request: Incoming | undefined): string | undefined {
  const address =
    given !== undefined
      ? normaliseAddress(given)
      : request === undefined
        ? undefined
        : clientAddressOf(
            request.socket?.remoteAddress,
            headerOf(request, 'x-forwarded-for'),
            watch.settings.trustedHops,
          );
  return address === undefined ? undefined : watch.nameClient(address);
}

/** Where a request went, by the end of its path: what is mounted elsewhere has GraphQL at the same end. */
export function surfaceOf(watch: Watch, request: Incoming | undefined): SecuritySurface {
  if (request === undefined) return 'http';
  const path = withoutClosingSlash(pathOf(request));
  const isGraphql = watch.settings.graphqlPaths.some((served) => {
    const end = withoutClosingSlash(served);
    // The root is the end of no other path.
    return end === '' ? path === '' : path.endsWith(end);
  });
  return isGraphql ? 'graphql' : 'http';
}

function withoutClosingSlash(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

/** Tells who counts GraphQL requests of one that was refused, once; a preflight is none. */
function tellRefusal(block: Block, request: Incoming | undefined): void {
  const { refusesGraphql = 'yes', category, document } = block;
  if (refusesGraphql === 'no' || category === 'authentication' || request?.method === 'OPTIONS') return;
  const state = request === undefined ? undefined : stateOf(request);
  if (refusesGraphql === 'by_status') {
    if (state !== undefined) state.undecided = true;
    return;
  }
  tellBlocked(state, document);
}

/** @param document of a batch each document is a request of its own */
export function tellBlocked(state: ReturnType<typeof stateOf> | undefined, document?: object): void {
  if (state?.toldBlocked && (document === undefined || document === state.toldDocument)) return;
  if (state !== undefined) {
    state.toldBlocked = true;
    state.toldDocument = document;
  }
  const message: GraphqlBlockedMessage = document === undefined ? {} : { document };
  diagnostics_channel.channel(channels.graphqlBlocked).publish(message);
}
