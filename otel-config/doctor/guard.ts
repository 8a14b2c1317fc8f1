/**
 * The first thing in a process of the doctor: what is loaded after it reaches the doctor and nobody else, whatever
 * addresses the application's own files name.
 */
import { writeSync } from 'node:fs';
import { Socket } from 'node:net';

const allowed = new URL(process.env['VIGIL_DOCTOR'] ?? 'http://127.0.0.1:0').port;
const connect = Socket.prototype.connect as (...args: unknown[]) => Socket;

Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
  const target = targetOf(args);
  if (target === `127.0.0.1:${allowed}`) return connect.apply(this, args);
  writeSync(3, `${JSON.stringify({ heldBack: target })}\n`);
  const refused = Object.assign(new Error(`vigil-doctor lets nothing reach ${target}`), { code: 'ECONNREFUSED' });
  process.nextTick(() => this.destroy(refused));
  return this;
};

/** Where a socket is told to go: `host:port`, or the path of a local one. Node passes what it has sorted as one list. */
function targetOf(args: readonly unknown[]): string {
  const [first, second] = Array.isArray(args[0]) ? args[0] : args;
  if (typeof first === 'object' && first !== null) {
    const { host = 'localhost', port, path } = first as { host?: string; port?: unknown; path?: string };
    return port === undefined ? String(path) : `${host}:${port}`;
  }
  return typeof second === 'string' ? `${second}:${first}` : `localhost:${first}`;
}
