/**
 * `POST /v1/metrics` and `POST /v1/traces`, on node:http itself: what cannot be taken is refused before its body is read,
 * and overload never answers 500, on which a Collector drops the batch.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { correlationIdOf } from '../correlation.ts';
import type { Log } from '../log.ts';
import type { OwnMetrics } from '../metrics.ts';
import { BodyError, MAX_BODY_BYTES, type ReceivedBody, type Receiver, type Signal } from '../otlp/receiver.ts';
import type { Gate } from './auth.ts';
import { type BodyFailure, BodyUnread, type BufferPool, readBody } from './body.ts';
import { retryAfter } from './errors.ts';
import { encodeExported, encodeStatus, OTLP_CONTENT_TYPES, type OtlpEncoding } from './otlp-answer.ts';
import { MOUNT_PATH } from './paths.ts';

export interface OtlpOptions {
  /** Absent where this service only reads: everything is then refused for good, which no sender repeats. */
  readonly receiver: Receiver | undefined;
  readonly gate: Gate;
  readonly pool: BufferPool;
  readonly ownMetrics: OwnMetrics;
  readonly log: Log;
  readonly isClosing: () => boolean;
}

/**
 * @param signal undefined for telemetry at a path that takes none
 * @param mustInvite whether the client waits for `100 Continue` before it sends the body
 */
export type OtlpHandler = (
  signal: Signal | undefined,
  request: IncomingMessage,
  response: ServerResponse,
  mustInvite: boolean,
) => Promise<void>;

/** The signal that a path takes, or a whole address, as a proxy may ask for; undefined for every other path. */
export function signalOf(url: string): Signal | undefined {
  return /^(?:https?:\/\/[^/]+)?\/v1\/(metrics|traces)\/?(?:\?|$)/.exec(url)?.[1] as Signal | undefined;
}

/**
 * Whether a request brings telemetry to where none is taken: its sender reads a `google.rpc.Status` and nothing else. What is
 * posted to the endpoints for readers is theirs to answer, unless an SDK was given one of them as its base address.
 */
export function isMisdirected({ method, url = '', headers }: IncomingMessage): boolean {
  if (method !== 'POST') return false;
  if (/^[^?]*\/v1\/(metrics|traces|logs)\/?(?:\?|$)/.test(url)) return true;
  return encodingOf(headers) === 'protobuf' && !url.startsWith(`${MOUNT_PATH}/`);
}

/** How requests end, as they are counted, with the HTTP status and the `google.rpc.Code` of each. */
const outcomes = {
  accepted: { status: 200, rpcCode: 0 },
  malformed: { status: 400, rpcCode: 3 },
  wrong_key: { status: 401, rpcCode: 16 },
  wrong_path: { status: 404, rpcCode: 5 },
  wrong_method: { status: 405, rpcCode: 12 },
  too_large: { status: 413, rpcCode: 8 },
  wrong_type: { status: 415, rpcCode: 3 },
  not_taken_here: { status: 501, rpcCode: 12 },
  unavailable: { status: 503, rpcCode: 14 },
} as const;

export type OtlpOutcome = keyof typeof outcomes;

/** A request that is not taken, and what its sender is told. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly outcome: OtlpOutcome;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the fault is on our side, and a matter for the log. */
  readonly isOurs: boolean;
  constructor(
    outcome: OtlpOutcome,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    isOurs: boolean = false,
  ) {
    super(message);
    this.outcome = outcome;
    this.headers = headers;
    this.isOurs = isOurs;
  }
}

const RETRY_SECONDS = 5;
const WRONG_PATH =
  'No telemetry is taken at this path: OTLP is taken at /v1/metrics and /v1/traces, which an SDK adds to OTEL_EXPORTER_OTLP_ENDPOINT itself. Logs and remote write are not taken.';
/** How long a refused client may go on sending the body that nobody reads, so that it gets to read its answer. */
const LINGER_MS = 2000;

const SIGNALS: readonly Signal[] = ['metrics', 'traces'];
/** Stands in counts for what came to no path of ours. */
const OTHER = 'other';

export function createOtlpHandler(options: OtlpOptions): OtlpHandler {
  const { ownMetrics, log } = options;
  const requests = ownMetrics.counter('aggregator_otlp_requests_total', 'OTLP requests, by how they ended.', {
    signal: [...SIGNALS, OTHER],
    outcome: Object.keys(outcomes) as OtlpOutcome[],
  });
  const received = ownMetrics.counter('aggregator_otlp_received_bytes_total', 'Bytes of OTLP bodies as they came.', {
    signal: SIGNALS,
  });
  ownMetrics.gauge('aggregator_otlp_buffer_bytes', 'Bytes of the buffers that hold bodies being read.', () => {
    return options.pool.inUseBytes;
  });

  return async (signal, request, response, mustInvite) => {
    const startedMs = performance.now();
    const { headers } = request;
    const correlationId = correlationIdOf(first(headers['traceparent']), first(headers['x-correlation-id']));
    const encoding = encodingOf(headers);
    const invite = (): void => {
      if (mustInvite) response.writeContinue();
    };
    const answer = await receive(options, signal, request, encoding, invite);
    requests.add({ signal: signal ?? OTHER, outcome: answer.outcome });
    if (signal !== undefined) received.add({ signal }, answer.receivedBytes);
    const line = { correlation_id: correlationId, signal, outcome: answer.outcome, reason: answer.reason };
    if (answer.cause !== undefined) log.error({ ...line, err: answer.cause }, 'telemetry could not be taken');
    else if (answer.reason === undefined) log.debug(line, 'telemetry received');
    else log.info(line, answer.outcome === 'accepted' ? 'not all telemetry was taken' : 'telemetry was refused');
    response.writeHead(outcomes[answer.outcome].status, {
      ...answer.headers,
      'Content-Type': OTLP_CONTENT_TYPES[encoding ?? 'json'],
      'Content-Length': answer.body.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      'X-Correlation-ID': correlationId,
      'X-Request-Duration-Ms': (performance.now() - startedMs).toFixed(2),
    });
    // Even of an empty body Node would make a piece of its own beside the headers.
    if (answer.body.length === 0) response.end();
    else if (request.complete) response.end(answer.body);
    else endAfter(request, response, answer.body);
  };
}

interface Answer {
  readonly outcome: OtlpOutcome;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly receivedBytes: number;
  /** What the sender is told; undefined when all is well. */
  readonly reason: string | undefined;
  /** Present when the fault is ours. */
  readonly cause?: unknown;
}

/** Never rejects. */
async function receive(
  options: OtlpOptions,
  signal: Signal | undefined,
  request: IncomingMessage,
  encoding: OtlpEncoding | undefined,
  invite: () => void,
): Promise<Answer> {
  let receivedBytes = 0;
  try {
    if (signal === undefined) throw new Refusal('wrong_path', WRONG_PATH);
    const admitted = admit(options, request, encoding);
    invite();
    const body = await readBody(request, options.pool, {
      expectedBytes: admitted.expectedBytes,
      maxBytes: MAX_BODY_BYTES,
    });
    receivedBytes = body.bytes.length;
    try {
      const accepted = admitted.receiver.take({
        signal,
        bytes: body.bytes,
        encoding: admitted.encoding,
        gzip: admitted.gzip,
      });
      const encoded = encodeExported(signal, admitted.encoding, accepted);
      const reason = accepted.message === '' ? undefined : accepted.message;
      return { outcome: 'accepted', body: encoded, headers: {}, receivedBytes, reason };
    } finally {
      body.release();
    }
  } catch (error) {
    const { outcome, message, headers, isOurs } = asRefusal(error);
    const body = encodeStatus(encoding ?? 'json', outcomes[outcome].rpcCode, message);
    return { outcome, body, headers, receivedBytes, reason: message, cause: isOurs ? error : undefined };
  }
}

type Admitted = Pick<ReceivedBody, 'encoding' | 'gzip'> & {
  readonly expectedBytes: number;
  readonly receiver: Receiver;
};

/** Whether a Content-Encoding that is taken means gzip, under both names of it (RFC 9110, 8.4.1.3). */
const CODINGS: ReadonlyMap<string, boolean> = new Map([
  ['', false],
  ['identity', false],
  ['gzip', true],
  ['x-gzip', true],
]);

/** All that can be told from the headers. */
function admit(
  { gate, isClosing, receiver }: OtlpOptions,
  request: IncomingMessage,
  encoding: OtlpEncoding | undefined,
): Admitted {
  const { headers } = request;
  if (request.method !== 'POST') throw new Refusal('wrong_method', 'This path takes POST only.', { Allow: 'POST' });
  if (!gate.mayWrite({ apiKey: first(headers['x-monitoring-api-key']), authorization: headers.authorization }))
    throw new Refusal('wrong_key', 'A valid key is needed, as X-Monitoring-API-Key or as Authorization: Bearer.', {
      'WWW-Authenticate': 'Bearer',
    });
  if (receiver === undefined)
    throw new Refusal(
      'not_taken_here',
      'This service takes no telemetry: it reads from a Prometheus-compatible server. Send it to the Collector that writes there.',
    );
  if (isClosing()) throw unavailable('The service is closing.', RETRY_SECONDS);
  if (encoding === undefined)
    throw new Refusal('wrong_type', 'Content-Type must be application/x-protobuf or application/json.');
  const isGzip = CODINGS.get(headers['content-encoding']?.trim().toLowerCase() ?? '');
  if (isGzip === undefined)
    throw new Refusal('wrong_type', 'Content-Encoding must be gzip, or absent.', { 'Accept-Encoding': 'gzip' });
  const expectedBytes = Number(headers['content-length'] ?? 0);
  if (expectedBytes > MAX_BODY_BYTES) throw tooLarge();
  return { encoding, gzip: isGzip, expectedBytes, receiver };
}

function encodingOf(headers: IncomingHttpHeaders): OtlpEncoding | undefined {
  const type = headers['content-type']?.split(';', 1)[0].trim().toLowerCase();
  if (type === 'application/x-protobuf') return 'protobuf';
  return type === 'application/json' ? 'json' : undefined;
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof BodyUnread) return UNREAD[error.failure]();
  if (error instanceof BodyError) {
    if (error.kind === 'too_large') return tooLarge();
    if (error.kind === 'malformed') return new Refusal('malformed', error.message);
    // Who throws it has logged why, once, and not for each of the senders who try again every few seconds.
    return unavailable(error.message, error.retryAfterSeconds);
  }
  // Whatever went wrong here, the data may be good: its sender should keep it.
  return unavailable('The data could not be taken now.', RETRY_SECONDS, true);
}

const UNREAD: Readonly<Record<BodyFailure, () => Refusal>> = {
  too_large: tooLarge,
  truncated: () => new Refusal('malformed', 'The body ended early.'),
  busy: () => unavailable('Too many bodies are being received at the same time.', RETRY_SECONDS),
};

function tooLarge(): Refusal {
  return new Refusal('too_large', `A body may have ${MAX_BODY_BYTES} bytes, after decompression too.`);
}

function unavailable(message: string, retryAfterSeconds: number, isOurs?: boolean): Refusal {
  return new Refusal('unavailable', message, { 'Retry-After': retryAfter(retryAfterSeconds) }, isOurs);
}

/**
 * Answers a request of which more is to come, and reads on without keeping anything before the connection is closed: closing
 * at once would reset it before the client reads the answer, which is whole by its length.
 */
function endAfter(request: IncomingMessage, response: ServerResponse, body: Uint8Array): void {
  response.write(body);
  const late = setTimeout(() => request.destroy(), LINGER_MS).unref();
  request.resume().once('close', () => {
    clearTimeout(late);
    response.end();
  });
}

function first(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
