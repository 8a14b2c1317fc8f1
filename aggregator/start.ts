/** The service as `npm start` runs it: what Node compiled for the last start it need not compile again. */
import { keepCompiled } from './compile-cache.ts';

const flush = keepCompiled();
const { serve } = await import('./main.ts');
await serve();
flush();
