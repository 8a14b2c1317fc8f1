/** What the probes' answers mean. */
import { type Finding, finding, ok } from './finding.ts';
import {
  type ExportedBody,
  type ExportedHistogram,
  type ExportedMetric,
  type KeyValue,
  PROBE_MUTATION,
  type ProbeResult,
} from './probe.ts';
import type { Probed } from './probed.ts';

/** One finding a library and way of loading, or one for both where they agree. */
export function hookFindings(results: readonly ProbeResult[]): Finding[] {
  const names = [...new Set(results.flatMap(({ libraries }) => libraries.map(({ library }) => library)))];
  // A process that ended early has told of none: why, the export says.
  if (names.length === 0 && !results.every(({ isFinished }) => isFinished)) return [];
  if (names.length === 0) {
    const mend = 'Use trackMutation, withIdempotency and recordSecurityBlock for what no library does.';
    return [finding('warning', 'hooks.none', 'no library is installed that is observed by itself.', mend)];
  }
  const found = names.flatMap((name) => libraryFindings(name, results));
  if (!names.some((name) => LOCK_LIBRARIES.has(name))) found.push(noLocks());
  return found;
}

/** What takes locks or idempotency keys. The header `Idempotency-Key` needs no library. */
const LOCK_LIBRARIES: ReadonlySet<string> = new Set([
  'ioredis',
  '@redis/client',
  'bullmq',
  'redlock',
  '@sesamecare-oss/redlock',
  '@node-idempotency/core',
  'pg-boss',
  'graphile-worker',
]);

function noLocks(): Finding {
  const message =
    'no library is installed whose locks and idempotency keys are seen: only the Idempotency-Key header is.';
  const mend = 'Where tasks are guarded by something else, use withIdempotency and withLock.';
  return finding('info', 'hooks.no_locks', message, mend);
}

function libraryFindings(name: string, results: readonly ProbeResult[]): Finding[] {
  const tried = results.flatMap(({ loading, libraries }) =>
    libraries.filter(({ library }) => library === name).map((probed) => ({ loading, probed })),
  );
  // A package for one way of loading alone is no fault.
  const loadable = tried.filter(({ probed }) => probed.outcome !== 'not_loadable');
  if (loadable.length === 0) return tried.slice(0, 1).map(({ probed }) => outcomeFinding(probed, 'import and require'));
  const outcomes = new Set(loadable.map(({ probed }) => probed.outcome));
  if (outcomes.size === 1) {
    const ways = loadable.map(({ loading }) => loading).join(' and ');
    return [outcomeFinding(loadable[0]!.probed, ways)];
  }
  return loadable.map(({ loading, probed }) => outcomeFinding(probed, loading));
}

function outcomeFinding({ library, version, supported, outcome, reason }: Probed, by: string): Finding {
  const id = 'hooks.applied';
  const evidence = { library, version, by, supported: supported.join(', ') };
  const what = `${library} ${version}`;
  switch (outcome) {
    case 'applied':
      return ok(id, `${what} is observed (by ${by}).`, evidence);
    case 'unsupported': {
      const message = `${what} is not observed: the hooks are for ${supported.join(', ')}.`;
      return finding('error', id, message, `Install ${library} ${supported.join(' or ')}.`, evidence);
    }
    case 'not_loadable': {
      const message = `${what} cannot be loaded (${reason}), so its hooks were not tried.`;
      return finding('info', id, message, null, { ...evidence, reason: reason ?? null });
    }
    case undefined: {
      const message = `loading ${what} ends or hangs a process, so its hooks were not tried.`;
      return finding('info', id, message, null, evidence);
    }
    case 'not_applied':
      return finding(
        'error',
        id,
        `${what} is loaded by ${by} and not observed.`,
        'Start with --import, not --require, and load nothing of the application before the registration.',
        evidence,
      );
  }
}

/** What one recorded mutation looked like on the wire. */
export function exportFindings({ bodies, errors, heldBack }: ProbeResult): Finding[] {
  const metrics = metricsOf(bodies).filter(({ name }) => name === 'vigil.mutation.duration');
  const ours = metrics.filter((metric) => pointsOf(metric).some(isOfProbe));
  if (ours.length === 0 && heldBack.length > 0)
    return [
      finding(
        'warning',
        'export.own_address',
        `a file of the application names an address of its own (${heldBack.join(', ')}); what goes there was held back, and not looked at.`,
        'Leave the address to OTEL_EXPORTER_OTLP_ENDPOINT: then it can be looked at.',
        { held_back: heldBack.join(', ') },
      ),
    ];
  if (ours.length === 0) {
    const said = errors.split('\n').find((line) => /^vigil:|^\w*Error\b/.test(line)) ?? '';
    return [
      finding(
        'error',
        'export.arrives',
        `what the application records is not exported${said === '' ? '' : `: ${said}`}.`,
        'Give the registration, or a file of yours that calls start(), to node --import, and install one @opentelemetry/api.',
        { said },
      ),
    ];
  }
  const arrives = ok(
    'export.arrives',
    'a mutation recorded in a process like the application was exported (to this command alone).',
  );
  return [
    arrives,
    ...twiceFindings(bodies),
    histogramFinding(ours[0]!),
    temporalityFinding(ours[0]!),
    ...resourceFindings(bodies),
  ];
}

/** The `service.name` that was exported; undefined where none was. */
export function exportedService({ bodies }: ProbeResult): string | undefined {
  return resourceAttribute(bodies, 'service.name');
}

function metricsOf(bodies: readonly ExportedBody[]): ExportedMetric[] {
  return bodies.flatMap(({ resourceMetrics = [] }) =>
    resourceMetrics.flatMap(({ scopeMetrics = [] }) => scopeMetrics.flatMap(({ metrics = [] }) => metrics)),
  );
}

function histogramOf({ histogram, exponentialHistogram }: ExportedMetric): ExportedHistogram | undefined {
  return exponentialHistogram ?? histogram;
}

function pointsOf(metric: ExportedMetric): NonNullable<ExportedHistogram['dataPoints']> {
  return histogramOf(metric)?.dataPoints ?? [];
}

function isOfProbe({ attributes = [] }: { readonly attributes?: readonly KeyValue[] }): boolean {
  return attributes.some(({ value }) => value.stringValue === PROBE_MUTATION);
}

/** One recording counts once: two Views for one instrument make it two, and so do two readers to one receiver. */
function twiceFindings(bodies: readonly ExportedBody[]): Finding[] {
  const points = metricsOf(bodies).flatMap((metric) => pointsOf(metric).filter(isOfProbe));
  const times = points.reduce((sum, { count = 0 }) => sum + Number(count), 0);
  if (times < 2) return [];
  return [
    finding(
      'error',
      'export.twice',
      `one recorded mutation was exported as ${times}: numbers are too high.`,
      "Take away the View that matches Vigil's instruments (* is one), or the second metric reader.",
      { times },
    ),
  ];
}

function histogramFinding({ histogram, exponentialHistogram }: ExportedMetric): Finding {
  const id = 'export.histograms';
  if (exponentialHistogram !== undefined)
    return ok(id, 'durations are exponential histograms.', { kind: 'exponential' });
  const evidence = { kind: 'explicit', edges: histogram?.dataPoints?.[0]?.explicitBounds?.length ?? 0 };
  // Of the default edges of the SDK, made for milliseconds, only two lie within a second.
  if (!histogram?.dataPoints?.[0]?.explicitBounds?.includes(0.5)) {
    const mend = 'Give vigilViews() to the SDK, or use start() of @vigil/otel-config.';
    return finding(
      'error',
      id,
      "Vigil's Views do not apply: durations fall into edges made for milliseconds.",
      mend,
      evidence,
    );
  }
  const message = 'durations are explicit histograms, as the settings ask: percentiles are as wide as a bucket.';
  return finding('info', id, message, null, evidence);
}

function temporalityFinding(metric: ExportedMetric): Finding {
  const id = 'export.temporality';
  if (histogramOf(metric)?.aggregationTemporality === 2)
    return ok(id, 'temporality is cumulative: an outage of the receiver loses nothing.', { temporality: 'cumulative' });
  const mend = 'Take OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE away, or set it to cumulative.';
  const message = 'temporality is delta: what is exported while the receiver is away is lost.';
  return finding('warning', id, message, mend, { temporality: 'delta' });
}

function resourceFindings(bodies: readonly ExportedBody[]): Finding[] {
  const found: Finding[] = [];
  const service = resourceAttribute(bodies, 'service.name') ?? '';
  if (service === '' || service.startsWith('unknown_service'))
    found.push(
      finding(
        'warning',
        'export.service',
        'the application has no service.name.',
        'Set OTEL_SERVICE_NAME, or a name in package.json.',
        { service },
      ),
    );
  if (resourceAttribute(bodies, 'service.instance.id') === undefined)
    found.push(
      finding(
        'warning',
        'export.instance',
        'there is no service.instance.id: several processes read as one that restarts all the time.',
        'Give vigilResource() to the SDK, or set service.instance.id in OTEL_RESOURCE_ATTRIBUTES for each process.',
      ),
    );
  return found;
}

function resourceAttribute(bodies: readonly ExportedBody[], key: string): string | undefined {
  const attributes = bodies.flatMap(({ resourceMetrics = [] }) =>
    resourceMetrics.flatMap(({ resource }) => resource?.attributes ?? []),
  );
  return attributes.find((one) => one.key === key)?.value.stringValue;
}
