import { z } from 'zod';
import { LEVELS } from '../domain/recommendations.ts';
import type { Store } from '../store/port.ts';
import { activeAlertBodies, activeAlertSchema, sentAlerts } from './active-alerts.ts';
import { allRecommendations } from './all-recommendations.ts';
import { type Area, areas, changeSchema, changesOf, windowsOf } from './areas.ts';
import { type RecommendationBody, recommendationSchema } from './recommendations.ts';
import { remembering } from './remembering-store.ts';
import type { Asked, Report } from './report.ts';
import { objectiveBody, objectiveSchema } from './slo.ts';
import { readSloStatuses, sloScope } from './slo-status.ts';
import { readVersionRecommendations } from './version-comparison.ts';

/** The fields of one area in the overview. */
function areaSchema<Statistics extends z.ZodObject>({ statistics }: Area<string, Statistics>) {
  return z.object({
    window_minutes: z.number().optional(),
    window_hours: z.number().optional(),
    statistics,
    change: changeSchema,
  });
}

type AreaSchemas = {
  readonly [Each in (typeof areas)[number] as Each['name']]: ReturnType<typeof areaSchema<Each['statistics']>>;
};

export const overviewSchema = z.object({
  level: z.enum([...LEVELS, 'unknown']).describe('The worst recommendation; unknown before anything has arrived.'),
  sentence: z.string().describe('The state in words.'),
  freshness: z.object({
    newest_point_at: z.string().nullable(),
    last_arrival_at: z.string().nullable(),
    takes_data: z.boolean(),
    services: z.array(z.string()).describe('Every service.name seen, 200 at most.'),
    service_arrivals: z
      .array(z.object({ service: z.string(), last_arrival_at: z.string().nullable() }))
      .describe('When each of them last sent something; null where that is not known.'),
  }),
  objectives: z.array(objectiveSchema),
  alerts: z
    .array(activeAlertSchema)
    .describe('Alerts of all services together that are not over; empty when one service is asked about.'),
  areas: z.object(Object.fromEntries(areas.map((area) => [area.name, areaSchema(area as Area)])) as AreaSchemas),
  recommendations: z.array(recommendationSchema).describe('All of them, worst first.'),
});

type Overview = z.infer<typeof overviewSchema>;

/** Names in `services`. */
const MAX_SERVICES = 200;

/** Everything that the first screen needs. */
export const reportOverview: Report<Overview> = async (store, asked) => {
  const shared = remembering(store);
  const [statuses, ofVersions, parts] = await Promise.all([
    readSloStatuses(shared, sloScope(asked)),
    readVersionRecommendations(shared, asked),
    Promise.all(areas.map((area) => readArea(shared, asked, area as Area))),
  ]);
  const ofAreas = parts.flatMap(({ recommendations }) => recommendations);
  const recommendations = allRecommendations(shared, asked, statuses, [...ofVersions, ...ofAreas]);
  const { newestPointMs, lastArrivalMs, refusing, services: all, arrivals } = store.state();
  const services = all.slice(0, MAX_SERVICES);
  const [worst] = recommendations;
  const isUnknown = lastArrivalMs === undefined;
  return {
    level: isUnknown ? 'unknown' : worst.level,
    sentence: isUnknown ? 'No telemetry has arrived yet.' : sentenceOf(recommendations),
    freshness: {
      newest_point_at: timeOf(newestPointMs),
      last_arrival_at: timeOf(lastArrivalMs),
      takes_data: refusing === undefined,
      services,
      service_arrivals: services.map((service) => ({ service, last_arrival_at: timeOf(arrivals.get(service)) })),
    },
    objectives: statuses.map(objectiveBody),
    alerts: activeAlertBodies(sentAlerts(asked)),
    // Each body was made by the area of the same name.
    areas: Object.fromEntries(parts.map(({ name, body }) => [name, body])) as Overview['areas'],
    recommendations,
  };
};

async function readArea(store: Store, asked: Asked, area: Area) {
  const { now, before } = windowsOf(area, asked);
  const [answer, earlier] = await Promise.all([area.report(store, now), area.report(store, before)]);
  const { unit, length } = area.window;
  return {
    name: area.name,
    recommendations: answer.recommendations,
    body: {
      [`window_${unit}`]: length,
      statistics: answer.statistics,
      change: changesOf(area, answer.statistics, earlier.statistics),
    },
  };
}

/** The worst in its own words, and how many more there are. */
function sentenceOf(recommendations: readonly RecommendationBody[]): string {
  const speaking = recommendations.filter(({ level }) => level !== 'info');
  if (speaking.length === 0) return 'Everything that was measured is within its targets.';
  const more = speaking.length - 1;
  return (
    speaking[0].message + (more === 0 ? '' : ` ${more} more ${more === 1 ? 'thing needs' : 'things need'} a look.`)
  );
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
