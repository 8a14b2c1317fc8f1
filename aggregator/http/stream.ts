/**
 * `/monitoring/stream/`: server-sent events. A snapshot is computed when something arrived, once for all who listen for
 * the same service, past the cache of answers. Nothing is computed while nobody listens.
 */
import type { Log } from '../log.ts';
import type { OwnMetrics } from '../metrics.ts';
import { ApiError, retryAfter } from './errors.ts';

export const EVENT_STREAM = 'text/event-stream; charset=utf-8';

/** A proxy that collects what it passes on would hold events back, and so would a host that compresses its answers. */
export const STREAM_HEADERS = {
  'Content-Type': EVENT_STREAM,
  'X-Accel-Buffering': 'no',
  'Cache-Control': 'no-store, no-transform',
};

export interface StreamOptions {
  /** The snapshot for one `service.name`, or for all, as one line of JSON. */
  readonly snapshot: (service: string | undefined) => Promise<string>;
  /** Changes whenever a snapshot might. */
  readonly generation: () => string;
  readonly isClosing: () => boolean;
  readonly ownMetrics: OwnMetrics;
  readonly log: Log;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
}

/** The server of Node's that a stream is open at. */
export interface ListeningServer {
  readonly listening: boolean;
}

/**
 * @param server ends the stream when it stops listening: its `close()` waits for every open answer. Undefined where it
 * is not known
 * @throws ApiError when as many streams are open as may be
 */
export type OpenStream = (service: string | undefined, server?: ListeningServer) => Response;

/** Streams open at the same time; one costs about 20 KB. */
export const MAX_STREAMS = 512;
/** Services that are listened for at the same time: one snapshot is computed for each. */
const MAX_SERVICES = 32;
const TICK_MS = 1000;
const HEARTBEAT_MS = 15_000;
const RETRY_SECONDS = 5;
/** Snapshots that a listener may be behind; one that reads slower is left out until it has caught up. */
const MAX_BEHIND = 4;

interface Listener {
  readonly service: string | undefined;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly isServerClosing: () => boolean;
}

export function createStreams({ snapshot, generation, isClosing, ownMetrics, log, nowMs }: StreamOptions): OpenStream {
  const listeners = new Set<Listener>();
  const encoder = new TextEncoder();
  let timer: NodeJS.Timeout | undefined;
  let seen = generation();
  let lastId = 0;
  let sentMs = nowMs();
  let computing = false;
  ownMetrics.gauge('aggregator_streams_open', 'Readers of server-sent events.', () => listeners.size);
  const computed = ownMetrics.counter('aggregator_stream_snapshots_total', 'Snapshots computed for all readers.', {});

  const snapshots = new Map<string | undefined, { readonly of: string; readonly data: Promise<string> }>();
  /** The snapshot of now: what was computed serves until something changes. */
  const current = (service: string | undefined): Promise<string> => {
    const known = snapshots.get(service);
    const now = generation();
    if (known?.of === now) return known.data;
    const data = snapshot(service);
    computed.add({});
    snapshots.set(service, { of: now, data });
    // An error is not kept.
    data.catch(() => snapshots.delete(service));
    return data;
  };
  const send = (listener: Listener, text: string): void => {
    if ((listener.controller.desiredSize ?? 0) > 0) listener.controller.enqueue(encoder.encode(text));
  };
  const leave = (listener: Listener): void => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
    snapshots.clear();
  };
  /** Rises over restarts too, by the clock. */
  const nextId = (): number => {
    lastId = Math.max(lastId + 1, nowMs());
    return lastId;
  };
  const publish = async (audience: readonly Listener[]): Promise<void> => {
    const byService = Map.groupBy(audience, (listener) => listener.service);
    for (const [service, group] of byService) {
      const data = await current(service);
      const event = `event: overview\nid: ${nextId()}\ndata: ${data}\n\n`;
      for (const listener of group) send(listener, event);
    }
    sentMs = nowMs();
  };
  const guarded = async (audience: readonly Listener[]): Promise<void> => {
    try {
      await publish(audience);
    } catch (error) {
      // The next change tries again; readers see that the heartbeat goes on and the numbers do not.
      log.error({ err: error }, 'a snapshot could not be computed');
    }
  };
  const tick = async (): Promise<void> => {
    for (const listener of listeners)
      if (isClosing() || listener.isServerClosing()) {
        leave(listener);
        listener.controller.close();
      }
    if (listeners.size === 0 || computing) return;
    const now = generation();
    if (now !== seen) {
      computing = true;
      seen = now;
      await guarded([...listeners]);
      computing = false;
    } else if (nowMs() - sentMs >= HEARTBEAT_MS) {
      sentMs = nowMs();
      for (const listener of listeners) send(listener, ': alive\n\n');
    }
  };

  return (service, server) => {
    const services = new Set([...listeners].map((listener) => listener.service));
    if (listeners.size >= MAX_STREAMS || (services.size >= MAX_SERVICES && !services.has(service)))
      throw new ApiError('UNAVAILABLE', 'Too many streams are open.', { 'Retry-After': retryAfter(RETRY_SECONDS) });
    let listener: Listener;
    const body = new ReadableStream<Uint8Array>(
      {
        start(controller) {
          listener = { service, controller, isServerClosing: closingOf(server) };
          listeners.add(listener);
          timer ??= setInterval(() => void tick(), TICK_MS);
          controller.enqueue(encoder.encode(`retry: ${RETRY_SECONDS * 1000}\n\n`));
          void guarded([listener]);
        },
        cancel: () => leave(listener),
      },
      { highWaterMark: MAX_BEHIND },
    );
    return new Response(body, { headers: STREAM_HEADERS });
  };
}

/** A server that never listened, as where connections are handed to it, says nothing by not listening. */
function closingOf(server: ListeningServer | undefined): () => boolean {
  return server?.listening ? () => !server.listening : () => false;
}
