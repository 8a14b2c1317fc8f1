/** The embedded store, filled through its own door with events that a test knows, and with faults on request. */
import { DURATION_BUCKET_EDGES_SECONDS } from '@vigil/semconv';
import { onTestFinished } from 'vitest';
import { createOwnMetrics } from '../../aggregator/metrics.ts';
import type { ReceivedBody } from '../../aggregator/otlp/receiver.ts';
import { openEmbeddedStore } from '../../aggregator/store/embedded/open.ts';
import type { Store, StoreState } from '../../aggregator/store/port.ts';
import { temporaryDirectory } from './aggregator.ts';
import { metricsBody, type PointDescription } from './otlp-json.ts';

export interface RecordedMutation {
  readonly name: string;
  readonly outcome?: 'success' | 'partial' | 'failure' | 'aborted';
  readonly errorType?: string;
  readonly seconds: number;
  /** Fields selected, where it was reported. */
  readonly complexity?: number;
  readonly atMs: number;
  readonly service?: string;
  /** Present when its span was sent. */
  readonly traceId?: string;
}

export interface KnownStore extends Store {
  /** Takes `times` equal mutations. */
  add(mutation: RecordedMutation, times?: number): void;
  /** Takes points of any metric, of the same time. */
  addPoints(
    points: readonly Omit<PointDescription, 'instance' | 'cumulative' | 'startMs' | 'timeMs'>[],
    atMs: number,
  ): void;
  /** Questions asked so far. */
  readonly asked: number;
  /** What `state` says in another way than the store itself. */
  stateChange: Partial<StoreState>;
  /** When set, every question fails with it. */
  failure: Error | undefined;
  /** When set, questions wait for it. */
  gate: Promise<void> | undefined;
}

const silent = { info() {}, warn() {}, error() {} };

/**
 * Closed with the test that it is made in.
 * @param nowMs what the store takes for now, but for older mutations, which it takes at their own time
 */
export function createKnownStore(nowMs: number): KnownStore {
  let clockMs = nowMs;
  let sent = 0;
  const directory = temporaryDirectory();
  const metrics = createOwnMetrics();
  const now = () => clockMs;
  // No test over a known store is about a loss of power, and each waits for the disk when it opens and closes one.
  const opened = openEmbeddedStore({ directory, retentionDays: 35, metrics, log: silent, now, fsync: 'never' });
  onTestFinished(() => opened.close());
  const send = (signal: ReceivedBody['signal'], bytes: Uint8Array): void => {
    const { rejected, message } = opened.receiver.take({ signal, bytes, encoding: 'json', gzip: false });
    if (rejected > 0) throw new Error(message);
  };
  const real = opened.store;
  const known: KnownStore & { asked: number } = {
    asked: 0,
    stateChange: {},
    failure: undefined,
    gate: undefined,
    add(mutation, times = 1) {
      clockMs = mutation.atMs;
      send('metrics', metricsBody(pointsOf(mutation, times, `instance-${sent++}`)));
      if (mutation.traceId !== undefined) send('traces', spansBody(mutation, mutation.traceId, times));
      clockMs = nowMs;
    },
    addPoints(points, atMs) {
      clockMs = atMs;
      const common = { instance: `instance-${sent++}`, cumulative: false, startMs: atMs - 1, timeMs: atMs };
      send('metrics', metricsBody(points.map((point) => ({ ...common, ...point }))));
      clockMs = nowMs;
    },
    counts: (question) => ask(() => real.counts(question)),
    countSteps: (question) => ask(() => real.countSteps(question)),
    lifetimeCounts: (question) => ask(() => real.lifetimeCounts(question)),
    histograms: (question) => ask(() => real.histograms(question)),
    histogramSteps: (question) => ask(() => real.histogramSteps(question)),
    lifetimeHistograms: (question) => ask(() => real.lifetimeHistograms(question)),
    slowestSpans: (question, limit) => ask(() => real.slowestSpans(question, limit)),
    failedSpans: (question, limit) => ask(() => real.failedSpans(question, limit)),
    clients: (question) => ask(() => real.clients(question)),
    state: () => ({ ...real.state(), ...known.stateChange }),
  };
  async function ask<Rows>(question: () => Promise<Rows>): Promise<Rows> {
    known.asked++;
    await known.gate;
    if (known.failure !== undefined) throw known.failure;
    return question();
  }
  return known;
}

function pointsOf(mutation: RecordedMutation, times: number, instance: string): PointDescription[] {
  const { name, outcome = 'success', errorType, seconds, complexity, atMs, service = 'shop' } = mutation;
  const common = { service, instance, cumulative: false, startMs: atMs - 1, timeMs: atMs, shape: 'explicit' } as const;
  const duration: PointDescription = {
    ...common,
    metric: 'vigil.mutation.duration',
    attributes: {
      'vigil.mutation.name': name,
      'vigil.mutation.outcome': outcome,
      ...(errorType === undefined ? {} : { 'error.type': errorType }),
    },
    values: new Array<number>(times).fill(seconds),
    edges: DURATION_BUCKET_EDGES_SECONDS,
  };
  if (complexity === undefined) return [duration];
  const fields: PointDescription = {
    ...common,
    metric: 'vigil.mutation.complexity',
    attributes: { 'vigil.mutation.name': name },
    values: new Array<number>(times).fill(complexity),
  };
  return [duration, fields];
}

let spanNumber = 0;

function spansBody(mutation: RecordedMutation, traceId: string, times: number): Buffer {
  const { name, outcome = 'success', errorType = '', seconds, atMs, service = 'shop' } = mutation;
  const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  const spans = Array.from({ length: times }, () => ({
    traceId,
    spanId: (++spanNumber).toString(16).padStart(16, '0'),
    name: `mutation ${name}`,
    startTimeUnixNano: `${BigInt(Math.round((atMs - seconds * 1000) * 1000)) * 1000n}`,
    endTimeUnixNano: `${BigInt(atMs) * 1_000_000n}`,
    attributes: [
      text('vigil.mutation.name', name),
      text('vigil.mutation.outcome', outcome),
      text('error.type', errorType),
    ],
  }));
  const resource = { attributes: [text('service.name', service)] };
  return Buffer.from(JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }));
}
