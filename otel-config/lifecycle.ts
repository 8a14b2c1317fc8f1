/** Getting the last interval out: on demand, at the natural end, and on SIGTERM and SIGINT. */
import { isMainThread } from 'node:worker_threads';
import { logs, metrics, type ProxyTracerProvider, trace } from '@opentelemetry/api';
import { printNotice } from './notice.ts';

/** Longest time, in milliseconds, that an end of the process waits for the receiver. */
export const FLUSH_LIMIT_MS = 3000;

interface Running {
  stop(): Promise<void>;
}
const RUNNING = Symbol.for('vigil.otel-config.running');
const shared = globalThis as { [RUNNING]?: Running | undefined };

/**
 * Exports what was recorded and not yet exported, by whatever SDK is registered; does nothing without one.
 * For an application that calls `process.exit()`: await this before. Never rejects.
 * @param limitMs longest wait in milliseconds
 * @returns whether all was done within the limit
 */
export function flush(limitMs: number = FLUSH_LIMIT_MS): Promise<boolean> {
  const tracers: object = trace.getTracerProvider();
  const providers = [
    metrics.getMeterProvider(),
    isProxy(tracers) ? tracers.getDelegate() : tracers,
    logs.getLoggerProvider(),
  ];
  return within(limitMs, providers.map(flushProvider));
}

/** By its shape: it may come from another copy of the API. */
function isProxy(tracers: object): tracers is ProxyTracerProvider {
  return 'getDelegate' in tracers && typeof tracers.getDelegate === 'function';
}

/** The API knows nothing of flushing; the SDK's providers do. */
async function flushProvider(provider: object): Promise<void> {
  if ('forceFlush' in provider && typeof provider.forceFlush === 'function') await provider.forceFlush();
}

/**
 * Flushes and ends the SDK that `start` has started; nothing is recorded afterwards. Never rejects.
 * @returns whether all was done within the limit
 */
export function shutdown(limitMs: number = FLUSH_LIMIT_MS): Promise<boolean> {
  const running = shared[RUNNING];
  shared[RUNNING] = undefined;
  return within(limitMs, [running?.stop() ?? Promise.resolve()]);
}

async function within(limitMs: number, work: readonly Promise<unknown>[]): Promise<boolean> {
  const { promise: expired, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, limitMs, false);
  try {
    return await Promise.race([Promise.allSettled(work).then(() => true), expired]);
  } finally {
    clearTimeout(timer);
  }
}

/** Flushes at the ends of the process, leaving its exit code or signal what it would have been, until `shutdown`. */
export function flushAtExit(stop: () => Promise<void>): void {
  const disarm = [onNaturalEnd()];
  // A worker thread gets no signals.
  if (isMainThread) for (const signal of ['SIGTERM', 'SIGINT'] as const) disarm.push(onSignal(signal));
  shared[RUNNING] = {
    stop() {
      for (const end of disarm) end();
      return stop();
    },
  };
}

/** At an end the exporter has no time left to tell why it fails. */
async function flushLast(): Promise<boolean> {
  const isDone = await flush();
  if (!isDone)
    printNotice(
      `the last telemetry was not taken within ${FLUSH_LIMIT_MS} ms: does the receiver at OTEL_EXPORTER_OTLP_ENDPOINT answer?`,
    );
  return isDone;
}

/** When nothing is left to do, before the process ends by itself. */
function onNaturalEnd(): () => void {
  async function flushOnce(): Promise<void> {
    process.off('beforeExit', flushOnce);
    const isLast = process.listenerCount('beforeExit') === 0;
    // A receiver that does not answer is tried again for 10 s; if only that keeps the process alive, it ends now.
    if (!(await flushLast()) && isLast) process.exit();
  }
  process.on('beforeExit', flushOnce);
  return () => void process.off('beforeExit', flushOnce);
}

/**
 * An application that handles the signal decides itself when to end. Where nobody does, the signal would have ended the
 * process, and does so after the flush; at once when it comes a second time.
 */
function onSignal(signal: 'SIGTERM' | 'SIGINT'): () => void {
  let isEnding = false;
  function end(): void {
    process.off(signal, handle);
    process.kill(process.pid, signal);
  }
  function handle(): void {
    if (isEnding) {
      end();
      return;
    }
    // Asked now: a `once` listener of the application, called after this one, is gone when the flush is done.
    isEnding = process.listenerCount(signal) === 1 + politeListenerCount();
    void flushLast().then(() => {
      if (isEnding) end();
    });
  }
  process.on(signal, handle);
  return () => void process.off(signal, handle);
}

interface SignalExitEmitter {
  readonly count?: unknown;
}

/**
 * Listeners of the package signal-exit (4, and 3 and older): they too end the process only if nobody else listens, so
 * that two of the kind would wait for each other. They are counted where they count each other.
 */
function politeListenerCount(): number {
  const current = (globalThis as { [key: symbol]: SignalExitEmitter | undefined })[Symbol.for('signal-exit emitter')];
  const older = (process as { __signal_exit_emitter__?: SignalExitEmitter }).__signal_exit_emitter__;
  return [current, older].reduce((sum, emitter) => sum + (typeof emitter?.count === 'number' ? emitter.count : 0), 0);
}
