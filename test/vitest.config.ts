import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const root = new URL('..', import.meta.url).pathname;

/**
 * What is tested here keeps nothing in its modules, so files follow one another in one process: to start one costs more
 * than most of them do. The others start and patch things, or set what is true for a whole process.
 */
const IN_ONE_PROCESS = [
  'test/aggregator/{alerts,domain,http,objectives,otlp,page,prometheus-rules,reports,store}/**/*.test.ts',
  'test/grafana/**/*.test.ts',
  'test/instrumentation/security-blocks/sqli/**/*.test.ts',
];
const NONE_OF_OURS = ['**/node_modules/**', 'test/peers/**'];
const LIMITS = { testTimeout: 20_000, hookTimeout: 30_000 };

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
        test: {
          ...LIMITS,
          name: 'alone',
          include: ['test/**/*.test.ts'],
          exclude: [...NONE_OF_OURS, ...IN_ONE_PROCESS],
        },
      },
      {
        root,
        test: { ...LIMITS, name: 'in one process', include: IN_ONE_PROCESS, exclude: NONE_OF_OURS, isolate: false },
      },
    ],
  },
});
