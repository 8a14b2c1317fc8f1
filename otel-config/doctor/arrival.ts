/** What the aggregator itself says: whether it knows this service, and what it could not take or tell apart. */
import { ask, objectOf } from './ask.ts';
import type { Destination } from './destination.ts';
import { type Finding, finding, ok } from './finding.ts';

interface Overview {
  readonly freshness: {
    readonly last_arrival_at: string | null;
    readonly takes_data: boolean;
    readonly services: readonly string[];
    /** Absent in answers of older aggregators. */
    readonly service_arrivals?: readonly { readonly service: string; readonly last_arrival_at: string | null }[];
  };
  readonly recommendations: readonly {
    readonly id: string;
    readonly area: string;
    readonly level: string;
    readonly message: string;
    readonly action: string;
  }[];
}

/** An application exports at least once in the SDK's own 60 s; five of these without a point are no delay any more. */
const LATE_SECONDS = 300;

/**
 * @param aggregator its base address
 * @param destination what the exporter sends and trusts
 * @param readingKey what `MONITORING_API_KEY` says; else the key that sends is tried, which may also read
 */
export async function checkArrival(
  aggregator: string,
  service: string | undefined,
  { headers: sendingHeaders, authorities }: Destination,
  readingKey: string | undefined,
): Promise<Finding[]> {
  const address = `${aggregator}/monitoring/overview/`;
  const tries = readingKey === undefined ? [sendingHeaders] : keysIn(readingKey);
  let answer = await ask(address, { headers: tries[0], authorities });
  for (const headers of tries.slice(1))
    if (!('failed' in answer) && answer.status === 403) answer = await ask(address, { headers, authorities });
  if ('failed' in answer) return [notAsked(`no answer: ${answer.failed}`)];
  if (answer.status === 403) return [mayNotRead(readingKey !== undefined)];
  const overview = answer.status === 200 ? (objectOf(answer.text) as Overview | undefined) : undefined;
  if (overview?.freshness === undefined) return [notAsked(`status ${answer.status}`)];
  return [
    ok('key.reading', 'the key may read.', { by: readingKey === undefined ? 'the sending key' : 'MONITORING_API_KEY' }),
    serviceFinding(overview, service),
    ...telemetryFindings(overview),
  ];
}

/** The variable holds one key, or several with commas between them: those of the aggregator itself. */
function keysIn(list: string): Record<string, string>[] {
  const keys = list.split(',').map((key) => key.trim());
  return keys.filter((key) => key !== '').map((key) => ({ 'X-Monitoring-API-Key': key }));
}

function notAsked(reason: string): Finding {
  return finding('warning', 'arrival.service', `the aggregator was not asked what arrives (${reason}).`, null, {
    reason,
  });
}

function mayNotRead(wasGiven: boolean): Finding {
  if (wasGiven)
    return finding(
      'error',
      'key.reading',
      'the aggregator answers 403 to the key of MONITORING_API_KEY: it may not read.',
      'Use the key of ./data/api-key in the folder of the aggregator, or of its MONITORING_API_KEY; those of MONITORING_INGEST_KEY only send.',
      { status: 403 },
    );
  return finding(
    'info',
    'key.reading',
    'the sending key may not read (403), so the aggregator was not asked what arrives.',
    'Run this again with MONITORING_API_KEY set to a key that reads.',
    { status: 403 },
  );
}

function serviceFinding({ freshness }: Overview, service: string | undefined): Finding {
  const id = 'arrival.service';
  const { services, service_arrivals: arrivals = [] } = freshness;
  if (service === undefined || !services.includes(service)) {
    const message = `the aggregator has never heard of the service ${service ?? '(unnamed)'}.`;
    const mend = 'Start the application with --import @vigil/otel-config/register and let it do something.';
    return finding('warning', id, message, mend, { service: service ?? null, services: saidOf(freshness) });
  }
  const own = arrivals.find((one) => one.service === service);
  const seconds = secondsSince(own === undefined ? freshness.last_arrival_at : own.last_arrival_at);
  const evidence = { service, services: saidOf(freshness), last_arrival_seconds: seconds };
  const whose = own === undefined ? 'any service' : service;
  if (seconds === null || seconds > LATE_SECONDS) {
    const when = seconds === null ? 'as long as it remembers' : agoInWords(seconds);
    const message = `the aggregator knows ${service}, but nothing of ${whose} has arrived for ${when}.`;
    return finding('warning', id, message, 'Check that the application runs, and where it sends.', evidence);
  }
  return ok(id, `the aggregator knows ${service}; the last of ${whose} came ${agoInWords(seconds)} ago.`, evidence);
}

/** Every service, with when it last sent something. */
function saidOf({ services, service_arrivals: arrivals = [] }: Overview['freshness']): string {
  const bySender = new Map(arrivals.map((one) => [one.service, secondsSince(one.last_arrival_at)]));
  const words = services.map((name) => {
    const seconds = bySender.get(name) ?? null;
    return seconds === null ? name : `${name} (${agoInWords(seconds)} ago)`;
  });
  return words.join(', ');
}

function secondsSince(time: string | null): number | null {
  return time === null ? null : Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
}

/** Two minutes are told in seconds, two hours in minutes, two days in hours. */
function agoInWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** What the doctor has findings of its own for. */
const TOLD_ELSEWHERE = ['telemetry-stopped', 'telemetry-refused'];

/** Its own words on telemetry, such as series that went to the overflow. */
function telemetryFindings({ freshness, recommendations }: Overview): Finding[] {
  const found = recommendations
    .filter(({ id, area, level }) => area === 'telemetry' && level !== 'info' && !TOLD_ELSEWHERE.includes(id))
    .map(({ id, message, action }) => finding('warning', `aggregator.${id}`, message, action));
  if (!freshness.takes_data)
    found.push(
      finding(
        'error',
        'aggregator.takes_data',
        'the aggregator takes no data now.',
        'Look into its log; as a rule its disk is full.',
      ),
    );
  return found;
}
