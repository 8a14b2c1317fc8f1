#!/usr/bin/env node
/**
 * `vigil-doctor`. An old Node, or an application without the API, must get as far as being told so: everything else is
 * loaded afterwards.
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 15)) {
  process.stdout.write(
    `error   node.version: Node ${process.versions.node} is too old.\n        mend: Install Node 22.15 or newer.\n`,
  );
  process.exitCode = 1;
} else if (!canResolve('@opentelemetry/api')) {
  const { exitCodeOf, finding, renderJson, renderText, reportOf } = await import('./finding.ts');
  const mend = 'npm install @opentelemetry/api';
  const missing = finding('error', 'api.installed', '@opentelemetry/api is not installed.', mend);
  const report = reportOf(process.cwd(), undefined, [missing]);
  const isJson = process.argv.includes('--json');
  process.stdout.write(isJson ? renderJson(report) : renderText(report));
  process.exitCode = exitCodeOf(report, false);
} else {
  const { doctor } = await import('./command.ts');
  process.exitCode = await doctor(process.argv.slice(2));
}

function canResolve(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

export {};
