/** A real SDK whose telemetry stays in memory, to be asked for at any time. */
import { type Attributes, context, type DiagLogger, DiagLogLevel, diag } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import type { Instrumentation } from '@opentelemetry/instrumentation';
import { DataPointType, type Histogram, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/** One data point: a counter has its value, a histogram its count and sum. */
export interface Point {
  readonly attributes: Attributes;
  readonly value: number;
  readonly sum: number;
}

export interface MemoryTelemetry {
  /** All points of a metric since the start, cumulative; none when nothing was recorded. */
  points(metric: string): Promise<Point[]>;
  spans(): ReadableSpan[];
  /** Ends both providers, disables the instrumentation, and throws when anything was told to `diag`. */
  stop(): Promise<void>;
}

class ReaderOnDemand extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

/** Gives an instrumentation its providers, as a registration does: after it was made. */
export function startMemoryTelemetry(instrumentation: Instrumentation): MemoryTelemetry {
  const diagnostics = keepDiagnostics();
  diag.setLogger(diagnostics, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  context.disable();
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const reader = new ReaderOnDemand();
  const meterProvider = new MeterProvider({ readers: [reader] });
  const exporter = new InMemorySpanExporter();
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
  instrumentation.setMeterProvider(meterProvider);
  instrumentation.setTracerProvider(tracerProvider);
  return {
    async points(name) {
      const { resourceMetrics } = await reader.collect();
      const metric = resourceMetrics.scopeMetrics.flatMap((s) => s.metrics).find((m) => m.descriptor.name === name);
      if (metric === undefined) return [];
      return metric.dataPoints.map(({ attributes, value }) => {
        if (metric.dataPointType === DataPointType.SUM) return { attributes, value: value as number, sum: 0 };
        const histogram = value as Histogram;
        return { attributes, value: histogram.count, sum: histogram.sum ?? 0 };
      });
    },
    spans: () => exporter.getFinishedSpans(),
    async stop() {
      instrumentation.disable();
      await Promise.all([meterProvider.shutdown(), tracerProvider.shutdown()]);
      if (diagnostics.said.length > 0) throw new Error(`said to diag: ${diagnostics.said.join('\n')}`);
    },
  };
}

/** A diagnostics logger that keeps what it is told, from warnings up. */
export function keepDiagnostics(): DiagLogger & { readonly said: string[] } {
  const said: string[] = [];
  const keep = (...args: unknown[]): void => void said.push(args.map(String).join(' '));
  const drop = (): void => {};
  return { said, error: keep, warn: keep, info: drop, debug: drop, verbose: drop };
}
