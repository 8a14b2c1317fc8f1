import type { Instrumentation } from '@opentelemetry/instrumentation';
import { MutationInstrumentation } from '@vigil/instrumentation-mutations';

/** A new set of all instrumentations of Vigil: the one list of them. Each begins to hook as soon as it is made. */
export function vigilInstrumentations(): Instrumentation[] {
  return [new MutationInstrumentation()];
}
