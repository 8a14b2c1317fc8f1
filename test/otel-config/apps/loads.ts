/** Loads the package that own-instrumentation.ts patches, in the way that its argument names. */
import { createRequire } from 'node:module';

const { Hono } = process.argv[2] === 'require' ? createRequire(import.meta.url)('hono') : await import('hono');
console.log(Hono.name === 'Patched' ? 'patched' : 'bare');
