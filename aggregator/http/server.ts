/** The one server: OTLP is handled raw, everything else by the app. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { newCorrelationId } from '../correlation.ts';
import type { Log } from '../log.ts';
import type { OwnMetrics } from '../metrics.ts';
import type { App } from './app.ts';
import { ApiError, renderError } from './errors.ts';
import { commonHeaders } from './headers.ts';
import { isMisdirected, type OtlpHandler, signalOf } from './otlp.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly app: App;
  readonly otlp: OtlpHandler;
  readonly ownMetrics: OwnMetrics;
  readonly log: Log;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** Stops accepting, lets requests in flight finish, and cuts what is left after the cap. */
  close(capMs: number): Promise<void>;
}

/** Longer than exporters pause, so that they keep their connection. */
const KEEP_ALIVE_MS = 75_000;
/** How HTTP/2 begins, and gRPC in it: a client that speaks it cannot read an answer of ours. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n');
const NO_GRPC =
  'OTLP over gRPC, or other HTTP/2, is not taken here: OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf.';
/** Time for a whole request: 16 MiB over a slow line. */
const REQUEST_MS = 60_000;
const MAX_CONNECTIONS = 4096;
const IDLE_POLL_MS = 25;

/** @throws when the address cannot be listened on: the error's `code` is that of the system, such as EADDRINUSE */
export async function startServer({ host, port, app, otlp, ownMetrics, log }: ServerOptions): Promise<RunningServer> {
  let closing = false;
  // This process is ours, and so are its globals: hono's own Response takes a third off what an answer costs beside its report.
  const listener = getRequestListener(app.fetch, {
    errorHandler: (error) => renderUnhandled(error),
  });
  const uploads: Uploads = new WeakMap();
  const handle = (request: IncomingMessage, response: ServerResponse, mustInvite: boolean): void => {
    // On a connection that stays open, the last answer says that it is the last.
    if (closing) response.setHeader('Connection', 'close');
    // Health checks speak HTTP/1.0, which needs no Host; the app reads none.
    if (request.httpVersion === '1.0') request.headers.host ??= 'localhost';
    const signal = signalOf(request.url ?? '');
    if (signal !== undefined || isMisdirected(request)) {
      uploads.set(request.socket, { request, response });
      void otlp(signal, request, response, mustInvite);
    } else void listener(request, response);
  };
  const server = createServer(
    {
      keepAliveTimeout: KEEP_ALIVE_MS,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      // Node would refuse without a body; the app refuses in JSON.
      requireHostHeader: false,
    },
    (request, response) => handle(request, response, false),
  );
  server.maxConnections = MAX_CONNECTIONS;
  const dropped = ownMetrics.counter(
    'aggregator_connections_dropped_total',
    `Connections dropped because ${MAX_CONNECTIONS} were open.`,
    {},
  );
  server.on('drop', () => dropped.add({}));
  server.on('checkContinue', (request, response) => handle(request, response, true));
  // Node would refuse any other expectation with a bare 417.
  server.on('checkExpectation', (request, response) => handle(request, response, false));
  server.on('clientError', (error: UnreadableRequest, socket: Socket) => {
    if (error.rawPacket?.subarray(0, HTTP2_PREFACE.length).equals(HTTP2_PREFACE))
      log.info({ correlation_id: newCorrelationId(), reason: NO_GRPC }, 'a request was refused');
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else if (!failUpload(uploads.get(socket), error)) void answerUnreadable(socket);
  });
  await listen(server, host, port);
  const address = server.address();
  return {
    host,
    port: typeof address === 'object' && address !== null ? address.port : port,
    close(capMs) {
      closing = true;
      return closeServer(server, capMs);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function closeServer(server: Server, capMs: number): Promise<void> {
  return new Promise((resolve) => {
    // Connections whose request has just been answered are idle only now.
    const poll = setInterval(() => server.closeIdleConnections(), IDLE_POLL_MS);
    const cap = setTimeout(() => server.closeAllConnections(), capMs);
    server.close(() => {
      clearInterval(poll);
      clearTimeout(cap);
      resolve();
    });
  });
}

/** Errors from before the app sees a request: an address that is none, a missing Host. */
function renderUnhandled(error: unknown): Response {
  const unreadable = error instanceof Error && error.name === 'RequestError';
  return renderUnread(
    unreadable ? new ApiError('INVALID_PARAMETER', 'The address of the request cannot be read.') : error,
  );
}

/** An error as the app would render it, with all that stands on its answers. */
function renderUnread(error: unknown): Response {
  const correlationId = newCorrelationId();
  const answer = renderError(error, { accept: undefined, correlationId, nowMs: Date.now() });
  for (const [name, value] of Object.entries(commonHeaders(correlationId, 0))) answer.headers.set(name, value);
  return answer;
}

/** What Node tells of bytes that are no HTTP/1. */
type UnreadableRequest = NodeJS.ErrnoException & { readonly rawPacket?: Buffer };

/** The last OTLP request of each connection. */
type Uploads = WeakMap<Socket, { readonly request: IncomingMessage; readonly response: ServerResponse }>;

/** A body that breaks off is for the one who reads it to answer. @returns whether somebody was reading */
function failUpload(upload: ReturnType<Uploads['get']>, error: Error): boolean {
  if (upload === undefined || upload.request.complete || upload.response.headersSent) return false;
  upload.response.setHeader('Connection', 'close');
  return upload.request.emit('error', error);
}

/** What is not HTTP still gets an answer of ours, in JSON. */
async function answerUnreadable(socket: Socket): Promise<void> {
  const answer = renderUnread(new ApiError('INVALID_PARAMETER', 'The request is not valid HTTP.'));
  const body = await answer.text();
  const headers = [...answer.headers, ['content-length', Buffer.byteLength(body)], ['connection', 'close']];
  const head = ['HTTP/1.1 400 Bad Request', ...headers.map(([name, value]) => `${name}: ${value}`)];
  if (socket.writable) socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
