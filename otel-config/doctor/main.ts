#!/usr/bin/env node
/** `vigil-doctor`. An old Node must get as far as being told so: everything else is loaded afterwards. */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stdout.write(
    `error   node.version: Node ${process.versions.node} is too old.\n        mend: Install Node 22.15 or newer.\n`,
  );
  process.exitCode = 1;
} else {
  const { doctor } = await import('./command.ts');
  process.exitCode = await doctor(process.argv.slice(2));
}

export {};
