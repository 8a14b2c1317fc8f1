/** The whole server on a real socket, in front of a receiver whose answers a test chooses. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createGate } from '../../aggregator/http/auth.ts';
import { createBufferPool } from '../../aggregator/http/body.ts';
import { createOtlpHandler } from '../../aggregator/http/otlp.ts';
import { type RunningServer, startServer } from '../../aggregator/http/server.ts';
import { createOwnMetrics, type OwnMetrics } from '../../aggregator/metrics.ts';
import type { Accepted, ReceivedBody } from '../../aggregator/otlp/receiver.ts';
import { createReadSide, keepLog, READ_KEY } from './read-side.ts';

export const SEND_KEY = 'a-key-that-may-send';

/** What came in, copied: the bytes are valid only during the call. */
export interface Taken extends Omit<ReceivedBody, 'bytes'> {
  readonly bytes: Buffer;
}

export interface Door {
  readonly server: RunningServer;
  readonly url: string;
  readonly taken: Taken[];
  readonly ownMetrics: OwnMetrics;
  readonly pool: { readonly inUseBytes: number };
  lines(): Record<string, unknown>[];
  /** What `take` does; accepts everything unless a test says otherwise. */
  take: (body: ReceivedBody) => Accepted;
  closing: boolean;
  post(path: string, body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
  /** A raw connection, with all that it answered when it ended. */
  connect(): Promise<{ readonly socket: Socket; readonly answered: Promise<string>; soFar(): string }>;
}

export async function openDoor(
  limits: { readonly maxBodiesBytes?: number; readonly onlyReads?: boolean } = {},
): Promise<Door> {
  const { log, lines } = keepLog();
  const ownMetrics = createOwnMetrics();
  const pool = createBufferPool(limits.maxBodiesBytes ?? 2 ** 28, 2 ** 25);
  const gate = createGate([READ_KEY], [SEND_KEY]);
  const shared = { gate, ownMetrics, log, isClosing: () => door.closing };
  const receiver = {
    take(body: ReceivedBody): Accepted {
      const { rejected, message } = door.take(body);
      door.taken.push({ ...body, bytes: Buffer.from(body.bytes) });
      return { rejected, message };
    },
  };
  const { app } = createReadSide(shared);
  const otlp = createOtlpHandler({ ...shared, receiver: limits.onlyReads ? undefined : receiver, pool });
  const server = await startServer({ host: '127.0.0.1', port: 0, app, otlp, ownMetrics, log });
  const url = `http://127.0.0.1:${server.port}`;
  const door: Door = {
    server,
    url,
    taken: [],
    ownMetrics,
    pool,
    lines,
    take: () => ({ rejected: 0, message: '' }),
    closing: false,
    post: (path, body, headers = {}) =>
      fetch(url + path, {
        method: 'POST',
        body,
        headers: { 'X-Monitoring-API-Key': SEND_KEY, 'Content-Type': 'application/x-protobuf', ...headers },
      }),
    async connect() {
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      return { socket, answered: once(socket, 'close').then(() => text), soFar: () => text };
    },
  };
  return door;
}
