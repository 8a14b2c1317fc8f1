/** Recording by hand: the way in for everything that no hook reaches, and for the middlewares of this package. */
import { diag } from '@opentelemetry/api';
import type { SecurityAction, SecuritySurface } from './counts.ts';
import { type SecurityCategory, securityCategories } from './kinds.ts';
import { recordBlock, type Watch } from './watch.ts';

export interface SecurityBlock {
  readonly category: SecurityCategory;
  /**
   * What within the category: a constant in lower case such as `union` or `token`, never made from input. Anything else
   * becomes `_OTHER`.
   */
  readonly pattern?: string;
  /** `blocked`: refused; `detected`: seen and let through. @default 'blocked' */
  readonly action?: SecurityAction;
  /** Where the request went. @default `graphql` where its path ends as GraphQL's does, else `http` */
  readonly surface?: SecuritySurface;
  /** Name of the parameter that was refused, never its value. It is told on spans only. */
  readonly parameter?: string;
  /** Address of the client. @default that of the request, by trusted hops */
  readonly client?: string;
  /**
   * The request: Node's, Express', Fastify's, Koa's or Hono's context. Needed only where asynchronous context is lost.
   * @default the request being answered
   */
  readonly request?: object;
}

/** Where the running instrumentation is found, also by another copy of this package. */
const RUNNING = Symbol.for('vigil.instrumentation.security-blocks');
const shared = globalThis as { [RUNNING]?: Watch | undefined };

/**
 * Makes a watch the one of this process, unless another one is: two would count every block twice.
 * @returns whether it is the one now
 */
export function setRunning(watch: Watch): boolean {
  shared[RUNNING] ??= watch;
  return shared[RUNNING] === watch;
}

/** Ends that, when it still is the one. */
export function clearRunning(watch: Watch): void {
  if (shared[RUNNING] === watch) shared[RUNNING] = undefined;
}

/**
 * Records that a request was refused, or that an attack was seen: one count, one span, and a place for its client among
 * those that are watched.
 *
 * Of one request and category only the first counts, whoever records it: a library's hook, the net below it, or this. Of
 * `authentication`, failed logins, each counts. A `blocked` GraphQL request is also counted as such among all GraphQL
 * requests, failed logins excepted, for there something executes. Does nothing without a running
 * `SecurityBlockInstrumentation`, and never throws.
 */
export function recordSecurityBlock(block: SecurityBlock): void {
  const watch = shared[RUNNING];
  if (watch === undefined) return;
  if (securityCategories.includes(block?.category)) recordBlock(watch, block);
  else diag.warn(`recordSecurityBlock: category must be one of ${securityCategories.join(', ')}; nothing is recorded`);
}
