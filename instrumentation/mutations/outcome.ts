import type { Answer, AnswerError } from './graphql-shapes.ts';

/** `vigil.mutation.outcome`; see the registry for what each says. */
export type MutationOutcome = 'success' | 'partial' | 'failure' | 'aborted';

export interface Verdict {
  readonly outcome: MutationOutcome;
  /** What `error.type` is read from; absent on success. */
  readonly error?: unknown;
}

/** How the call of a root field's resolver ended; undefined while it has not. */
export type CallEnd = { readonly failed: boolean; readonly error?: unknown } | undefined;

/** An answer with its errors sorted by the root field they belong to: clients may alias thousands of them. */
export interface SortedAnswer {
  readonly data: Answer['data'];
  readonly errors: ReadonlyMap<unknown, readonly AnswerError[]>;
}

/** How an execution ended: with an answer, or by throwing. */
export type ExecutionEnd =
  | { readonly threw: false; readonly answer: SortedAnswer }
  | { readonly threw: true; readonly error: unknown };

const NO_ERRORS: SortedAnswer['errors'] = new Map();

/** @param answer undefined when the execution gave something that is no answer */
export function sortAnswer(answer: Answer | undefined): SortedAnswer {
  if (answer?.errors === undefined || answer.errors.length === 0) return { data: answer?.data, errors: NO_ERRORS };
  return { data: answer.data, errors: Map.groupBy(answer.errors, (error) => error.path?.[0]) };
}

const SUCCESS: Verdict = { outcome: 'success' };

/**
 * Judges one root field once its execution is over.
 *
 * A resolver's own error is a failure. So is an error of the field itself, and an error below it that left nothing of the
 * field in the answer; an error below that left the rest is partial. A resolver that never settled before its execution
 * threw was aborted.
 *
 * @returns undefined when nothing can be said yet: the resolver still runs, as deferred parts of an answer do
 */
export function judge(responseKey: string, call: CallEnd, end: ExecutionEnd): Verdict | undefined {
  if (call?.failed === true) return { outcome: 'failure', error: call.error };
  if (end.threw) return call === undefined ? { outcome: 'aborted', error: reasonOf(end.error) } : SUCCESS;
  const verdict = judgeAnswer(responseKey, end.answer);
  return verdict ?? (call === undefined ? undefined : SUCCESS);
}

/**
 * Judges one root field by the answer alone.
 * @returns undefined when the answer does not speak of the field
 */
export function judgeAnswer(responseKey: string, { data, errors }: SortedAnswer): Verdict | undefined {
  const value = data?.[responseKey];
  const its = errors.get(responseKey);
  if (its === undefined) return value === undefined ? undefined : SUCCESS;
  const own = its.find((error) => error.path?.length === 1);
  if (own !== undefined) return { outcome: 'failure', error: own };
  return { outcome: value == null ? 'failure' : 'partial', error: its[0] };
}

/** The reason that graphql 17 wraps when a signal aborts an execution, else the error itself. */
function reasonOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== 'AbortedGraphQLExecutionError') return error;
  return error.cause instanceof Error ? error.cause : error;
}
