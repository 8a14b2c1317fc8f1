/** Who is speaking: a resource that always has an instance of its own. */
import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { isMainThread, threadId } from 'node:worker_threads';
import { getStringListFromEnv } from '@opentelemetry/core';
import {
  defaultResource,
  envDetector,
  hostDetector,
  osDetector,
  processDetector,
  type Resource,
  type ResourceDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { printNotice } from './notice.ts';
import { packageAttributes } from './package-attributes.ts';

const INSTANCE_ID = 'service.instance.id';

/** The names that `OTEL_NODE_RESOURCE_DETECTORS` knows in sdk-node. */
const detectors: Readonly<Record<string, ResourceDetector>> = {
  host: hostDetector,
  os: osDetector,
  serviceinstance: serviceInstanceIdDetector,
  process: processDetector,
  env: envDetector,
};

/**
 * The SDK's default resource with what the application's package.json says of it and a random instance, for when no
 * detector gives one: the environment has the last word.
 */
export function vigilResource(): Resource {
  return defaultResource().merge(resourceFromAttributes({ ...packageAttributes(), [INSTANCE_ID]: randomUUID() }));
}

/**
 * The detectors that `OTEL_NODE_RESOURCE_DETECTORS` asks for, all of sdk-node's by default; the environment has the last
 * word, save that every process and thread is an instance of its own: cumulative sums of two senders under one name
 * would read as one sender that restarts all the time.
 */
export function vigilResourceDetectors(): ResourceDetector[] {
  const named = getStringListFromEnv('OTEL_NODE_RESOURCE_DETECTORS') ?? ['all'];
  if (named.includes('none')) return [];
  const chosen = named.includes('all') ? Object.values(detectors) : named.flatMap(detectorNamed);
  return chosen.map((detector) => (detector === envDetector ? envDetectorByProcess : detector));
}

function detectorNamed(name: string): ResourceDetector[] {
  const detector = Object.hasOwn(detectors, name) ? detectors[name] : undefined;
  if (detector !== undefined) return [detector];
  printNotice(`OTEL_NODE_RESOURCE_DETECTORS names "${name}", but only ${Object.keys(detectors).join(', ')} are known.`);
  return [];
}

/** What the environment says, which forked processes, cluster workers and threads inherit: they add what tells them apart. */
const envDetectorByProcess: ResourceDetector = {
  detect(config) {
    const { attributes = {} } = envDetector.detect(config);
    const instance = attributes[INSTANCE_ID];
    const suffix = inheritorSuffix();
    if (typeof instance !== 'string' || suffix === undefined) return { attributes };
    return { attributes: { ...attributes, [INSTANCE_ID]: `${instance}-${suffix}` } };
  },
};

/** Undefined in a process of its own, which nobody forked. */
function inheritorSuffix(): string | undefined {
  if (!isMainThread) return `${process.pid}-${threadId}`;
  return cluster.isWorker || process.channel !== undefined ? `${process.pid}` : undefined;
}
