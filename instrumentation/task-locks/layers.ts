/** Libraries are built on each other: the upper one reports, and what it does below itself is not reported again. */
import { context, createContextKey } from '@opentelemetry/api';

const REPORTED_ABOVE = createContextKey('vigil.task-locks.reported-above');

/** Runs a function whose locks and keys the caller reports. */
export function reportedAbove<Result>(run: () => Result): Result {
  return context.with(context.active().setValue(REPORTED_ABOVE, true), run);
}

/** Whether an upper layer reports what is done here. */
export function isReportedAbove(): boolean {
  return context.active().getValue(REPORTED_ABOVE) === true;
}
