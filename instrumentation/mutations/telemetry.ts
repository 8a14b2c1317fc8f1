/** What is emitted for a mutation: two histograms and a span, with the names of the registry. */
import {
  type Attributes,
  type Histogram,
  type Meter,
  type Span,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { createLimiter } from '@vigil/hooking';
import { COMPLEXITY_BUCKET_EDGES, DURATION_BUCKET_EDGES_SECONDS, metrics } from '@vigil/semconv';
import { errorTypeOf } from './error-type.ts';
import type { MutationOutcome, Verdict } from './outcome.ts';

/** One mutation from the call of its root field to its end. */
export interface MutationCall {
  readonly name: string;
  readonly complexity: number;
  /** Of the monotonic clock (`performance.now`), in milliseconds. */
  readonly startMs: number;
  /** Of the same clock; undefined while the resolver runs. */
  endMs: number | undefined;
  /** Its span, and the span's start in milliseconds since the epoch. */
  span: Span | undefined;
  spanStartMs: number;
}

export interface MutationTelemetryOptions {
  readonly metrics: boolean;
  readonly spans: boolean;
  readonly maxMutationNames: number;
  readonly maxErrorTypes: number;
}

export interface MutationTelemetry {
  useMeter(meter: Meter): void;
  /**
   * Starts the mutation's span, unless spans are off. Its status and its end come with `record`.
   * @param epochMs when the call began, in milliseconds since the epoch; now unless said otherwise
   */
  startSpan(call: MutationCall, epochMs?: number): void;
  /** Emits what became of a mutation that has ended. */
  record(call: MutationCall, verdict: Verdict): void;
}

const NAME = 'vigil.mutation.name';
const OUTCOME = 'vigil.mutation.outcome';
const ERROR_TYPE = 'error.type';
const COMPLEXITY = 'vigil.mutation.complexity';

export function createMutationTelemetry(tracer: () => Tracer, options: MutationTelemetryOptions): MutationTelemetry {
  const limitName = createLimiter(options.maxMutationNames);
  const limitErrorType = createLimiter(options.maxErrorTypes);
  let durations: Histogram | undefined;
  let complexities: Histogram | undefined;
  return {
    useMeter(meter) {
      if (!options.metrics) return;
      durations = createHistogram(meter, 'vigil.mutation.duration', DURATION_BUCKET_EDGES_SECONDS);
      complexities = createHistogram(meter, 'vigil.mutation.complexity', COMPLEXITY_BUCKET_EDGES);
    },
    startSpan(call, epochMs = Date.now()) {
      if (!options.spans) return;
      const name = limitName(call.name);
      // An explicit start lets the end be start plus duration: one clock, and the same duration as the metric's.
      call.spanStartMs = epochMs;
      const attributes = { [NAME]: name, [COMPLEXITY]: call.complexity };
      call.span = tracer().startSpan(`mutation ${name}`, { attributes, startTime: call.spanStartMs });
    },
    record(call, verdict) {
      const name = limitName(call.name);
      const errorType = verdict.outcome === 'success' ? undefined : limitErrorType(errorTypeOf(verdict.error));
      const durationMs = (call.endMs ?? performance.now()) - call.startMs;
      durations?.record(durationMs / 1000, durationAttributes(name, verdict.outcome, errorType));
      complexities?.record(call.complexity, { [NAME]: name });
      if (call.span !== undefined) endSpan(call.span, verdict.outcome, errorType, call.spanStartMs + durationMs);
    },
  };
}

/** The advice serves whoever runs without our Views: the SDK's default edges are made for milliseconds. */
function createHistogram(
  meter: Meter,
  name: 'vigil.mutation.duration' | 'vigil.mutation.complexity',
  edges: readonly number[],
): Histogram {
  const { unit, description } = metrics[name];
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: [...edges] } });
}

function durationAttributes(name: string, outcome: MutationOutcome, errorType: string | undefined): Attributes {
  if (errorType === undefined) return { [NAME]: name, [OUTCOME]: outcome };
  return { [NAME]: name, [OUTCOME]: outcome, [ERROR_TYPE]: errorType };
}

function endSpan(span: Span, outcome: MutationOutcome, errorType: string | undefined, endMs: number): void {
  span.setAttribute(OUTCOME, outcome);
  if (errorType !== undefined) span.setAttribute(ERROR_TYPE, errorType);
  if (outcome === 'failure') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(endMs);
}
