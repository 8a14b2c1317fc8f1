/**
 * The load of `soak`, in a process of its own, so that making bodies keeps no reader's clock waiting.
 * Arguments: the address of metrics, bodies a second, points of a body. Runs until its parent is gone or says to stop.
 */
import { Agent } from 'node:http';
import { constants, setPriority } from 'node:os';
import { gzipSync } from 'node:zlib';
import { post } from './latency.ts';
import { createBodySource } from './telemetry.ts';

const [url, bodiesPerSecond, points] = process.argv.slice(2);
const INSTANCES = 25;
const MAX_PENDING = 16;
/** Times that no other eight bytes of a body are equal to. */
const MARK = { startMs: 1_234_567_890_123, timeMs: 1_345_678_901_234, factor: 1 };

const source = createBodySource({ points: Number(points), cumulative: false, encoding: 'protobuf' });
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

interface Template {
  /** End of the interval before; one adjoins the other, as a sender's do. */
  lastMs: number;
  readonly bytes: Buffer;
  readonly starts: readonly number[];
  readonly times: readonly number[];
}

function templateOf(instance: number): Template {
  const bytes = source.plain(instance, MARK);
  return {
    lastMs: Date.now() - 1000,
    bytes,
    starts: placesOf(bytes, MARK.startMs),
    times: placesOf(bytes, MARK.timeMs),
  };
}

function nanosOf(ms: number): Buffer {
  const nanos = Buffer.alloc(8);
  // As the writer of bodies rounds: a double.
  nanos.writeBigUInt64LE(BigInt(ms * 1e6));
  return nanos;
}

function placesOf(bytes: Buffer, ms: number): number[] {
  const nanos = nanosOf(ms);
  const places: number[] = [];
  for (let at = bytes.indexOf(nanos); at >= 0; at = bytes.indexOf(nanos, at + 8)) places.push(at);
  if (places.length !== Number(points)) throw new Error(`found ${places.length} times in ${points} points`);
  return places;
}

/** Compressed as fast as it goes: what is measured is the receiver. */
function stamped(template: Template, timeMs: number): Buffer {
  const { bytes, starts, times, lastMs } = template;
  const [start, time] = [nanosOf(lastMs), nanosOf(timeMs)];
  template.lastMs = timeMs;
  for (const at of starts) start.copy(bytes, at);
  for (const at of times) time.copy(bytes, at);
  return gzipSync(bytes, { level: 1 });
}

async function run(): Promise<void> {
  const templates = Array.from({ length: INSTANCES }, (_, instance) => templateOf(instance));
  const pauseMs = 1000 / Number(bodiesPerSecond);
  const pending = new Set<Promise<void>>();
  let running = true;
  process.on('message', () => {
    running = false;
  });
  process.on('disconnect', () => process.exit());
  // Readers on the same core go first.
  setPriority(constants.priority.PRIORITY_LOW);
  let next = performance.now();
  for (let n = 0; running; n++) {
    const sent = post(agent, url, source, stamped(templates[n % INSTANCES], Date.now()));
    const counted = sent.then(() => {
      pending.delete(counted);
      process.send?.('taken');
    });
    pending.add(counted);
    if (pending.size > MAX_PENDING) await Promise.race(pending);
    next += pauseMs;
    const wait = next - performance.now();
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    // What was missed for a second is not sent at once.
    else if (wait < -1000) next = performance.now();
  }
  await Promise.all(pending);
  agent.destroy();
  process.send?.('ended');
  process.disconnect();
}

await run();
