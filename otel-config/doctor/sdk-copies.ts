/** Copies of the SDK beside the one that the registration brings: of two that are started, one gets nothing. */
import { realpathSync } from 'node:fs';
import { type Finding, finding, ok } from './finding.ts';
import { type Copy, copiesOf, copyFor } from './installation.ts';

/** What makes providers; the last two until the second major. All have one version. */
const PACKAGES = ['sdk-metrics', 'sdk-trace', 'sdk-trace-base', 'sdk-trace-node'].map(
  (name) => `@opentelemetry/${name}`,
);

/** @param register the file of the registration, whose own copy is the one that is registered */
export function checkSdkCopies(folder: string, register: string): Finding[] {
  const ours = copyFor('@opentelemetry/sdk-metrics', realpathSync(register));
  if (ours === undefined) return [];
  const found = PACKAGES.flatMap((name) => copiesOf(name, folder).map((copy) => ({ name, ...copy })));
  const others = found.filter(({ version }) => majorOf(version) !== majorOf(ours.version));
  const findings = others.map((copy) => otherMajor(copy, ours, folder));
  for (const name of PACKAGES) {
    const versions = found.filter((copy) => copy.name === name && !others.includes(copy)).map(({ version }) => version);
    if (versions.length > 1) findings.push(sameMajor(name, versions));
  }
  if (findings.length > 0) return findings;
  return [ok('sdk.copies', `one SDK is installed, of major ${majorOf(ours.version)}.`, { version: ours.version })];
}

/** What the application's own files load is likely to be started; what lies below another package, only by that. */
function otherMajor(copy: Copy & { readonly name: string }, ours: Copy, folder: string): Finding {
  const { name, version, path } = copy;
  const loaded = copyFor(name, folder);
  const isOwn = loaded !== undefined && realpathSync(loaded.path) === path;
  const evidence = { name, version, path, registered: ours.version };
  if (isOwn) {
    const message = `the application's ${name} ${version} is of another major than the ${ours.version} that is registered: readers and processors made by it do not belong to this SDK, and a provider of its gets nothing.`;
    const mend = `Install ${name.replace(/-(?:base|node)$/, '')} ${ours.version}, and let @vigil/otel-config alone start the SDK.`;
    return finding('warning', 'sdk.copies', message, mend, evidence);
  }
  const message = `${name} ${version} in ${path} is of another major than the ${ours.version} that is registered: if its package starts an SDK, one of the two gets nothing.`;
  const mend = `npm ls ${name} tells whose it is: let that package start no SDK, or take a version of it for ${majorOf(ours.version)}.x.`;
  return finding('info', 'sdk.copies', message, mend, evidence);
}

function sameMajor(name: string, all: readonly string[]): Finding {
  const versions = all.join(', ');
  const message = `${name} is installed ${all.length} times (${versions}): of two SDKs that are started, the first alone gets what is recorded.`;
  return finding('info', 'sdk.copies', message, `npm dedupe, or npm ls ${name}.`, { name, versions });
}

function majorOf(version: string): string {
  return version.split('.', 1)[0]!;
}
