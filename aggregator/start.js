/**
 * The service as `npm start` runs it: what Node compiled for the last start it need not compile again. In JavaScript, as
 * what it imports is: before the cache is open, Node would load what takes types out of sources for these files alone.
 */
import { keepCompiled } from './compile-cache.js';
import { joinImportPaths } from './import-paths.js';

const flush = keepCompiled();
const lookUpAgain = joinImportPaths();
const { serve } = await import('./main.ts');
lookUpAgain();
await serve(process.argv.slice(2));
flush();
