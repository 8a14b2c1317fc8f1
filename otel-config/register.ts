/** `node --import @vigil/otel-config/register app.js`: everything as the environment says. */
import { start } from './start.ts';

start();
