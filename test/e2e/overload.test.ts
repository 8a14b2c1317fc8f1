/** More bodies at a time than memory is kept for, from outside: real connections to a real process. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KEY, type RunningAggregator, startAggregator } from '../support/aggregator.ts';

const MIB = 2 ** 20;
const BODY_BYTES = 16 * MIB;
const BOUND_BYTES = 256 * MIB;
const SENDERS = 20;
/** What a process may hold beside the bodies: its own code and data, and what is being garbage-collected. */
const BESIDE_BYTES = 128 * MIB;

let aggregator: RunningAggregator;
beforeAll(async () => {
  aggregator = await startAggregator();
});
afterAll(() => aggregator.stop());

const residentBytes = (): number => {
  const status = readFileSync(`/proc/${aggregator.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
};

interface Sender {
  readonly socket: Socket;
  answer: string;
}

/** Sends a body of 16 MiB, all but its last byte. */
async function begin(): Promise<Sender> {
  const socket = connect(Number(new URL(aggregator.url).port), '127.0.0.1');
  const sender: Sender = { socket, answer: '' };
  socket.on('data', (chunk) => {
    sender.answer += chunk.toString('latin1');
  });
  // A refused sender may find its connection reset while it still sends.
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(
    `POST /v1/metrics HTTP/1.1\r\nHost: localhost\r\nX-Monitoring-API-Key: ${KEY}\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${BODY_BYTES}\r\n\r\n{}`,
  );
  const spaces = Buffer.alloc(MIB, ' ');
  let left = BODY_BYTES - '{}'.length - 1;
  while (left > 0 && sender.answer === '' && !socket.destroyed) {
    const chunk = spaces.subarray(0, Math.min(left, MIB));
    left -= chunk.length;
    await new Promise<void>((done) => socket.write(chunk, () => done()));
  }
  return sender;
}

async function heldBytes(): Promise<number> {
  const text = await (await aggregator.get('/monitoring/metrics/prometheus/')).text();
  return Number(/^aggregator_otlp_buffer_bytes (\S+)$/m.exec(text)?.[1]);
}

const statusOf = ({ answer }: Sender) => answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length);

test.skipIf(process.platform !== 'linux')(
  'refuses bodies above the bound of memory with 503 and takes the others whole',
  async () => {
    const idleBytes = residentBytes();
    const senders: Sender[] = [];
    for (let i = 0; i < SENDERS; i++) senders.push(await begin());
    // Every sender is answered, or its whole body is held.
    await expect
      .poll(async () => (await heldBytes()) / BODY_BYTES + senders.filter((one) => one.answer !== '').length, {
        timeout: 20_000,
      })
      .toBe(SENDERS);
    const refused = senders.filter((one) => one.answer !== '');
    const held = senders.filter((one) => one.answer === '');
    expect(held.length).toBeLessThanOrEqual(BOUND_BYTES / BODY_BYTES);
    // A body that grows holds its old buffer while it is copied: a little less than the bound is used.
    expect(held.length).toBeGreaterThanOrEqual(BOUND_BYTES / BODY_BYTES - 2);
    for (const one of refused) {
      expect(statusOf(one)).toBe('503');
      expect(one.answer).toMatch(/^Retry-After: [1-9]/im);
      expect(one.answer).toContain('"code":14');
    }
    expect(residentBytes() - idleBytes).toBeLessThan(BOUND_BYTES + BESIDE_BYTES);
    expect((await aggregator.get('/readyz')).status).toBe(200);

    for (const one of held) one.socket.write(' ');
    await expect.poll(() => held.map(statusOf), { timeout: 20_000 }).toEqual(held.map(() => '200'));
    for (const { socket } of senders) socket.destroy();

    const next = await begin();
    next.socket.write(' ');
    await expect.poll(() => statusOf(next), { timeout: 20_000 }).toBe('200');
    next.socket.destroy();
  },
  60_000,
);
