import { createHash } from 'node:crypto';
import { type MetricName, metrics } from '@vigil/semconv';
import { type AddressMode, keepAddress } from './client-address.ts';
import type { Attributes, AttributeValue } from './identity.ts';
import { sanitise } from './sanitiser.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** An array, a map, bytes (as base64 text) or nothing as the value of an attribute. */
export interface Nested {
  readonly json: Json;
  /** Whether it held what `json` does not show as text: bytes, or a key twice. */
  readonly opaque: boolean;
}

/** An attribute's value as both encodings bring it. */
export type RawValue = AttributeValue | Nested;
export type RawAttributes = ReadonlyArray<readonly [key: string, value: RawValue]>;

/** How values are kept. */
export interface Door {
  /** Takes out what must not be stored. */
  readonly sanitise: (value: string) => string;
  /** The form in which a client's address is kept; it gets what is no address too. */
  readonly clientAddress: (value: string) => string;
  /** Stands for a value that is not kept: equal for equal values, and tells nothing else. */
  readonly digest: (value: string) => string;
}

/** Attributes that may be stored, and whether the originals could have been, to the last string. */
export interface Admitted {
  readonly attributes: Attributes;
  readonly clean: boolean;
}

/** The door for a way of keeping clients' addresses. @param secret of pseudonyms */
export function createDoor(mode: AddressMode, secret: string): Door {
  return {
    sanitise,
    clientAddress: keepAddress(mode, secret),
    digest: (value) => createHash('sha256').update(value).digest('base64url').slice(0, 12),
  };
}

/** Keeps addresses as they are: `MONITORING_CLIENT_ADDRESSES=full`. */
export const OPEN_DOOR: Door = createDoor('full', '');

/**
 * The attributes of a point: declared ones sanitised, each other one with a digest of its key and value in place of its
 * value, which tells streams apart and holds nothing in clear.
 */
export function admitPoint(door: Door, metric: MetricName, attributes: RawAttributes): Admitted {
  const declared: readonly string[] = metrics[metric].attributes;
  let clean = true;
  const admitted = attributes.map(([key, value]): readonly [string, AttributeValue] => {
    if (declared.includes(key)) {
      const kept = admitValue(key === 'client.address' ? door.clientAddress : door.sanitise, value);
      clean &&= kept === value;
      return [key, kept];
    }
    const keptKey = door.sanitise(key);
    clean &&= keptKey === key && isClean(door, value);
    const digest = door.digest(JSON.stringify([key, value]));
    return [keptKey === key ? key : `_${digest}`, digest];
  });
  return { attributes: admitted, clean };
}

/** Numbers and booleans are judged as the text that they would be: a phone number is one without quotes, too. */
function admitValue(keep: (value: string) => string, value: RawValue): AttributeValue {
  const text = textOfValue(value);
  const kept = keep(text);
  return typeof value !== 'object' && kept === text ? value : kept;
}

/** Text of a value; of an array, a map or bytes the JSON text, of no value ''. */
export function textOfValue(value: RawValue): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  return value.json === null ? '' : JSON.stringify(value.json);
}

/** Whether every string in the value, and every number, may be stored as it is. */
function isClean(door: Door, value: RawValue): boolean {
  return typeof value === 'object' ? !value.opaque && isJsonClean(door, value.json) : isJsonClean(door, value);
}

function isJsonClean(door: Door, value: Json): boolean {
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'number') return !Number.isInteger(value) || isTextClean(door, String(value));
  if (typeof value === 'string') return isTextClean(door, value);
  if (Array.isArray(value)) return value.every((inner: Json) => isJsonClean(door, inner));
  return Object.entries(value).every(([key, inner]) => isTextClean(door, key) && isJsonClean(door, inner));
}

function isTextClean(door: Door, text: string): boolean {
  return door.sanitise(text) === text;
}

/** Resource attributes whose values are identifiers of machines and builds, by OpenTelemetry's conventions. */
const IDENTIFIER_KEYS: ReadonlySet<string> = new Set([
  'service.instance.id',
  'service.version',
  'host.id',
  'host.name',
  'host.mac',
  'host.image.id',
  'container.id',
  'container.name',
  'container.image.id',
  'container.image.name',
  'container.image.tags',
  'container.image.repo_digests',
  'k8s.cluster.uid',
  'k8s.node.uid',
  'k8s.pod.uid',
  'k8s.pod.name',
  'k8s.replicaset.uid',
  'k8s.deployment.uid',
  'k8s.statefulset.uid',
  'k8s.daemonset.uid',
  'k8s.job.uid',
  'k8s.cronjob.uid',
  'cloud.account.id',
  'cloud.resource_id',
  'faas.instance',
  'faas.version',
  'os.build_id',
  'process.executable.build_id.gnu',
  'process.executable.build_id.go',
  'vcs.ref.head.revision',
]);

/** UUIDs, digests, MAC addresses, account numbers: hexadecimal with a letter, or 12 digits and no more. */
const IDENTIFIER = /^(?:sha\d{1,3}:)?(?=[0-9:-]*[a-f])[0-9a-f][0-9a-f:-]{7,135}$|^[0-9]{12}$/i;
const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function isIdentifier(value: RawValue): boolean {
  if (typeof value === 'object') return !value.opaque && Array.isArray(value.json) && value.json.every(isIdentifier);
  return typeof value === 'string' && (IDENTIFIER.test(value) || UUID.test(value));
}

/**
 * The attributes of a resource. `service.name` and `service.version` may be stored as they come out (a commit's full
 * hash is cut to its first 12 digits); **all others are as they were sent**, for the identity of the sender alone, and
 * must be hashed before anything of them is stored.
 */
export function admitResource(door: Door, attributes: RawAttributes): Admitted {
  let clean = true;
  const admitted = attributes.map(([key, value]): readonly [string, AttributeValue] => {
    const isKnownIdentifier = IDENTIFIER_KEYS.has(key) && isIdentifier(value);
    clean &&= isKnownIdentifier || (door.sanitise(key) === key && isClean(door, value));
    if (key === 'service.version' && isCommit(value)) return [key, value.slice(0, 12)];
    if (key === 'service.name' || key === 'service.version') return [key, door.sanitise(textOfValue(value))];
    return [key, typeof value === 'number' || typeof value === 'boolean' ? value : textOfValue(value)];
  });
  return { attributes: admitted, clean };
}

function isCommit(value: RawValue): value is string {
  return typeof value === 'string' && /^(?=\d*[a-f])(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(value);
}

/** Name and version of an instrumentation scope as one text that may be stored. */
export function admitScope(
  door: Door,
  name: string,
  version: string,
  attributes: RawAttributes,
): { readonly text: string; readonly clean: boolean } {
  const raw = version === '' ? name : `${name}@${version}`;
  const isNameClean = door.sanitise(name) === name && door.sanitise(version) === version;
  const clean = isNameClean && attributes.every(([key, value]) => door.sanitise(key) === key && isClean(door, value));
  return { text: isNameClean ? raw : `_${door.digest(raw)}`, clean };
}
