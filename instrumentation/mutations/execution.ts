/** The state of one mutation request, from the executor's call to its answer. */
import type { DiagLogger } from '@opentelemetry/api';
import { answerOf, type DocumentNode, hasErrors, type OperationNode } from './graphql-shapes.ts';
import {
  type CallEnd,
  type ExecutionEnd,
  judge,
  judgeAnswer,
  type SortedAnswer,
  sortAnswer,
  type Verdict,
} from './outcome.ts';
import type { MutationPlan, RootField } from './plan.ts';
import type { RequestCounts } from './requests.ts';
import type { MutationCall, MutationTelemetry } from './telemetry.ts';

/** What one instrumentation shares among its hooks. */
export interface Watch {
  /** Whether anything is observed; wrapped functions outlive a disabled instrumentation. */
  enabled: boolean;
  telemetry: MutationTelemetry;
  readonly requests: RequestCounts;
  readonly diag: DiagLogger;
  /** The document whose executor is being entered: an executor built upon another enters twice. */
  entering: DocumentNode | undefined;
  /** The mutation request being entered: the first root field is called in the same turn, and claims it. */
  current: Execution | undefined;
  /** Requests by the variables object that an executor makes for each of them and shows to every field. */
  readonly executions: WeakMap<object, Execution>;
  /** How many requests of an operation run that were entered without a field claiming them. */
  readonly unclaimed: WeakMap<OperationNode, number>;
  /** Field calls that were counted outside any known request, by their `info`. */
  readonly counted: WeakSet<object>;
}

export interface Execution {
  readonly plan: MutationPlan;
  readonly startMs: number;
  /** The calls seen so far, each at the index of its root field; nothing where none was seen. */
  readonly calls: (RootCall | undefined)[];
  /** How many those are. */
  called: number;
  finished: boolean;
  /** Whether its variables object is known, so that its fields are told from those of another request. */
  claimed: boolean;
  /** Whether its executor returned before that. */
  unclaimed: boolean;
  /** The request that was being entered before this one. */
  readonly outer: Execution | undefined;
}

/** The call of one root field's resolver. */
export interface RootCall extends MutationCall {
  readonly responseKey: string;
  end: CallEnd;
  recorded: boolean;
}

/** Starts a request and makes it the current one until `leaveExecution`. */
export function enterExecution(watch: Watch, plan: MutationPlan): Execution {
  const execution: Execution = {
    plan,
    startMs: performance.now(),
    calls: [],
    called: 0,
    finished: false,
    claimed: false,
    unclaimed: false,
    outer: watch.current,
  };
  watch.current = execution;
  return execution;
}

/**
 * The request that a field belongs to, by the variables object that the executor shows it. The first field of a request
 * is called while its executor is being entered, and claims it.
 */
export function claimExecution(watch: Watch, operation: OperationNode, variableValues: object): Execution | undefined {
  const known = watch.executions.get(variableValues);
  if (known !== undefined) return known;
  const current = watch.current;
  if (current === undefined || current.plan.operation !== operation) return undefined;
  current.claimed = true;
  watch.executions.set(variableValues, current);
  return current;
}

/** To be called when the executor has returned, settled or not. */
export function leaveExecution(watch: Watch, execution: Execution): void {
  if (watch.current === execution) watch.current = execution.outer;
  if (!execution.claimed) {
    execution.unclaimed = true;
    countUnclaimed(watch, execution, 1);
  }
}

function countUnclaimed(watch: Watch, { plan }: Execution, change: 1 | -1): void {
  watch.unclaimed.set(plan.operation, (watch.unclaimed.get(plan.operation) ?? 0) + change);
}

/**
 * Whether a request of this operation runs whose fields cannot be told from another's: its first field was called where
 * no hook sees it. Such fields are recorded from the answer.
 */
export function isUnclaimed(watch: Watch, operation: OperationNode): boolean {
  return (watch.unclaimed.get(operation) ?? 0) > 0;
}

/** Judges and records every mutation of a request whose answer is there, and counts the request. It never throws. */
export function finishExecution(watch: Watch, execution: Execution, value: unknown, threw: boolean): void {
  if (execution.finished) return;
  execution.finished = true;
  if (execution.unclaimed) countUnclaimed(watch, execution, -1);
  try {
    const answer = threw ? undefined : answerOf(value);
    const end: ExecutionEnd = threw ? { threw, error: value } : { threw, answer: sortAnswer(answer) };
    watch.requests.count('mutation', threw || hasErrors(answer) ? 'error' : 'ok');
    for (const call of execution.calls) {
      const verdict = call === undefined ? undefined : judge(call.responseKey, call.end, end);
      if (call !== undefined && verdict !== undefined) recordCall(watch, call, verdict);
    }
    // A request whose fields were all called, as nearly every request is, has nothing else to tell.
    if (!end.threw && execution.called < execution.plan.roots.length) recordUncalled(watch, execution, end.answer);
  } catch (error) {
    watch.diag.error('a mutation was not recorded', error);
  }
}

/** Notes how a root field's resolver ended. It never throws. */
export function settleCall(
  watch: Watch,
  execution: Execution | undefined,
  call: RootCall,
  value: unknown,
  failed: boolean,
): void {
  if (call.end !== undefined) return;
  call.endMs = performance.now();
  // To GraphQL an error that is returned is as good as thrown.
  const erred = failed || value instanceof Error;
  call.end = erred ? { failed: true, error: value } : SETTLED;
  // The request is over, or unknown: nobody else will judge this call.
  if (execution === undefined || execution.finished) {
    recordCall(watch, call, erred ? { outcome: 'failure', error: value } : { outcome: 'success' });
  }
}

const SETTLED: CallEnd = { failed: false };

function recordCall(watch: Watch, call: RootCall, verdict: Verdict): void {
  if (call.recorded) return;
  call.recorded = true;
  try {
    watch.telemetry.record(call, verdict);
  } catch (error) {
    watch.diag.error('a mutation was not recorded', error);
  }
}

/**
 * Records the root fields of which no call was seen: they have no resolver of their own where the executor gives no way to
 * see the default one, or their arguments were refused. Root fields run one after the other, so such a field took the time
 * between its neighbours.
 */
function recordUncalled(watch: Watch, { plan, calls, startMs: begunMs }: Execution, answer: SortedAnswer): void {
  const now = performance.now();
  const ends = endsOfUncalled(plan, calls, now);
  let startMs = begunMs;
  for (const root of plan.roots) {
    const call = calls[root.index];
    const verdict = call === undefined ? judgeAnswer(root.responseKey, answer) : undefined;
    if (call !== undefined) startMs = call.endMs ?? now;
    if (verdict === undefined) continue;
    const uncalled = createCall(root.fieldName, root, startMs);
    uncalled.endMs = startMs = Math.max(startMs, ends[root.index]!);
    watch.telemetry.startSpan(uncalled, Date.now() - (now - uncalled.startMs));
    recordCall(watch, uncalled, verdict);
  }
}

/** For each root field when the next call began that was seen after it, or now. */
function endsOfUncalled(plan: MutationPlan, calls: Execution['calls'], now: number): number[] {
  const ends: number[] = [];
  let next = now;
  for (let index = plan.roots.length - 1; index >= 0; index--) {
    ends[index] = next;
    next = calls[index]?.startMs ?? next;
  }
  return ends;
}

/** Notes a call of a root field, unless one was noted before. */
export function addCall(execution: Execution, root: RootField): RootCall | undefined {
  if (execution.calls[root.index] !== undefined) return undefined;
  execution.called++;
  return (execution.calls[root.index] = createCall(root.fieldName, root));
}

/** A call that starts now, or started at `startMs` of the monotonic clock. */
export function createCall(
  name: string,
  root: Pick<RootField, 'responseKey' | 'complexity'>,
  startMs = performance.now(),
): RootCall {
  return {
    name,
    responseKey: root.responseKey,
    complexity: root.complexity,
    startMs,
    endMs: undefined,
    span: undefined,
    spanStartMs: 0,
    end: undefined,
    recorded: false,
  };
}
