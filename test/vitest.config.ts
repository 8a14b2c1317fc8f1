import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'test/peers/**'],
    globalSetup: ['test/support/temporary-files.ts'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
