/** Copies of @opentelemetry/api that cannot speak to each other fail in silence: this finds them. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface ApiCopy {
  readonly version: string;
  /** Its folder. */
  readonly path: string;
}

export interface ApiSituation {
  /** The copy that this package registers the SDK with. */
  readonly ours: ApiCopy;
  /** Version of a copy that has registered something before; undefined when we are the first. */
  readonly registeredVersion: string | undefined;
  /** The copy that the application loads; undefined when it has none of its own. */
  readonly applications: ApiCopy | undefined;
}

/** Where copies of the API register, by their major version. */
const GLOBAL_KEY = Symbol.for('opentelemetry.js.api.1');

interface Registrations {
  readonly version?: string;
  readonly metrics?: unknown;
  readonly trace?: unknown;
}

/** What has been registered with the API so far, by any copy of it. */
export function apiRegistrations(): Registrations {
  return (globalThis as { [GLOBAL_KEY]?: Registrations })[GLOBAL_KEY] ?? {};
}

/** Looks at the process: what is registered, and what the application's entry file would load. */
export function apiSituation(): ApiSituation | undefined {
  const ours = apiCopyFrom(import.meta.filename);
  if (ours === undefined) return undefined;
  const applications = apiCopyFrom(process.argv[1] ?? join(process.cwd(), 'index.js'));
  return { ours, registeredVersion: apiRegistrations().version, applications };
}

/** @returns what is wrong, in one line; undefined when telemetry of all copies arrives */
export function describeApiMismatch({ ours, registeredVersion, applications }: ApiSituation): string | undefined {
  if (registeredVersion !== undefined && registeredVersion !== ours.version)
    return (
      `@opentelemetry/api ${registeredVersion} was registered before this package's ${ours.version}, so NOTHING is recorded. ` +
      'Load @vigil/otel-config/register first and install one version of @opentelemetry/api.'
    );
  if (applications === undefined || canUse(applications.version, ours.version)) return undefined;
  return (
    `the application's @opentelemetry/api ${applications.version} (${applications.path}) cannot use this package's ${ours.version} ` +
    `(${ours.path}): what the application records itself is LOST. Install @opentelemetry/api ${ours.version} in the application.`
  );
}

/** The API's own rule: the same major, and no newer minor than what is registered. */
export function canUse(version: string, registered: string): boolean {
  const [major, minor = 0] = version.split('.').map(Number);
  const [registeredMajor, registeredMinor = 0] = registered.split('.').map(Number);
  return major === registeredMajor && minor <= registeredMinor;
}

/** @returns the copy that a file would load; undefined without one */
export function apiCopyFrom(file: string): ApiCopy | undefined {
  try {
    return packageAround(createRequire(file).resolve('@opentelemetry/api'));
  } catch {
    return undefined;
  }
}

/** The package manifest itself is not exported: it stands somewhere above the resolved file. */
function packageAround(file: string): ApiCopy | undefined {
  for (let path = dirname(file); path !== dirname(path); path = dirname(path)) {
    try {
      const manifest: unknown = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
      if (isApiManifest(manifest)) return { version: manifest.version, path };
    } catch {
      // Not every folder has a manifest.
    }
  }
  return undefined;
}

function isApiManifest(value: unknown): value is { version: string } {
  if (typeof value !== 'object' || value === null || !('name' in value) || !('version' in value)) return false;
  return value.name === '@opentelemetry/api' && typeof value.version === 'string';
}
