#!/usr/bin/env node
/** `vigil`. An old Node must get as far as being told so: everything else is loaded afterwards. */
const OLDEST_NODE = 24;

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE) {
  process.stderr.write(`Node ${process.versions.node} is too old: vigil needs Node ${OLDEST_NODE} or newer.\n`);
  process.exitCode = 2;
} else {
  await import('./cli.ts');
}

export {};
