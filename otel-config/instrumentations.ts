import type { Instrumentation } from '@opentelemetry/instrumentation';
import { MutationInstrumentation } from '@vigil/instrumentation-mutations';

/** The one list of them. */
const kinds: readonly (new () => Instrumentation)[] = [MutationInstrumentation];

/**
 * A new set of all instrumentations of Vigil. Each begins to hook as soon as it is made.
 * @param given what the user brings along: an instrumentation of Vigil among them, with its own settings, is not made again
 */
export function vigilInstrumentations(given: readonly Instrumentation[] = []): Instrumentation[] {
  return kinds.filter((Kind) => !given.some((one) => one instanceof Kind)).map((Kind) => new Kind());
}
