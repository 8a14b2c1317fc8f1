/**
 * The aggregator's own server and journal, with another decoder behind them: what object-building decoders cost in the
 * same place. They look up series by their attributes and add up buckets, and nothing else: no streams, no repetitions,
 * no checks. Arguments: `pbf` or `protobufjs`, the port, a directory.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { PbfReader } from 'pbf';
import { compileRaw } from 'pbf/compile';
import protobuf from 'protobufjs';
import { parse } from 'protocol-buffers-schema';
import { createGate } from '../../aggregator/http/auth.ts';
import { createBufferPool } from '../../aggregator/http/body.ts';
import { createOtlpHandler } from '../../aggregator/http/otlp.ts';
import { startServer } from '../../aggregator/http/server.ts';
import { openLog } from '../../aggregator/log.ts';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import { Journal } from '../../aggregator/store/embedded/journal.ts';
import { KEY } from '../support/aggregator.ts';

interface Point {
  readonly attributes: { key: string; value: { string_value?: string; stringValue?: string } }[];
  readonly count?: number;
  readonly sum?: number;
  readonly bucket_counts?: number[];
  readonly bucketCounts?: number[];
  readonly positive?: { bucket_counts?: number[]; bucketCounts?: number[] };
  readonly as_int?: number;
  readonly asInt?: number;
}
interface Metric {
  readonly name: string;
  readonly [data: string]: { data_points?: Point[]; dataPoints?: Point[] } | string;
}
interface Request {
  readonly resource_metrics?: { scope_metrics: { metrics: Metric[] }[] }[];
  readonly resourceMetrics?: { scopeMetrics: { metrics: Metric[] }[] }[];
}

const [decoder, port, directory] = process.argv.slice(2);
const proto = join(import.meta.dirname, '../support/otlp.proto');
const decode = decoder === 'pbf' ? pbfDecoder() : protobufjsDecoder();

function protobufjsDecoder(): (bytes: Uint8Array) => Request {
  // Without Long, 64-bit numbers are doubles: the fastest that protobufjs can.
  protobuf.util.Long = undefined as never;
  protobuf.configure();
  const type = protobuf.parse(readFileSync(proto, 'utf8')).root.lookupType('otlp.ExportMetricsServiceRequest');
  return (bytes) => type.decode(bytes) as unknown as Request;
}

function pbfDecoder(): (bytes: Uint8Array) => Request {
  const code = compileRaw(parse(readFileSync(proto, 'utf8')), { legacy: true, noWrite: true });
  const read = new Function(`const exports = {};\n${code}\nreturn exports;`)() as Record<
    string,
    { read(reader: PbfReader): Request } & ((reader: PbfReader) => Request)
  >;
  const name = Object.keys(read).find((key) => key.endsWith('ExportMetricsServiceRequest')) as string;
  const type = read[name];
  return (bytes) => (type.read ?? type)(new PbfReader(bytes));
}

const series = new Map<string, number>();
const rows = new Float64Array(1 << 22);
const ROW = 64;

function accumulate(request: Request): void {
  for (const rm of request.resource_metrics ?? request.resourceMetrics ?? []) {
    const scopes = 'scope_metrics' in rm ? rm.scope_metrics : rm.scopeMetrics;
    for (const { metrics } of scopes)
      for (const metric of metrics) {
        const data =
          metric['sum'] ?? metric['histogram'] ?? metric['exponential_histogram'] ?? metric['exponentialHistogram'];
        if (typeof data === 'string' || data === undefined || data === null) continue;
        for (const point of data.data_points ?? data.dataPoints ?? []) add(metric.name, point);
      }
  }
}

function add(name: string, point: Point): void {
  const parts = [name];
  for (const { key, value } of point.attributes) parts.push(`${key}=${value.string_value ?? value.stringValue}`);
  const key = parts.sort().join('\u0001');
  let id = series.get(key);
  if (id === undefined) series.set(key, (id = series.size));
  const row = id * ROW;
  const { positive } = point;
  const counts = point.bucket_counts ?? point.bucketCounts ?? positive?.bucket_counts ?? positive?.bucketCounts ?? [];
  rows[row] += Number(point.count ?? point.as_int ?? point.asInt ?? 0);
  rows[row + 1] += point.sum ?? 0;
  for (let i = 0; i < counts.length; i++) rows[row + 2 + (i % (ROW - 2))] += Number(counts[i]);
}

const journal = new Journal(directory, 'grouped', () => {});
journal.begin();
let requests = 0;
const receiver = {
  take({ bytes, gzip }: { bytes: Uint8Array; gzip: boolean }) {
    accumulate(decode(gzip ? gunzipSync(bytes) : bytes));
    journal.append(1, Date.now(), bytes);
    if (++requests % 200 === 0) {
      journal.begin();
      journal.remove(journal.sequence - 1, true);
    }
    return { rejected: 0, message: '' };
  },
};
const ownMetrics = createOwnMetrics();
const log = openLog('error');
const pool = createBufferPool(256 * 2 ** 20, 32 * 2 ** 20);
const gate = createGate([KEY], []);
const otlp = createOtlpHandler({ receiver, gate, pool, ownMetrics, log, isClosing: () => false });
await startServer({ host: '127.0.0.1', port: Number(port), app: new Hono() as never, otlp, ownMetrics, log });
