/** Where telemetry goes: whether somebody is there, who it is, whether the key is taken, and what its clock says. */
import { parseKeyPairsIntoRecord } from '@opentelemetry/core';
import { withoutSecrets } from '../export-failures.ts';
import { findLocalAggregator } from '../local-aggregator.ts';
import { otlpTarget } from '../otlp-settings.ts';
import { type Answer, ask, objectOf } from './ask.ts';
import type { IdAt } from './catalogue.ts';
import { type Finding, finding, ok } from './finding.ts';

/** What later questions need. */
export interface Destination {
  /** Base address where an aggregator answers; undefined where it is something else or nothing. */
  readonly aggregator: string | undefined;
  /** The headers that the exporter sends. */
  readonly headers: Readonly<Record<string, string>>;
  /** A file of authorities that the exporter trusts; undefined where it trusts those of the system. */
  readonly authorities?: string;
  readonly findings: readonly Finding[];
}

/** Beyond this the aggregator counts in another minute than the sender meant. */
const WARN_SKEW_SECONDS = 30;
/** The aggregator rejects points that are further ahead. */
const MAX_AHEAD_SECONDS = 600;

/** Sends an empty OTLP request, which holds no telemetry. */
export async function checkDestination(env: NodeJS.ProcessEnv): Promise<Destination> {
  const notices: string[] = [];
  const target = otlpTarget('metrics', (line) => notices.push(line));
  const headers = target.local?.headers ?? headersFrom(env);
  const authorities = env['OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE'] || env['OTEL_EXPORTER_OTLP_CERTIFICATE'];
  const place = withoutSecrets(target.endpoint);
  const findings: Finding[] = [addressFinding(env, place, target.local !== undefined)];
  const [health, sent] = await Promise.all([
    ask(new URL('/healthz', URL.canParse(target.endpoint) ? target.endpoint : 'http://invalid').href, { authorities }),
    target.protocol === 'grpc' ? undefined : sendNothing(target.endpoint, headers, authorities),
  ]);
  const isAggregator = isAggregatorHealth(health);
  const aggregator = isAggregator ? new URL(target.endpoint).origin : undefined;
  findings.push(
    ...(sent === undefined ? grpcFindings(health, place, isAggregator) : answerFindings(sent, place, isAggregator)),
  );
  if (!('failed' in health)) findings.push(...skewFindings(health));
  return { aggregator, headers, authorities, findings };
}

export function isAggregatorHealth(health: Answer): boolean {
  return !('failed' in health) && health.correlated && objectOf(health.text)?.['status'] === 'alive';
}

function headersFrom(env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    ...parseKeyPairsIntoRecord(env['OTEL_EXPORTER_OTLP_HEADERS'] ?? ''),
    ...parseKeyPairsIntoRecord(env['OTEL_EXPORTER_OTLP_METRICS_HEADERS'] ?? ''),
  };
}

function sendNothing(endpoint: string, given: Destination['headers'], authorities?: string): Promise<Answer> {
  const headers = { 'Content-Type': 'application/json', ...given };
  return ask(endpoint, { method: 'POST', headers, body: '{}', authorities });
}

function addressFinding(env: NodeJS.ProcessEnv, place: string, isLocal: boolean): Finding {
  const id = 'destination.address';
  const situation = findLocalAggregator(env);
  if (isLocal) {
    const evidence = { place, by: situation?.path ?? null };
    return ok(id, `telemetry goes to ${place}, the aggregator on this machine.`, evidence);
  }
  if (situation !== undefined && 'refused' in situation) {
    const { path, refused } = situation;
    const mend = `Remove ${path}, and start the aggregator again.`;
    return finding('warning', id, `${path} is not used: ${refused}.`, mend, { place, path });
  }
  const by = ['OTEL_EXPORTER_OTLP_METRICS_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'].find((name) => env[name]);
  if (by !== undefined) return ok(id, `telemetry goes to ${place}, as ${by} says.`, { place, by });
  const mend = 'Start an aggregator on this machine as the same user, or set OTEL_EXPORTER_OTLP_ENDPOINT.';
  return finding('warning', id, `nothing says where telemetry goes, so it goes to ${place}.`, mend, { place });
}

function answerFindings(sent: Answer, place: string, isAggregator: boolean): Finding[] {
  if ('failed' in sent) return [unreachable(place, sent.failed)];
  const { status } = sent;
  const who = isAggregator ? 'an aggregator' : 'a receiver that is no aggregator (a Collector, as a rule)';
  const reachable = ok('destination.reachable', `${who} answers at ${place}.`, { place, aggregator: isAggregator });
  return [reachable, statusFinding(status, place)];
}

function statusFinding(status: number, place: string): Finding {
  const evidence = { place, status };
  const error = (id: IdAt<'error'>, message: string, mend: string) => finding('error', id, message, mend, evidence);
  if (status >= 200 && status < 300)
    return ok('key.sending', `what is sent to ${place} is taken (an empty request was).`, evidence);
  if (status === 401)
    return error(
      'key.sending',
      `${place} answers 401: the key is missing, wrong, or may only read.`,
      'Set OTEL_EXPORTER_OTLP_HEADERS="X-Monitoring-API-Key=KEY", with a key of MONITORING_INGEST_KEY where that is set.',
    );
  if (status === 403)
    return error(
      'key.sending',
      `${place} answers 403: the aggregator itself refuses senders with 401, so a proxy before it refuses.`,
      'Let the proxy pass POST /v1/metrics and /v1/traces, or give it what it asks for in OTEL_EXPORTER_OTLP_HEADERS.',
    );
  if (status === 404 || status === 405)
    return error(
      'destination.path',
      `${place} answers ${status}: OTLP is not taken at this path.`,
      'OTEL_EXPORTER_OTLP_ENDPOINT is an address without /v1/metrics; OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is one with it.',
    );
  if (status === 501)
    return error(
      'destination.reads_only',
      `${place} answers 501: this aggregator only reads from a Prometheus-compatible server.`,
      'Send to the Collector that writes to that server.',
    );
  if (status >= 300 && status < 400)
    return error(
      'destination.answer',
      `${place} answers ${status}: it redirects, and exporters do not follow.`,
      'Set OTEL_EXPORTER_OTLP_ENDPOINT to the address that it redirects to, as a rule the same with https://.',
    );
  const level = status === 429 || status >= 500 ? 'warning' : 'error';
  return finding(level, 'destination.answer', `${place} answers ${status}.`, 'Look into its log.', evidence);
}

function grpcFindings(health: Answer, place: string, isAggregator: boolean): Finding[] {
  if (isAggregator)
    return [
      finding(
        'error',
        'destination.protocol',
        `an aggregator answers at ${place}, which takes no gRPC.`,
        'Set OTEL_EXPORTER_OTLP_PROTOCOL to http/protobuf, or leave it out.',
        { place },
      ),
    ];
  if ('failed' in health && /^E(?!CONNRESET)/.test(health.failed)) return [unreachable(place, health.failed)];
  const message = `gRPC at ${place}: something listens; key and clock were not asked for.`;
  return [finding('info', 'destination.reachable', message, null, { place })];
}

function unreachable(place: string, reason: string): Finding {
  const [, mend = 'Start what shall listen there, or set OTEL_EXPORTER_OTLP_ENDPOINT to where it does.'] =
    MENDS.find(([pattern]) => pattern.test(reason)) ?? [];
  const message = `${place} cannot be reached (${reason}).`;
  return finding('error', 'destination.reachable', message, mend, { place, reason });
}

/** What a reason asks for, where it is not that nobody listens. */
const MENDS: readonly (readonly [reason: RegExp, mend: string])[] = [
  [
    /SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/,
    'Name the file of the authority that signed its certificate in OTEL_EXPORTER_OTLP_CERTIFICATE.',
  ],
  [/ALTNAME/, 'Set OTEL_EXPORTER_OTLP_ENDPOINT to a name that its certificate is for.'],
  [/CERT_HAS_EXPIRED/, 'Renew its certificate.'],
  [/cannot be read/, 'Set OTEL_EXPORTER_OTLP_CERTIFICATE to a file that can be read, or take it away.'],
  [/EPROTO|WRONG_VERSION/, 'It speaks no TLS there: begin OTEL_EXPORTER_OTLP_ENDPOINT with http://.'],
  [/ECONNRESET|HPE_/, 'Where it speaks TLS, begin OTEL_EXPORTER_OTLP_ENDPOINT with https://.'],
];

/** The `Date` header has whole seconds: half of one is taken to have passed. */
function skewFindings({ dateMs, askedMs, answeredMs }: Exclude<Answer, { failed: string }>): Finding[] {
  if (Number.isNaN(dateMs)) return [];
  const aheadSeconds = Math.round(((askedMs + answeredMs) / 2 - dateMs - 500) / 1000);
  const evidence = { ahead_seconds: aheadSeconds };
  if (Math.abs(aheadSeconds) <= WARN_SKEW_SECONDS)
    return [ok('clock.skew', 'the clocks of this machine and of the receiver agree.', evidence)];
  const where = `this machine's clock is ${Math.abs(aheadSeconds)} s ${aheadSeconds > 0 ? 'ahead of' : 'behind'} the receiver's`;
  const isRejected = aheadSeconds > MAX_AHEAD_SECONDS;
  const message = isRejected
    ? `${where}: an aggregator rejects what is more than 10 minutes ahead.`
    : `${where}: counts land in other minutes.`;
  return [finding(isRejected ? 'error' : 'warning', 'clock.skew', message, 'Synchronise both clocks (NTP).', evidence)];
}
