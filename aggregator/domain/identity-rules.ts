/** What is said where several processes of a service send as one. */
import type { Recommendation } from './recommendations.ts';

/** Half of what one sender sends in an hour at the SDK's default interval of 60 s; a rolling restart overlaps for less. */
export const SHARED_IDENTITY_EXPORTS = 30;

/** What `exports` are counted over. */
export const SHARED_IDENTITY_WINDOW_SECONDS = 3600;

/** @param exports an hour's exports that went on with a stream which another process had begun anew, by service */
export function recommendIdentities(exports: ReadonlyMap<string, number>): readonly Recommendation[] {
  return [...exports]
    .filter(([, number]) => number >= SHARED_IDENTITY_EXPORTS)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([service, value]) => ({
      id: `shared-identity-${service}`,
      area: 'telemetry',
      level: 'warning',
      message: `Several processes of ${service} send under one identity: ${value} exports of the last hour contradict the one before. Counts of a few are told apart by their start times; of more, some are lost.`,
      action: `Give every process of ${service} its own service.instance.id, as @vigil/otel-config does; OTEL_RESOURCE_ATTRIBUTES may hold it.`,
      evidence: {
        signal: 'shared_identity_exports',
        unit: 'count',
        value,
        threshold: SHARED_IDENTITY_EXPORTS,
        source: 'half of an hour’s exports at the SDK’s default interval of 60 s',
      },
      traces: 'none',
      link: '/monitoring/overview/',
    }));
}
