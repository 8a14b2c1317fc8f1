import type { Instrumentation } from '@opentelemetry/instrumentation';
import { MutationInstrumentation } from '@vigil/instrumentation-mutations';
import { SecurityBlockInstrumentation, settingsFromEnvironment } from '@vigil/instrumentation-security-blocks';
import { TaskLockInstrumentation } from '@vigil/instrumentation-task-locks';
import { printNotice } from './notice.ts';

interface Kind {
  readonly of: new () => Instrumentation;
  /** Makes one with the settings that the environment has for it. */
  make(): Instrumentation;
}

/** The one list of them. */
const kinds: readonly Kind[] = [
  { of: MutationInstrumentation, make: () => new MutationInstrumentation() },
  { of: TaskLockInstrumentation, make: () => new TaskLockInstrumentation() },
  { of: SecurityBlockInstrumentation, make: securityBlocks },
];

/**
 * A new set of all instrumentations of Vigil. Each begins to hook as soon as it is made.
 * @param given what the user brings along: an instrumentation of Vigil among them, with its own settings, is not made again
 */
export function vigilInstrumentations(given: readonly Instrumentation[] = []): Instrumentation[] {
  return kinds.filter(({ of }) => !given.some((one) => one instanceof of)).map(({ make }) => make());
}

function securityBlocks(): Instrumentation {
  const { settings, problems } = settingsFromEnvironment(process.env);
  for (const problem of problems) printNotice(problem);
  return new SecurityBlockInstrumentation(settings);
}
