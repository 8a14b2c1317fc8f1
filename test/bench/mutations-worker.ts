/** One variant of the mutation benchmark: runs a round whenever it is told to. Started by mutations.ts. */
import { createRequire } from 'node:module';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { InstrumentationBase } from '@opentelemetry/instrumentation';
import { GraphQLInstrumentation } from '@opentelemetry/instrumentation-graphql';
import { AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { EXPONENTIAL_HISTOGRAM_MAX_BUCKETS, metrics } from '@vigil/semconv';
import { MutationInstrumentation } from '../../instrumentation/mutations/index.ts';
import type { Operation, Setting, Variant } from './mutations.ts';

const PER_ROUND = 15_000;

const require = createRequire(import.meta.url);
type Graphql = typeof import('graphql');
type Execute = (args: Parameters<Graphql['execute']>[0]) => unknown;

class IdleReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Takes spans and drops them: what exporting costs depends on the exporter. */
const dropped = { spans: 0 };
const dropping: SpanExporter = {
  export(spans, done) {
    dropped.spans += spans.length;
    done({ code: 0 });
  },
  shutdown: async () => {},
};

function instrumentationOf(variant: Variant): InstrumentationBase | undefined {
  switch (variant) {
    case 'bare':
      return undefined;
    case 'metrics':
      return new MutationInstrumentation({ spans: false });
    case 'metrics and span':
      return new MutationInstrumentation();
    case 'official':
      return new GraphQLInstrumentation() as unknown as InstrumentationBase;
    case 'official, no resolver spans':
      return new GraphQLInstrumentation({ ignoreResolveSpans: true }) as unknown as InstrumentationBase;
  }
}

interface Sdk {
  readonly reader: IdleReader;
  readonly tracerProvider: TracerProvider;
}

/** The SDK as our registration sets it up, as far as it is felt here. */
function startSdk(instrumentation: InstrumentationBase): Sdk {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const views = Object.entries(metrics).map(([instrumentName, { kind, attributes }]) => ({
    instrumentName,
    attributesProcessors: [],
    ...(kind === 'histogram' && attributes.length > 0
      ? {
          aggregation: {
            type: AggregationType.EXPONENTIAL_HISTOGRAM as const,
            options: { maxSize: EXPONENTIAL_HISTOGRAM_MAX_BUCKETS, recordMinMax: true },
          },
        }
      : {}),
  }));
  const reader = new IdleReader();
  const tracerProvider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: dropping })] });
  instrumentation.setMeterProvider(new MeterProvider({ readers: [reader], views }));
  instrumentation.setTracerProvider(tracerProvider);
  return { reader, tracerProvider };
}

/** A variant that observes nothing would look fast: what it says it records must be there. */
async function assertRecorded({ variant, operation }: Setting, sdk: Sdk, runs: number): Promise<void> {
  const { resourceMetrics } = await sdk.reader.collect();
  const values = resourceMetrics.scopeMetrics
    .flatMap((scope) => scope.metrics)
    .flatMap((metric) => metric.dataPoints.map(({ value }): number | { count: number } => value));
  const counts = values.map((value) => (typeof value === 'number' ? value : value.count));
  const expected = variant.startsWith('official') ? 0 : operation === 'mutation' ? 3 : 1;
  if (counts.length !== expected || counts.some((count) => count !== runs)) {
    throw new Error(`${variant} recorded ${counts} of ${runs}`);
  }
  await sdk.tracerProvider.forceFlush();
  if (dropped.spans > 0 !== (variant !== 'metrics')) throw new Error(`${variant} made ${dropped.spans} spans`);
}

/** `execute` as an application gets it: the instrumentation's patches applied where it has some. */
function loadExecute(major: 16 | 17, instrumentation: InstrumentationBase | undefined): Execute {
  if (major === 17) return (require('graphql') as Graphql).execute as Execute;
  let exports = require('graphql-16/execution/execute.js') as { execute: Execute };
  for (const definition of instrumentation?.getModuleDefinitions() ?? []) {
    for (const file of definition.files) {
      if (file.name === 'graphql/execution/execute.js')
        exports = file.patch({ ...exports }, '16.15.0') as typeof exports;
    }
  }
  return exports.execute;
}

const typeDefs = /* GraphQL */ `
  type Owner { id: ID!, name: String }
  type Record { id: ID!, title: String, owner: Owner }
  type Query { record(id: ID!): Record }
  type Mutation { insertRecord(title: String!, ownerId: ID!): Record }
`;

const texts: Readonly<Record<Operation, string>> = {
  mutation: 'mutation Insert($t: String!) { insertRecord(title: $t, ownerId: "7") { id title owner { id name } } }',
  query: 'query Read($t: ID!) { record(id: $t) { id title owner { id name } } }',
};

/** Sets one variant up; what it returns runs a round and gives µs an operation. */
function prepare(what: Setting): () => Promise<number> {
  const { major, operation, variant } = what;
  const instrumentation = instrumentationOf(variant);
  const sdk = instrumentation === undefined ? undefined : startSdk(instrumentation);
  const { buildSchema, parse } = require(major === 17 ? 'graphql' : 'graphql-16') as Graphql;
  const execute = loadExecute(major, instrumentation);
  const schema = buildSchema(typeDefs);
  const resolve = async (_: unknown, { title, id }: { title?: string; id?: string }): Promise<unknown> => ({
    id: id ?? '1',
    title: title ?? 'read',
    owner: { id: '7', name: 'Ada' },
  });
  schema.getMutationType()!.getFields()['insertRecord']!.resolve = resolve;
  schema.getQueryType()!.getFields()['record']!.resolve = resolve;
  const document = parse(texts[operation]);
  let rounds = 0;
  return async () => {
    const startMs = performance.now();
    for (let i = 0; i < PER_ROUND; i++) await execute({ schema, document, variableValues: { t: 'x' } });
    const micros = ((performance.now() - startMs) * 1000) / PER_ROUND;
    if (sdk !== undefined) await assertRecorded(what, sdk, ++rounds * PER_ROUND);
    return micros;
  };
}

const round = prepare(JSON.parse(process.argv[2]!) as Setting);
process.on('message', async () => process.send!(await round()));
process.send!('ready');
