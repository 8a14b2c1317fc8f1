import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/**
 * These start processes and ask them; in their own they set and keep nothing. Files follow one another in one process: to
 * start one, with what reads and writes OTLP in it, costs more than most of them do.
 */
const ASKING_PROCESSES = [
  'test/{documents,e2e}/*.test.ts',
  'test/aggregator/{garbage-collection,main}.test.ts',
  'test/otel-config/doctor/*.test.ts',
  'test/otel-config/{api-copies,collector,copies,ends,export-failures,locks,module-hooks,prometheus,register,views}.test.ts',
];
/** What is tested here keeps nothing in its modules. The others patch things, or set what is true for a whole process. */
const IN_ONE_PROCESS = [
  'test/*.test.ts',
  'test/aggregator/{api-key,config,metrics}.test.ts',
  'test/aggregator/{alerts,domain,http,objectives,otlp,page,prometheus-rules,reports,store}/**/*.test.ts',
  'test/grafana/**/*.test.ts',
  'test/instrumentation/security-blocks/sqli/**/*.test.ts',
];
const NONE_OF_OURS = ['**/node_modules/**', 'test/peers/**'];
/** For what hangs: other work on the machine must not be what fails a test. */
const LIMITS = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  root,
  test: {
    globalSetup: ['test/support/temporary-files.ts'],
    // One more than there are cores: many tests wait for processes that they start.
    maxWorkers: availableParallelism() + 1,
    // In the order of their names: first those that wait for processes, and what is small fills the end.
    projects: [
      {
        root,
        test: { ...LIMITS, name: 'a processes', include: ASKING_PROCESSES, exclude: NONE_OF_OURS, isolate: false },
      },
      {
        root,
        test: {
          ...LIMITS,
          name: 'b alone',
          include: ['test/**/*.test.ts'],
          exclude: [...NONE_OF_OURS, ...ASKING_PROCESSES, ...IN_ONE_PROCESS],
        },
      },
      {
        root,
        test: { ...LIMITS, name: 'c in one process', include: IN_ONE_PROCESS, exclude: NONE_OF_OURS, isolate: false },
      },
    ],
  },
});
