/** Where a running service has its objectives and its maintenance from. */
import type { MetricName } from '@vigil/semconv';
import { builtInObjectives } from '../domain/built-in-objectives.ts';
import type { MaintenancePeriod } from '../domain/maintenance.ts';
import type { Objective } from '../domain/objective.ts';

/** A file that the configuration names cannot be used. The message has a line for each problem. */
export class PolicyFileError extends Error {
  override readonly name = 'PolicyFileError';
}

export interface LoadedPolicy {
  readonly objectives: readonly Objective<MetricName>[];
  readonly maintenance: readonly MaintenancePeriod[];
}

export interface PolicySource {
  /** Of now: maintenance is read again when its file has changed. */
  current(): LoadedPolicy;
  /** What the one who runs the service should know of the objectives, a sentence each. */
  readonly warnings: readonly string[];
}

const builtIn: LoadedPolicy = { objectives: builtInObjectives, maintenance: [] };

/** Where no file was named. */
export const builtInPolicy: PolicySource = { current: () => builtIn, warnings: [] };
