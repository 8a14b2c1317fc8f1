import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OLDEST_NODE } from '../../otel-config/node-version.ts';
import { otlpType } from '../support/otlp.ts';
import { type OtlpCapture, startOtlpCapture } from '../support/otlp-capture.ts';
import { type AppOptions, app, REGISTER, runApp } from './run-app.ts';

let capture: OtlpCapture;
beforeAll(async () => {
  capture = await startOtlpCapture();
});
afterAll(() => capture.close());

function jsonTo(service: string, more: Record<string, string> = {}): AppOptions {
  return {
    env: {
      OTEL_SERVICE_NAME: service,
      OTEL_EXPORTER_OTLP_ENDPOINT: capture.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      ...more,
    },
  };
}

function requestsOf(service: string, path: string) {
  return capture.requests.filter((request) => request.path === path && request.raw.includes(`"${service}"`));
}

/** Every metric in the last export of a service, as OTLP/JSON has it. */
function metricsOf(service: string) {
  const body = requestsOf(service, '/v1/metrics').at(-1)?.body as {
    resourceMetrics: [{ scopeMetrics: { metrics: JsonMetric[] }[] }];
  };
  const all = body.resourceMetrics[0].scopeMetrics.flatMap(({ metrics }) => metrics);
  return Object.fromEntries(all.map((metric) => [metric.name, metric]));
}
interface JsonPoint {
  readonly attributes: readonly { key: string }[];
  readonly explicitBounds?: readonly number[];
  readonly scale?: number;
  readonly count?: number;
}
interface JsonData {
  readonly aggregationTemporality: number;
  readonly dataPoints: readonly JsonPoint[];
}
interface JsonMetric {
  readonly name: string;
  readonly sum?: JsonData;
  readonly histogram?: JsonData;
  readonly exponentialHistogram?: JsonData;
}

function resourceOf(service: string): Record<string, string> {
  const body = requestsOf(service, '/v1/metrics').at(-1)?.body as {
    resourceMetrics: [{ resource: { attributes: { key: string; value: { stringValue: string } }[] } }];
  };
  const { attributes } = body.resourceMetrics[0].resource;
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue]));
}

describe.concurrent('mutations of an application arrive', () => {
  test.each(['mutate.ts', 'mutate.cjs'])('%s', async (file) => {
    const end = await runApp(app(file), jsonTo(file));
    expect(end).toMatchObject({ code: 0, stdout: '', stderr: '' });
    const durations = capture.lastPoints(file, 'vigil.mutation.duration');
    const counts = durations.map(({ attributes, count }) => [attributes['vigil.mutation.outcome'], count]);
    expect(Object.fromEntries(counts)).toEqual({ success: 2, failure: 1 });
    const requests = capture.lastPoints(file, 'vigil.graphql.requests');
    expect(requests.reduce((sum, { value }) => sum + value, 0)).toBe(4);
    expect(
      requestsOf(file, '/v1/traces').map(({ raw }) => raw.toString().split('"mutation login"').length - 1),
    ).toEqual([3]);
    expect(requestsOf(file, '/v1/logs')).toEqual([]);
  });

  test('by protobuf and gzip, with headers, as the standard variables say', async () => {
    const bodies: { type: string | undefined; key: unknown; body: Buffer }[] = [];
    const server = createServer(async (request, response) => {
      const body = gunzipSync(await buffer(request));
      bodies.push({ type: request.headers['content-type'], key: request.headers['authorization'], body });
      response.end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    const env = {
      OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `http://127.0.0.1:${port}/own/path`,
      OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20k',
      OTEL_TRACES_EXPORTER: 'none',
    };
    await runApp(app('mutate.ts'), { env });
    server.close();
    expect(bodies).toHaveLength(1);
    expect(bodies[0]).toMatchObject({ type: 'application/x-protobuf', key: 'Bearer k' });
    const message = otlpType('ExportMetricsServiceRequest').decode(bodies[0]!.body);
    expect(JSON.stringify(message.toJSON())).toContain('vigil.mutation.duration');
  });

  test('once, however often the registration is named', async () => {
    const copy = `${REGISTER}?copy`;
    await runApp(app('mutate.ts'), { ...jsonTo('twice'), imports: [REGISTER, REGISTER, copy] });
    const counts = capture.lastPoints('twice', 'vigil.mutation.duration').map(({ count }) => count);
    expect(counts.toSorted()).toEqual([1, 2]);
    expect(requestsOf('twice', '/v1/metrics')).toHaveLength(1);
  });

  test('nothing from a Node that is too old, which runs the application as if we were not there', async () => {
    const requires = [app('oldest-node.cjs')];
    const end = await runApp(app('mutate.ts'), { ...jsonTo('oldest'), requires });
    const stderr = 'vigil: Node 20.20.2 is too old, nothing is observed: Node 22.15 or newer is needed.\n';
    expect(end).toMatchObject({ code: 0, stdout: '', stderr });
    expect(requestsOf('oldest', '/v1/metrics')).toEqual([]);
    const { engines } = JSON.parse(readFileSync(join(REGISTER, '../package.json'), 'utf8'));
    expect(engines.node).toBe(`>=${OLDEST_NODE}`);
  });

  test('an application that records nothing sends nothing, and ends without delay', async () => {
    const end = await runApp(app('nothing.cjs'), jsonTo('nothing'));
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(requestsOf('nothing', '/v1/metrics')).toEqual([]);
  });

  test('OTEL_SDK_DISABLED leaves no trace of us', async () => {
    const end = await runApp(app('traces-of-us.cjs'), jsonTo('disabled', { OTEL_SDK_DISABLED: 'true' }));
    expect(JSON.parse(end.stdout)).toEqual({ listeners: 0, api: false });
    const enabled = await runApp(app('traces-of-us.cjs'), jsonTo('enabled'));
    expect(JSON.parse(enabled.stdout)).toEqual({ listeners: 3, api: true });
  });
});

describe.concurrent('Views', () => {
  test('exponential histograms, cumulative, with allowed attributes and bounded sets', async () => {
    await runApp(app('record.ts'), jsonTo('views'));
    const sent = metricsOf('views');
    const duration = sent['vigil.mutation.duration']?.exponentialHistogram;
    expect(duration).toMatchObject({ aggregationTemporality: 2, dataPoints: [{ count: 5 }] });
    expect(duration?.dataPoints[0]?.attributes.map(({ key }) => key)).toEqual([
      'vigil.mutation.name',
      'vigil.mutation.outcome',
    ]);
    // 320 buckets hold 0.1 ms to 3 s at scale 4, 160 would need scale 3.
    expect(duration?.dataPoints[0]?.scale).toBe(4);
    const complexity = sent['vigil.mutation.complexity']?.exponentialHistogram?.dataPoints[0];
    expect(complexity?.attributes.map(({ key }) => key)).toEqual(['vigil.mutation.name']);
    expect(sent['vigil.graphql.requests']?.sum?.dataPoints).toHaveLength(21);
    const own = sent['app.own.duration']?.histogram?.dataPoints[0];
    expect(own?.attributes.map(({ key }) => key)).toEqual(['anything']);
  });

  test('explicit buckets and delta where they are asked for', async () => {
    await runApp(
      app('record.ts'),
      jsonTo('explicit', {
        OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: 'EXPLICIT_BUCKET_HISTOGRAM',
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: 'delta',
      }),
    );
    const duration = metricsOf('explicit')['vigil.mutation.duration']?.histogram;
    expect(duration).toMatchObject({ aggregationTemporality: 1, dataPoints: [{ count: 5 }] });
    expect(duration?.dataPoints[0]?.explicitBounds).toEqual(expect.arrayContaining([0.5, 1]));
    expect(metricsOf('explicit')['vigil.graphql.requests']?.sum?.aggregationTemporality).toBe(1);
  });

  test('exponential histograms for all where they are asked for', async () => {
    const variable = 'OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION';
    await runApp(app('record.ts'), jsonTo('all', { [variable]: 'base2_exponential_bucket_histogram' }));
    expect(metricsOf('all')['app.own.duration']).toHaveProperty('exponentialHistogram');
  });
});

describe.concurrent('the resource', () => {
  test.each(['', 'none', 'env,host'])('has an instance with detectors "%s"', async (detectors) => {
    const service = `detectors ${detectors}`;
    const env = { OTEL_NODE_RESOURCE_DETECTORS: detectors, OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.2' };
    const key = 'vigil.mutation.name';
    const before = capture.requests.length;
    await runApp(app('record.ts'), jsonTo(service, env));
    if (detectors === 'none') {
      const own = capture.requests
        .slice(before)
        .filter(({ raw }) => raw.includes('"service.name","value":{"stringValue":"vigil"}'));
      expect(own[0]?.raw.toString()).toContain('service.instance.id');
      expect(own[0]?.raw.toString()).toContain(key);
      return;
    }
    expect(resourceOf(service)['service.instance.id']).toMatch(/^[\da-f-]{36}$/);
    expect(resourceOf(service)['service.version']).toBe('1.2');
  });

  test('differs in forked processes and threads, also where the environment names the instance', async () => {
    const env = { OTEL_RESOURCE_ATTRIBUTES: 'service.instance.id=web-1' };
    const end = await runApp(app('family.ts'), jsonTo('family', env));
    expect(end).toMatchObject({ code: 0, stderr: '' });
    const pattern = /"service\.instance\.id","value":\{"stringValue":"([^"]+)"/;
    const instances = requestsOf('family', '/v1/metrics').map(({ raw }) => pattern.exec(raw.toString())?.[1]);
    expect(new Set(instances).size).toBe(4);
    expect(instances).toContain('web-1');
    expect(instances.filter((id) => id?.startsWith('web-1-'))).toHaveLength(3);
  });
});
