/** What is emitted for locks and idempotency keys: six instruments and a span, with the names of the registry. */
import {
  type Attributes,
  type Context,
  type Counter,
  type Histogram,
  type Meter,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
} from '@opentelemetry/api';
import { DURATION_BUCKET_EDGES_SECONDS, type MetricName, metrics } from '@vigil/semconv';

export type LockOutcome = 'acquired' | 'held' | 'timeout' | 'error';
export type LockRelease = 'released' | 'expired' | 'lost';
export type IdempotencyOutcome = 'executed' | 'prevented' | 'replayed' | 'in_flight' | 'mismatch' | 'escaped';

/** One attempt to get a lock, from the call to its end. */
export interface LockAttempt {
  readonly system: string;
  readonly task: string;
  readonly outcome: LockOutcome;
  /** When it was asked for, in milliseconds since the epoch. */
  readonly epochMs: number;
  readonly waitMs: number;
  /** What was active when it was asked for. */
  readonly parent: Context;
  /** The span that took the key, where this process knows it. */
  readonly holder?: SpanContext | undefined;
}

/** What came with a job: nobody asked for it on its own, and so nobody waited. */
export interface LockWithJob {
  readonly system: string;
  readonly task: string;
}

export interface TaskTelemetryOptions {
  readonly metrics: boolean;
  readonly spans: boolean;
}

export interface TaskTelemetry {
  useMeter(meter: Meter): void;
  /** Emits how an attempt ended. @returns its span, to be named as the holder of the key */
  lockEnded(attempt: LockAttempt): SpanContext | undefined;
  /** Counts a lock that was taken together with its job; no span of its own. */
  lockTakenWithJob(lock: LockWithJob): void;
  lockReleased(system: string, task: string, release: LockRelease, heldMs: number): void;
  lockRenewal(system: string, renewal: 'renewed' | 'lost'): void;
  request(task: string, scope: string, outcome: IdempotencyOutcome): void;
  duplicatedKey(task: string, scope: string): void;
  /** @param database as `db.system.name` has it */
  check(database: string, durationMs: number): void;
}

const TASK = 'vigil.task.name';
const SCOPE = 'vigil.idempotency.scope';
const SYSTEM = 'vigil.lock.system';
const LOCK_OUTCOME = 'vigil.lock.outcome';

interface Instruments {
  readonly acquire: Histogram;
  readonly hold: Histogram;
  readonly renewals: Counter;
  readonly requests: Counter;
  readonly duplicatedKeys: Counter;
  readonly check: Histogram;
}

export function createTaskTelemetry(tracer: () => Tracer, options: TaskTelemetryOptions): TaskTelemetry {
  let to: Instruments | undefined;
  return {
    useMeter(meter) {
      if (options.metrics) to = createInstruments(meter);
    },
    lockEnded(attempt) {
      const attributes = {
        [SYSTEM]: attempt.system,
        [LOCK_OUTCOME]: attempt.outcome,
        [TASK]: attempt.task,
      };
      to?.acquire.record(attempt.waitMs / 1000, attributes);
      return options.spans ? recordSpan(tracer(), attempt, attributes) : undefined;
    },
    lockTakenWithJob({ system, task }) {
      to?.acquire.record(0, { [SYSTEM]: system, [LOCK_OUTCOME]: 'acquired', [TASK]: task });
    },
    lockReleased(system, task, release, heldMs) {
      to?.hold.record(heldMs / 1000, { [SYSTEM]: system, 'vigil.lock.release': release, [TASK]: task });
    },
    lockRenewal(system, renewal) {
      to?.renewals.add(1, { [SYSTEM]: system, 'vigil.lock.renewal': renewal });
    },
    request(task, scope, outcome) {
      to?.requests.add(1, { [TASK]: task, [SCOPE]: scope, 'vigil.idempotency.outcome': outcome });
    },
    duplicatedKey(task, scope) {
      to?.duplicatedKeys.add(1, { [TASK]: task, [SCOPE]: scope });
    },
    check(database, durationMs) {
      to?.check.record(durationMs / 1000, { 'db.system.name': database });
    },
  };
}

function createInstruments(meter: Meter): Instruments {
  return {
    acquire: createHistogram(meter, 'vigil.lock.acquire.duration'),
    hold: createHistogram(meter, 'vigil.lock.hold.duration'),
    renewals: createCounter(meter, 'vigil.lock.renewals'),
    requests: createCounter(meter, 'vigil.task.requests'),
    duplicatedKeys: createCounter(meter, 'vigil.task.duplicated_keys'),
    check: createHistogram(meter, 'vigil.idempotency.check.duration'),
  };
}

/** The advice serves whoever runs without our Views: the SDK's default edges are made for milliseconds. */
function createHistogram(meter: Meter, name: MetricName): Histogram {
  const { unit, description } = metrics[name];
  const explicitBucketBoundaries = [...DURATION_BUCKET_EDGES_SECONDS];
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries } });
}

function createCounter(meter: Meter, name: MetricName): Counter {
  const { unit, description } = metrics[name];
  return meter.createCounter(name, { unit, description });
}

/** A span after the fact: nothing happens inside it that would need it as a parent, and so it knows its outcome. */
function recordSpan(tracer: Tracer, attempt: LockAttempt, attributes: Attributes): SpanContext {
  const { holder } = attempt;
  const span = tracer.startSpan(
    `lock ${attempt.task}`,
    {
      kind: SpanKind.CLIENT,
      attributes,
      startTime: attempt.epochMs,
      ...(holder === undefined ? {} : { links: [{ context: holder }] }),
    },
    attempt.parent,
  );
  if (attempt.outcome === 'error') span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(attempt.epochMs + attempt.waitMs);
  return span.spanContext();
}
