/**
 * graphql 17 tells what it does on tracing channels; nothing is patched, so bundles and a late start are served too.
 * `graphql:resolve` stays unused: it fires for every field of every query.
 */
import { tracingChannel } from 'node:diagnostics_channel';
import {
  claimExecution,
  type Execution,
  enterExecution,
  finishExecution,
  leaveExecution,
  type Watch,
} from '../execution.ts';
import { wrapRootFields } from '../field.ts';
import { answerOf, type DocumentNode, hasErrors, type OperationNode, type Schema } from '../graphql-shapes.ts';
import { planOf } from '../plan.ts';
import { countInvalid, countUnparsable } from '../refused.ts';
import type { RequestType } from '../requests.ts';

/** How a traced call ended: `error` is there when it threw or rejected, `result` when it did not. */
interface Ended {
  readonly error?: unknown;
  readonly result?: unknown;
}

interface ParseMessage extends Ended {
  readonly source: unknown;
}

interface ValidateMessage extends Ended {
  readonly document: DocumentNode;
}

/** On a message whose execution is observed. A WeakMap of what lives so shortly costs more than all else here. */
const EXECUTION = Symbol('vigil.mutations.execution');

interface OperationMessage extends Ended {
  readonly schema: Schema;
  readonly document: DocumentNode;
  readonly operation: OperationNode;
  [EXECUTION]?: Execution;
}

/** Subscribers to the events of one channel; each is fenced, for an error in one would end the process. */
type Subscribers<Message> = Partial<Record<'start' | 'end' | 'asyncEnd' | 'error', (message: Message) => void>>;

/**
 * Subscribes to the channels of graphql 17.
 * @returns ends all subscriptions
 */
export function subscribeToGraphql17(watch: Watch): () => void {
  const ends = [
    subscribe(watch, 'graphql:execute:rootSelectionSet', executionSubscribers(watch)),
    subscribe(watch, 'graphql:execute:variableCoercion', coercionSubscribers(watch)),
    subscribe(watch, 'graphql:subscribe', subscriptionSubscribers(watch)),
    subscribe<ParseMessage>(watch, 'graphql:parse', { error: ({ source }) => countUnparsable(watch, source) }),
    subscribe<ValidateMessage>(watch, 'graphql:validate', {
      end: ({ document, result }) => countInvalid(watch, document, result),
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

function subscribe<Message>(watch: Watch, name: string, subscribers: Subscribers<Message>): () => void {
  const channel = tracingChannel(name);
  const fenced = Object.fromEntries(
    Object.entries(subscribers).map(([event, subscriber]) => [
      event,
      (message: unknown): void => {
        if (!watch.enabled) return;
        try {
          subscriber(message as Message);
        } catch (error) {
          watch.diag.error(`${name} is not observed`, error);
        }
      },
    ]),
  );
  channel.subscribe(fenced as unknown as Parameters<typeof channel.subscribe>[0]);
  return () => void channel.unsubscribe(fenced as unknown as Parameters<typeof channel.unsubscribe>[0]);
}

function executionSubscribers(watch: Watch): Subscribers<OperationMessage> {
  const finish = (message: OperationMessage): void => {
    const threw = 'error' in message;
    const type = message.operation.operation;
    if (type === 'mutation') {
      const execution = message[EXECUTION];
      if (execution !== undefined) finishExecution(watch, execution, threw ? message.error : message.result, threw);
    } else if (type === 'query') {
      watch.requests.count(type, threw || hasErrors(answerOf(message.result)) ? 'error' : 'ok');
    }
    // What else comes here are the events of a subscription, which was counted when it began.
  };
  return {
    start(message) {
      if (message.operation.operation !== 'mutation') return;
      const plan = planOf(message.document, message.operation);
      wrapRootFields(watch, message.schema, plan);
      message[EXECUTION] = enterExecution(watch, plan);
      claimCoerced(watch);
    },
    end(message) {
      const execution = message[EXECUTION];
      if (execution !== undefined) leaveExecution(watch, execution);
      if (hasEnded(message)) finish(message);
    },
    asyncEnd: finish,
  };
}

/** At `end` a call that goes on asynchronously has neither result nor error. */
function hasEnded(message: Ended): boolean {
  return 'result' in message || 'error' in message;
}

/** Variables that were coerced for an operation which is about to execute in this same turn. */
interface Coerced {
  readonly operation: OperationNode;
  readonly variableValues: object;
}

const coercedBy = new WeakMap<Watch, Coerced>();

/**
 * Refused variables end a request before it executes. Accepted ones are the object that every field of the request will
 * show, also when its first field is a default resolver, which is not seen here.
 */
function coercionSubscribers(watch: Watch): Subscribers<OperationMessage> {
  return {
    end({ operation, result }) {
      const { errors, variableValues } = (result ?? {}) as { errors?: unknown; variableValues?: object };
      const type: RequestType = operation.operation;
      // A subscription with refused variables is counted by its own channel.
      if (errors !== undefined && type !== 'subscription') watch.requests.count(type, 'error');
      if (variableValues !== undefined && type === 'mutation') coercedBy.set(watch, { operation, variableValues });
    },
  };
}

function claimCoerced(watch: Watch): void {
  const coerced = coercedBy.get(watch);
  coercedBy.delete(watch);
  if (coerced !== undefined) claimExecution(watch, coerced.operation, coerced.variableValues);
}

function subscriptionSubscribers(watch: Watch): Subscribers<Ended> {
  const count = (message: Ended): void => {
    const failed = 'error' in message || hasErrors(answerOf(message.result));
    watch.requests.count('subscription', failed ? 'error' : 'ok');
  };
  return { end: (message) => hasEnded(message) && count(message), asyncEnd: count };
}
