import { z } from 'zod';
import { recommendIdentities, SHARED_IDENTITY_WINDOW_SECONDS } from '../domain/identity-rules.ts';
import { type Recommendation, recommend, sortByLevel } from '../domain/recommendations.ts';
import { recommendObjective } from '../domain/slo-recommendations.ts';
import {
  REJECTED_WINDOW_SECONDS,
  telemetryHealthy,
  telemetryRules,
  telemetrySilent,
} from '../domain/telemetry-rules.ts';
import type { Store } from '../store/port.ts';
import { areas, windowsOf } from './areas.ts';
import { type RecommendationBody, recommendationBody, recommendationSchema } from './recommendations.ts';
import { remembering } from './remembering-store.ts';
import type { Asked, Report } from './report.ts';
import { readSloStatuses, type SloStatus, sloScope } from './slo-status.ts';
import { readVersionRecommendations } from './version-comparison.ts';

export const recommendationsSchema = z.object({ recommendations: z.array(recommendationSchema) });

/** All recommendations, worst first. */
export const reportRecommendations: Report<z.infer<typeof recommendationsSchema>> = async (store, asked) => {
  const shared = remembering(store);
  const [statuses, ofVersions, ...answers] = await Promise.all([
    readSloStatuses(shared, sloScope(asked)),
    readVersionRecommendations(shared, asked),
    ...areas.map((area) => area.report(shared, windowsOf(area, asked).now)),
  ]);
  const ofAreas = answers.flatMap(({ recommendations }) => recommendations);
  return { recommendations: allRecommendations(shared, asked, statuses, [...ofVersions, ...ofAreas]) };
};

/** Those of the areas, and those about objectives and about the telemetry itself. */
export function allRecommendations(
  store: Store,
  asked: Asked,
  statuses: readonly SloStatus[],
  ofAreas: readonly RecommendationBody[],
): RecommendationBody[] {
  const ofObjectives = statuses.flatMap((status) =>
    recommendObjective(status).map((one) => bodyOf(one, status.slo.windowDays * 86_400, status.counts.total)),
  );
  const ofTelemetry = telemetryRecommendations(store, asked);
  return sortByLevel([...ofObjectives, ...ofAreas, ...ofTelemetry]);
}

function bodyOf(recommendation: Recommendation, windowSeconds: number, events: number): RecommendationBody {
  const traceIds = { slowest: [], failed: [], none: [] };
  return recommendationBody(recommendation, { windowSeconds, events: Math.round(events), traceIds });
}

/** The window of what is about now, or about all since the service started. */
const ABOUT_NOW = 0;

function telemetryRecommendations(
  store: Store,
  { window, ownFamilies, service }: Asked,
): readonly RecommendationBody[] {
  const {
    lastArrivalMs,
    refusingSinceMs,
    sharedIdentityExports = new Map<string, number>(),
    rejectedLastHour = 0,
  } = store.state();
  const families = ownFamilies?.() ?? [];
  const total = (name: string): number | undefined =>
    families.find((family) => family.name === name)?.samples.reduce((sum, { value }) => sum + value, 0);
  const signals = {
    refusing: refusingSinceMs === undefined ? undefined : Math.max(1, (window.range.toMs - refusingSinceMs) / 1000),
    // Before the first arrival there is nothing that could have stopped.
    silence: lastArrivalMs === undefined ? undefined : Math.max(0, window.range.toMs - lastArrivalMs) / 1000,
    // A sender of which nothing is ever taken has to hear of it before the first arrival, too.
    rejected_points: rejectedLastHour > 0 ? rejectedLastHour : undefined,
    ...(lastArrivalMs === undefined
      ? {}
      : {
          damaged_blocks: total('aggregator_blocks_damaged'),
          overflowed_series: total('aggregator_series_overflowed_total'),
        }),
  };
  const ofService = [...sharedIdentityExports].filter(([name]) => service === undefined || name === service);
  const ofIdentities = recommendIdentities(new Map(ofService));
  const others = recommend(telemetryRules, signals, { healthy: telemetryHealthy, silent: telemetrySilent });
  return [
    ...ofIdentities.map((one) => bodyOf(one, SHARED_IDENTITY_WINDOW_SECONDS, one.evidence?.value ?? 0)),
    ...others
      .filter(({ level }) => ofIdentities.length === 0 || level !== 'info')
      .map((one) => bodyOf(one, one.evidence?.signal === 'rejected_points' ? REJECTED_WINDOW_SECONDS : ABOUT_NOW, 0)),
  ];
}
