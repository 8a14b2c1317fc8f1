/** How mutations go under the version of a service that runs now, beside the version before it. */
import { OTHER } from '@vigil/semconv';
import { quantile } from '../domain/histogram.ts';
import { recommendVersion, type VersionFacts } from '../domain/version-rules.ts';
import type { Store } from '../store/port.ts';
import { type MutationFacts, readMutations } from './mutation-facts.ts';
import { traceIds } from './mutations.ts';
import { descending } from './quantities.ts';
import { type RecommendationBody, recommendationBody } from './recommendations.ts';
import { type Asked, type Window, windowUntil } from './report.ts';

/** A version runs while it was heard of within this. */
const RUNNING_HOURS = 1;
/** What a version is judged by: its last day, and for the one before a week, as it may have left days ago. */
const NOW_HOURS = 24;
const BEFORE_HOURS = 168;
/** Services that are compared, by name. */
const MAX_SERVICES = 20;
/** Recommendations, the most worsened first. */
const MAX_RECOMMENDATIONS = 5;
const MAX_TRACES = 5;

const METRIC = 'vigil.mutation.duration';

interface Versions {
  readonly service: string;
  readonly version: string;
  readonly before: string;
}

/** What got worse with the newest version of each service; nothing where a service has had one version only. */
export async function readVersionRecommendations(store: Store, asked: Asked): Promise<readonly RecommendationBody[]> {
  const running = await readRunning(store, asked);
  const compared = await Promise.all(running.map((versions) => compare(store, asked, versions)));
  const worst = descending(
    compared.flat(),
    ({ factor }) => factor,
    ({ body }) => body.id,
  );
  return worst.slice(0, MAX_RECOMMENDATIONS).map(({ body }) => body);
}

/** Services whose newest running version has one before it. */
async function readRunning(store: Store, asked: Asked): Promise<readonly Versions[]> {
  const { versions, services } = store.state();
  const wanted = asked.service === undefined ? services : [asked.service];
  const several = wanted.filter((service) => named(versions?.get(service)).length > 1).slice(0, MAX_SERVICES);
  const found = await Promise.all(
    several.map(async (service): Promise<readonly Versions[]> => {
      const known = named(versions?.get(service));
      const range = windowOf(asked, RUNNING_HOURS).range;
      const rows = await store.histograms({ metric: METRIC, range, by: ['service.version'], service });
      const running = new Set(rows.map(({ key }) => key[0]));
      const at = known.findLastIndex((version) => running.has(version));
      return at > 0 ? [{ service, version: known[at], before: known[at - 1] }] : [];
    }),
  );
  return found.flat();
}

/** A sender need not say its version, and old ones lose their names. */
function named(versions: readonly string[] = []): readonly string[] {
  return versions.filter((version) => version !== '' && version !== OTHER);
}

async function compare(store: Store, asked: Asked, { service, version, before }: Versions) {
  const of = (hours: number, name: string) =>
    readMutations(store, { window: windowOf(asked, hours), service }, { 'service.version': [name] });
  const [now, earlier] = await Promise.all([of(NOW_HOURS, version), of(BEFORE_HOURS, before)]);
  const byName = new Map(earlier.map((mutation) => [mutation.name, mutation]));
  const spoken = now.flatMap((mutation) => {
    const was = byName.get(mutation.name);
    if (was === undefined || mutation.name === OTHER) return [];
    const pair = { mutation: mutation.name, service, version, versionBefore: before };
    const recommendations = recommendVersion({ ...pair, now: factsOf(mutation), before: factsOf(was) });
    return recommendations.map((recommendation) => ({ recommendation, mutation }));
  });
  return Promise.all(
    spoken.map(async ({ recommendation, mutation }) => {
      const range = windowOf(asked, NOW_HOURS).range;
      const question = { range, service, mutation: mutation.name };
      const [slowest, failed] = await Promise.all([
        store.slowestSpans(question, MAX_TRACES),
        store.failedSpans(question, MAX_TRACES),
      ]);
      const { value, threshold } = recommendation.evidence ?? { value: 0, threshold: 1 };
      const body = recommendationBody(recommendation, {
        windowSeconds: NOW_HOURS * 3600,
        events: mutation.total,
        traceIds: { slowest: traceIds(slowest), failed: traceIds(failed), none: [] },
      });
      return { factor: value / threshold, body };
    }),
  );
}

function factsOf({ durations, failure }: MutationFacts): VersionFacts {
  return { settled: durations.count, failures: failure, p95: quantile(durations, 0.95) };
}

function windowOf({ window }: Asked, hours: number): Window {
  return windowUntil(window.range.toMs - 1, 'hours', hours);
}
