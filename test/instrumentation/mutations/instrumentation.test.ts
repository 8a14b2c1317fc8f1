import { readFileSync } from 'node:fs';
import { DiagLogLevel, diag, type Meter, metrics as metricsApi, type Tracer, trace } from '@opentelemetry/api';
import { attributes, metrics, spans } from '@vigil/semconv';
import { afterEach, describe, expect, it } from 'vitest';
import {
  MutationInstrumentation,
  type MutationInstrumentationConfig,
} from '../../../instrumentation/mutations/index.ts';
import { PACKAGE_NAME, PACKAGE_VERSION } from '../../../instrumentation/mutations/instrumentation.ts';
import { keepDiagnostics, type MemoryTelemetry, startMemoryTelemetry } from '../../support/memory-telemetry.ts';
import { type Answer, executors, graphql17, makeSchema, rootValue } from './fixture.ts';

let telemetry: MemoryTelemetry | undefined;
afterEach(() => telemetry?.stop());

function start(config?: MutationInstrumentationConfig): MemoryTelemetry {
  telemetry = startMemoryTelemetry(new MutationInstrumentation(config));
  return telemetry;
}

async function run(text: string): Promise<void> {
  await graphql17.execute({ schema: makeSchema(graphql17), document: graphql17.parse(text), rootValue });
}

it('bears the name and version of its package', () => {
  const file = new URL('../../../instrumentation/mutations/package.json', import.meta.url);
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ name: PACKAGE_NAME, version: PACKAGE_VERSION });
});

it('makes its definitions once: the SDK and a registration ask for them separately', () => {
  const instrumentation = new MutationInstrumentation({ enabled: false });
  expect(instrumentation.getModuleDefinitions()).toBe(instrumentation.getModuleDefinitions());
  expect(instrumentation.getModuleDefinitions().map(({ name }) => name)).toEqual([
    'graphql',
    '@graphql-tools/executor',
    'graphql-jit',
  ]);
});

it('emits nothing that the registry does not name', async () => {
  const { points, spans: finished } = start();
  await run('mutation { atOnce { id broken } coded { id } fromRoot { id } }');
  for (const name of ['vigil.mutation.duration', 'vigil.mutation.complexity', 'vigil.graphql.requests'] as const) {
    const seen = await points(name);
    expect(seen.length).toBeGreaterThan(0);
    for (const point of seen) {
      for (const [key, value] of Object.entries(point.attributes)) {
        expect(metrics[name].attributes).toContain(key);
        const closed = attributes[key as keyof typeof attributes].values;
        if (closed !== undefined) expect(closed).toContain(value);
      }
    }
  }
  expect(finished().length).toBe(3);
  for (const span of finished()) {
    expect(span.name).toBe(
      spans.mutation.name.replace('{vigil.mutation.name}', String(span.attributes['vigil.mutation.name'])),
    );
    for (const key of Object.keys(span.attributes)) expect(spans.mutation.attributes).toContain(key);
  }
});

describe('configuration', () => {
  it('metrics: false leaves spans', async () => {
    const { points, spans: finished } = start({ metrics: false });
    await run('mutation { atOnce { id } }');
    for (const name of ['vigil.mutation.duration', 'vigil.mutation.complexity', 'vigil.graphql.requests']) {
      expect(await points(name)).toEqual([]);
    }
    expect(finished().length).toBe(1);
  });

  it('spans: false leaves metrics', async () => {
    const { points, spans: finished } = start({ spans: false });
    await run('mutation { atOnce { id } }');
    expect((await points('vigil.mutation.duration')).length).toBe(1);
    expect(finished()).toEqual([]);
  });

  it('enabled: false observes nothing until enabled', async () => {
    const instrumentation = new MutationInstrumentation({ enabled: false });
    telemetry = startMemoryTelemetry(instrumentation);
    await run('mutation { atOnce { id } }');
    expect(await telemetry.points('vigil.mutation.duration')).toEqual([]);
    instrumentation.enable();
    await run('mutation { atOnce { id } }');
    expect((await telemetry.points('vigil.mutation.duration')).map(({ value }) => value)).toEqual([1]);
  });

  it('bounds names and error types, in metrics and spans', async () => {
    const { points, spans: finished } = start({ maxMutationNames: 2, maxErrorTypes: 1 });
    await run('mutation { throws { id } coded { id } rejects { id } atOnce { id } }');
    await run('mutation { throws { id } }');
    expect(
      (await points('vigil.mutation.duration')).map(({ attributes: a, value }) => [...Object.values(a), value]),
    ).toEqual([
      ['throws', 'failure', 'PaymentDeclined', 2],
      ['coded', 'failure', '_OTHER', 1],
      ['_OTHER', 'failure', '_OTHER', 1],
      ['_OTHER', 'success', 1],
    ]);
    expect(finished().map(({ name }) => name)).toEqual([
      'mutation throws',
      'mutation coded',
      'mutation _OTHER',
      'mutation _OTHER',
      'mutation throws',
    ]);
  });
});

it('goes over to a meter provider that is set later, and to another one after that', async () => {
  const instrumentation = new MutationInstrumentation();
  await run('mutation { atOnce { id } }');
  const first = startMemoryTelemetry(instrumentation);
  await run('mutation { later { id } }');
  const second = startMemoryTelemetry(instrumentation);
  telemetry = second;
  await run('mutation { throws { id } }');
  const names = async (of: MemoryTelemetry): Promise<unknown[]> =>
    (await of.points('vigil.mutation.duration')).map(({ attributes: a }) => a['vigil.mutation.name']);
  expect([await names(first), await names(second)]).toEqual([['later'], ['throws']]);
  // The sums of requests go on; only the last meter reads them.
  expect((await first.points('vigil.graphql.requests')).length).toBe(0);
  expect((await second.points('vigil.graphql.requests')).map(({ value }) => value)).toEqual([2, 1]);
});

describe('a second instrumentation in one process', () => {
  /** A mutation that tells through how many wrappers it was called. */
  function mutationWithWrappers() {
    const schema = makeSchema(graphql17);
    const wrappers: number[] = [];
    schema.getMutationType()!.getFields()['atOnce']!.resolve = () => {
      Error.stackTraceLimit = 500;
      wrappers.push(new Error('here').stack!.match(/ runCall /g)?.length ?? 0);
      Error.stackTraceLimit = 10;
      return { id: 1 };
    };
    return { wrappers, args: { schema, document: graphql17.parse('mutation { atOnce { id } }') } };
  }

  it('says so and observes nothing, until the first is disabled', async () => {
    const first = start();
    const { said, ...logger } = keepDiagnostics();
    diag.setLogger({ ...logger }, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
    const second = new MutationInstrumentation();
    expect(said).toEqual([expect.stringContaining('another MutationInstrumentation')]);
    const { wrappers, args } = mutationWithWrappers();
    for (let i = 0; i < 20; i++) await graphql17.execute(args);
    // Two that wrapped each other's wrappers ended in a stack overflow of the host.
    expect(wrappers).toEqual(Array(20).fill(1));
    expect((await first.points('vigil.mutation.duration')).map(({ value }) => value)).toEqual([20]);
    await first.stop();

    telemetry = startMemoryTelemetry(second);
    second.enable();
    await graphql17.execute(args);
    expect((await telemetry.points('vigil.mutation.duration')).map(({ value }) => value)).toEqual([1]);
  });
});

it('judges the mutations of a frozen schema by the answer, and leaves it as it is', async () => {
  const { points } = start();
  const schema = makeSchema(graphql17);
  const fields = Object.values(schema.getMutationType()!.getFields());
  for (const field of fields) Object.freeze(field);
  const resolvers = fields.map(({ resolve }) => resolve);
  await graphql17.execute({ schema, document: graphql17.parse('mutation { atOnce { id broken } coded { id } }') });
  expect((await points('vigil.mutation.duration')).map(({ attributes: a }) => Object.values(a))).toEqual([
    ['atOnce', 'partial', 'RangeError'],
    ['coded', 'failure', 'QUOTA_EXCEEDED'],
  ]);
  expect(fields.map(({ resolve }) => resolve)).toEqual(resolvers);
});

describe.each(executors)('a failure of ours under $name', (executor) => {
  it('goes to diag; the host gets its answer', async () => {
    const said = keepDiagnostics();
    diag.setLogger(said, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
    const instrumentation = new MutationInstrumentation();
    const broken = (): never => {
      throw new Error('our SDK is broken');
    };
    const noopMeter = metricsApi.getMeter('none');
    const meter = {
      ...noopMeter,
      createHistogram: () => ({ record: broken }),
      createObservableCounter: noopMeter.createObservableCounter,
    };
    instrumentation.setMeterProvider({ getMeter: () => meter as unknown as Meter });
    const execute = executor.observed(instrumentation);
    const args = () => ({
      schema: makeSchema(executor.graphql),
      document: executor.graphql.parse('mutation { atOnce { id broken } later { id } throws { id } fromRoot { id } }'),
      rootValue,
    });
    const answer = (await executor.bare(args())) as Answer;
    expect(JSON.stringify(await execute(args()))).toBe(JSON.stringify(answer));
    expect(said.said.some((line) => line.includes('our SDK is broken'))).toBe(true);

    said.said.length = 0;
    const tracer: Tracer = { startSpan: broken, startActiveSpan: broken };
    instrumentation.setTracerProvider({ getTracer: () => tracer });
    expect(JSON.stringify(await execute(args()))).toBe(JSON.stringify(answer));
    expect(said.said.some((line) => line.includes('our SDK is broken'))).toBe(true);
    instrumentation.setTracerProvider(trace.getTracerProvider());
    instrumentation.disable();
    diag.disable();
  });
});
