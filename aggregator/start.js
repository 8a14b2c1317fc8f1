/**
 * The service as `npm start` runs it: what Node compiled for the last start it need not compile again. In JavaScript, as
 * the cache is: before it is open, Node would load what takes types out of sources for these two files alone.
 */
import { keepCompiled } from './compile-cache.js';

const flush = keepCompiled();
const { serve } = await import('./main.ts');
await serve(process.argv.slice(2));
flush();
