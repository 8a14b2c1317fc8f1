/** A receiver of OTLP/HTTP in JSON that keeps what it gets; for tests of what a process sends. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** One request as it came, with its parsed body. */
export interface CapturedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly raw: Buffer;
  readonly body: unknown;
}

/** The value of one data point: a sum has `value`, a histogram `count` and `sum`. */
export interface CapturedPoint {
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly value: number;
  readonly count: number;
  readonly sum: number;
}

export interface OtlpCapture {
  /** Base address, as OTEL_EXPORTER_OTLP_ENDPOINT wants it. */
  readonly url: string;
  readonly requests: readonly CapturedRequest[];
  /** Points of a metric in the last export of a service that had it: with cumulative temporality, its totals. */
  lastPoints(service: string, metric: string): CapturedPoint[];
  close(): Promise<void>;
}

export interface OtlpCaptureOptions {
  /** Told of each request before it is answered; when it rejects, the sender gets a 503. */
  readonly onRequest?: (request: CapturedRequest) => Promise<void>;
}

interface AnyValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
}
type KeyValues = readonly { readonly key: string; readonly value: AnyValue }[];
interface DataPoint {
  readonly attributes?: KeyValues;
  readonly asInt?: string | number;
  readonly asDouble?: number;
  readonly count?: string | number;
  readonly sum?: number;
}
interface Metric {
  readonly name: string;
  readonly sum?: { readonly dataPoints: DataPoint[] };
  readonly histogram?: { readonly dataPoints: DataPoint[] };
  readonly exponentialHistogram?: { readonly dataPoints: DataPoint[] };
}
interface MetricsBody {
  readonly resourceMetrics?: {
    readonly resource?: { readonly attributes?: KeyValues };
    readonly scopeMetrics: { readonly metrics: Metric[] }[];
  }[];
}

/** Listens on a free port of the loopback interface. */
export async function startOtlpCapture(options: OtlpCaptureOptions = {}): Promise<OtlpCapture> {
  const requests: CapturedRequest[] = [];
  const server = createServer(async (request, response) => {
    try {
      const raw = await buffer(request);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
      const body: unknown = JSON.parse(text.toString());
      const captured = { path: request.url ?? '', headers: request.headers, raw, body };
      await options.onRequest?.(captured);
      requests.push(captured);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    } catch (error) {
      response.writeHead(503).end(String(error));
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    lastPoints: (service, metric) => lastPoints(requests, service, metric),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function lastPoints(requests: readonly CapturedRequest[], service: string, name: string): CapturedPoint[] {
  for (const { path, body } of requests.toReversed()) {
    if (!path.endsWith('/v1/metrics')) continue;
    const resources = (body as MetricsBody).resourceMetrics ?? [];
    const metrics = resources
      .filter(({ resource }) => plain(resource?.attributes)['service.name'] === service)
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    const found = metrics.filter((metric) => metric.name === name);
    if (found.length > 0) return found.flatMap(pointsOf);
  }
  return [];
}

function pointsOf(metric: Metric): CapturedPoint[] {
  const data = metric.sum ?? metric.histogram ?? metric.exponentialHistogram;
  return (data?.dataPoints ?? []).map((point) => ({
    attributes: plain(point.attributes),
    value: Number(point.asInt ?? point.asDouble ?? 0),
    count: Number(point.count ?? 0),
    sum: point.sum ?? 0,
  }));
}

function plain(attributes: KeyValues = []): Record<string, string | number | boolean> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? value.boolValue ?? value.doubleValue ?? Number(value.intValue),
    ]),
  );
}
